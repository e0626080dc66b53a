package tunnel

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/qlogwriter"
)

// A Side is one end of the tunnel.
type Side int

const (
	// ConnectorSide dials.
	ConnectorSide Side = iota
	// EdgeSide listens.
	EdgeSide
)

// QUICOptions change what a tunnel's quic.Config says. The zero value is cloudflared's.
type QUICOptions struct {
	// InitialPacketSize is the UDP payload of an Initial in bytes; default InitialPacketSize.
	InitialPacketSize int
	// KeepAlive is the PING period; default KeepAlivePeriod at the
	// connector and none at the edge; negative means none.
	KeepAlive time.Duration
	// Idle is the idle time-out; default MaxIdleTimeout.
	Idle time.Duration
	// HandshakeIdle bounds the silence during a handshake; default HandshakeIdleTimeout.
	HandshakeIdle time.Duration
	// StreamLimit is how many streams the edge may have open at once, for
	// the connector's side; default ConnectorStreamLimit.
	StreamLimit int64
	// DisablePathMTUDiscovery keeps packets at the initial size.
	DisablePathMTUDiscovery bool
	// Tracer receives quic-go's own events; nil is off and free.
	Tracer func(ctx context.Context, isClient bool, connID quic.ConnectionID) qlogwriter.Trace
}

// QUICConfig is the quic.Config of one side with cloudflared's values. Each
// call returns a new one.
func QUICConfig(side Side, o QUICOptions) *quic.Config {
	conf := &quic.Config{
		Versions:                   []quic.Version{quic.Version1},
		HandshakeIdleTimeout:       or(o.HandshakeIdle, HandshakeIdleTimeout),
		MaxIdleTimeout:             or(o.Idle, MaxIdleTimeout),
		MaxConnectionReceiveWindow: MaxConnectionReceiveWindow,
		MaxStreamReceiveWindow:     MaxStreamReceiveWindow,
		InitialPacketSize:          uint16(or(o.InitialPacketSize, InitialPacketSize)),
		DisablePathMTUDiscovery:    o.DisablePathMTUDiscovery,
		MaxIncomingUniStreams:      -1, // the protocol has none
		EnableDatagrams:            true,
		Tracer:                     o.Tracer,
	}
	if side == ConnectorSide {
		conf.KeepAlivePeriod = KeepAlivePeriod
		conf.MaxIncomingStreams = or(o.StreamLimit, int64(ConnectorStreamLimit))
	} else {
		conf.MaxIncomingStreams = EdgeStreamLimit
		// quic-go would begin with 768 KiB: two eyeballs that do not read
		// their responses (512 KiB of stream window each) stop all others.
		conf.InitialConnectionReceiveWindow = MaxConnectionReceiveWindow
	}
	if o.KeepAlive != 0 {
		conf.KeepAlivePeriod = max(o.KeepAlive, 0)
	}
	return conf
}

// TLSConfig is a copy of base with what the QUIC transport fixes: TLS 1.3
// and the one ALPN; at the connector also the SNI, unless base names one,
// and no session cache, since cloudflared never resumes.
func TLSConfig(side Side, base *tls.Config) *tls.Config {
	conf := &tls.Config{}
	if base != nil {
		conf = base.Clone()
	}
	conf.MinVersion = tls.VersionTLS13
	conf.NextProtos = []string{ALPN}
	if side == ConnectorSide && conf.ServerName == "" {
		conf.ServerName = QUICServerName
	}
	return conf
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// Validate reports sizes that no QUIC packet can have (RFC 9000 section 14).
func (o QUICOptions) Validate() error {
	if n := o.InitialPacketSize; n != 0 && (n < 1200 || n > 1452) {
		return fmt.Errorf("initial packet size %d: must be between 1200 and 1452 bytes", n)
	}
	return nil
}
