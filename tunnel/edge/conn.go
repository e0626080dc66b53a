package edge

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/registration"
)

// conn is one QUIC connection from a connector.
type conn struct {
	edge    *Edge
	quic    *quic.Conn
	control *registration.Server // nil until the first stream

	// mu orders a registration with the end of the connection: whichever
	// is second sees the first, so no dead connection stays in rotation.
	mu   sync.Mutex
	gone bool
	// key and name are set by the registration, before the conn enters
	// rotation, and never again: a request that finds it there reads them
	// without mu. name's tunnel is zero until then.
	key  key
	name tunnel.Connection
}

// serve lives as long as the connection. A connection without streams costs
// this goroutine and nothing more.
func (c *conn) serve() {
	defer c.forget()
	if !c.complete() {
		return
	}
	e := c.edge
	e.counters.handshakes.Add(1)
	e.counters.open.Add(1)
	defer e.counters.open.Add(-1)
	overdue := c.expectRegistration()
	err := c.acceptStreams()
	overdue()
	c.mu.Lock()
	c.gone = true
	name := c.name
	c.mu.Unlock()
	registered := name.Tunnel != uuid.Nil
	if registered && e.tunnels.remove(c) {
		e.log.Info("tunnel connection lost", "tunnel", name.Tunnel, "connIndex", name.Index, "error", err)
	}
	if c.control != nil {
		c.control.Close()
	}
	if e.trace.ConnClosed != nil {
		name.Remote = c.quic.RemoteAddr()
		e.trace.ConnClosed(tunnel.ConnClose{Connection: name, At: time.Now(), Registered: registered, Err: err})
	}
}

// complete waits for the handshake and reports how it ended.
func (c *conn) complete() bool {
	h := c.quic.Context().Value(handshakeKey{}).(*handshake)
	select {
	case <-c.quic.HandshakeComplete():
	case <-c.quic.Context().Done():
		select {
		case <-c.quic.HandshakeComplete(): // both: complete, then closed
		default:
			if h.stop() {
				c.edge.handshakeFailed(h, c.quic.LocalAddr(), c.quic.RemoteAddr(), context.Cause(c.quic.Context()))
			}
			return false
		}
	}
	done := time.Now()
	h.stop()
	if hook := c.edge.trace.HandshakeDone; hook != nil {
		state := c.quic.ConnectionState().TLS
		hook(tunnel.Handshake{
			Start: h.start, Done: done, Group: state.CurveID, Retried: state.HelloRetryRequest,
			Local: c.quic.LocalAddr(), Remote: c.quic.RemoteAddr(),
		})
	}
	return true
}

// expectRegistration closes a connection that does not register in time: a
// peer that only keeps it alive would hold it for ever. Pre-checks of
// cloudflared close by themselves long before. The returned func ends the wait.
func (c *conn) expectRegistration() (stop func() bool) {
	if c.edge.cfg.RegisterTimeout < 0 {
		return func() bool { return true }
	}
	return time.AfterFunc(c.edge.cfg.RegisterTimeout, func() {
		if c.giveUp() {
			c.edge.counters.neverRegistered.Add(1)
			_ = c.quic.CloseWithError(0, "no registration")
		}
	}).Stop
}

// giveUp refuses registrations from now on, unless there has been one.
func (c *conn) giveUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone || c.name.Tunnel != uuid.Nil {
		return false
	}
	c.gone = true
	return true
}

// acceptStreams serves the control stream, and resets any other: no RPC of
// theirs is spoken yet. It returns why the connection ended.
//
// A registration lasts as long as its connection, not as its control stream:
// cloudflared (2026.8.2, connection/control.go) reads that stream for answers
// alone, so it does not notice when it breaks, and goes on serving requests.
// What it loses is the orderly leave: it then closes the connection at once,
// which takes it out of rotation as any loss does. To close the connection
// from here would only fail requests that the connector still answers.
func (c *conn) acceptStreams() error {
	for {
		stream, err := c.quic.AcceptStream(context.Background())
		if err != nil {
			return err
		}
		if stream.StreamID() == 0 && c.control == nil {
			c.control = registration.Serve(controlStream{stream}, c)
			continue
		}
		stream.CancelRead(0)
		stream.CancelWrite(0)
	}
}

func (c *conn) forget() {
	c.edge.mu.Lock()
	delete(c.edge.open, c)
	c.edge.mu.Unlock()
}

// controlStream makes Close end both directions, which is what unblocks RPC's reader.
type controlStream struct{ *quic.Stream }

func (s controlStream) Close() error {
	s.CancelRead(0)
	return s.Stream.Close()
}
