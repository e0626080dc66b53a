package connector

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
)

// A Dialer makes a connector's QUIC connections. It is what a Connector uses, and all that it adds to
// quic.Transport.Dial is the tunnel's configuration. The fields must not change after the first Dial.
type Dialer struct {
	// TLS has the roots and, as CurvePreferences, the named groups on offer; ALPN, version and SNI are filled in.
	TLS *tls.Config
	// QUIC changes cloudflared's values.
	QUIC  tunnel.QUICOptions
	Trace *tunnel.Trace

	once sync.Once
	tls  *tls.Config
	quic *quic.Config
}

// Dial returns when the handshake is complete at this side. The error is quic-go's.
func (d *Dialer) Dial(ctx context.Context, tr *quic.Transport, edge net.Addr) (*quic.Conn, error) {
	d.once.Do(func() {
		d.tls = tunnel.TLSConfig(tunnel.ConnectorSide, d.TLS)
		d.quic = tunnel.QUICConfig(tunnel.ConnectorSide, d.QUIC)
	})
	if d.Trace == nil || d.Trace.HandshakeDone == nil {
		return tr.Dial(ctx, edge, d.tls, d.quic)
	}
	h := tunnel.Handshake{Start: time.Now(), Remote: edge}
	if d.Trace.HandshakeBegins != nil {
		d.Trace.HandshakeBegins(h.Start)
	}
	c, err := tr.Dial(ctx, edge, d.tls, d.quic)
	h.Done, h.Err = time.Now(), err
	if err == nil {
		state := c.ConnectionState().TLS
		h.Group, h.Retried, h.Local = state.CurveID, state.HelloRetryRequest, c.LocalAddr()
	}
	d.Trace.HandshakeDone(h)
	return c, err
}
