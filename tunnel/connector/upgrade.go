package connector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"pqbench/tunnel/internal/duplex"
	"pqbench/tunnel/internal/field"
	"pqbench/tunnel/internal/wire"
)

// upgrade asks for a WebSocket (RFC 6455 section 4.1). The key is the eyeball's; the rest is said here, as cloudflared
// does, since fields of one hop do not cross the tunnel.
func upgrade(req *http.Request) {
	req.Header["Connection"] = []string{"Upgrade"}
	req.Header["Upgrade"] = []string{"websocket"}
	req.Header["Sec-Websocket-Version"] = []string{"13"}
	req.ContentLength, req.Body = 0, nil
}

// errUnasked: the connection would be read for good, and not even the request's context would end it.
var errUnasked = errors.New("the origin service switches protocols unasked")

// switchProtocols answers 101 and passes the bytes on.
func (x *exchange) switchProtocols(kind wire.Kind, resp *http.Response) error {
	origin, ok := resp.Body.(io.ReadWriteCloser)
	if kind != wire.WebSocket || !ok || !strings.EqualFold(resp.Header.Get("Upgrade"), "websocket") {
		return errUnasked
	}
	connection := resp.Header["Connection"]
	var fields []wire.Metadata
	for name, values := range resp.Header {
		if field.Hop(name, connection) {
			continue
		}
		for _, v := range values {
			fields = append(fields, wire.Metadata{Key: name, Val: v})
		}
	}
	enc := wire.BeginResponse(nil, "", 3+len(fields))
	enc.Add(wire.KeyStatus, "", "101")
	enc.Add(wire.KeyHeaderPrefix, "Connection", "Upgrade")
	enc.Add(wire.KeyHeaderPrefix, "Upgrade", "websocket")
	for _, f := range fields {
		enc.Add(wire.KeyHeaderPrefix, f.Key, f.Val)
	}
	if err := x.begin(enc, http.StatusSwitchingProtocols); err != nil {
		return err
	}
	return x.relay(switched{origin}, duplex.Linger)
}

// switched is an origin after a 101, as http1 and net/http return it.
type switched struct{ io.ReadWriteCloser }

func (s switched) CloseWrite() error {
	if half, ok := s.ReadWriteCloser.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		return nil
	}
	return s.Close()
}

func (s switched) Abort() { _ = s.Close() }

// relay passes bytes both ways. The edge's STOP_SENDING ends both.
func (x *exchange) relay(origin duplex.End, linger time.Duration) error {
	stream := &duplex.Stream{Stream: x.stream, Reader: &x.body}
	stop := context.AfterFunc(x.stream.Context(), func() {
		if !stream.Ended() {
			origin.Abort()
		}
	})
	defer stop()
	_, down, err := duplex.Copy(stream, origin, linger)
	x.event.BytesDown = down
	if err != nil {
		return fmt.Errorf("pass bytes on: %w", err)
	}
	return nil
}

// tcpConnectTimeout is cloudflared's for private networks (ingress/config.go, 2026.8.2).
const tcpConnectTimeout = 5 * time.Second

// connect serves a TCP stream, to listed destinations only: anything else would make the connector a way into
// whatever network it stands in.
func (x *exchange) connect(dest string) error {
	address, err := netip.ParseAddrPort(dest)
	if err != nil {
		return fmt.Errorf("%w: dest is no IP address with a port", errHead)
	}
	if !slices.Contains(x.destinations, address) {
		return fmt.Errorf("tcp to %s is not allowed by the connector's configuration", address)
	}
	dialer := net.Dialer{Timeout: tcpConnectTimeout}
	origin, err := dialer.DialContext(x.stream.Context(), "tcp", address.String())
	if err != nil {
		return fmt.Errorf("unable to dial tcp to origin %s: %w", address, err)
	}
	defer origin.Close()
	if err := x.begin(wire.BeginResponse(nil, "", 0), 0); err != nil {
		return err
	}
	return x.relay(duplex.Conn{Conn: origin}, 0)
}
