package edge

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
)

// A relayed stream begins with one byte of options and a tunnel id. What
// follows are the bytes of a tunnel stream, both ways, preceded towards the
// entering data center by one byte when that was asked for.
const (
	relayPreamble = 1 + 16
	// optionAccept asks for relayAccepted once the tunnel's stream is open.
	// An entering data center with a body asks, since a body that has been
	// sent cannot be sent elsewhere; without one it need not wait.
	optionAccept  = 1
	relayAccepted = 1
)

// acceptLinks runs until the listener is closed.
func (r *relay) acceptLinks() {
	for {
		qc, err := r.listener.Accept(context.Background())
		if err != nil {
			return
		}
		r.mu.Lock()
		if r.closed {
			r.mu.Unlock()
			_ = qc.CloseWithError(0, "")
			continue
		}
		r.inbound[qc] = struct{}{}
		r.serving.Go(func() { r.hold(qc) })
		r.mu.Unlock()
	}
}

// hold serves one peer: it tells what is held here, and takes its requests.
func (r *relay) hold(qc *quic.Conn) {
	defer func() {
		r.mu.Lock()
		delete(r.inbound, qc)
		r.mu.Unlock()
	}()
	presence, err := qc.OpenUniStream()
	if err != nil {
		return
	}
	r.serving.Go(func() { _ = r.edge.tunnels.announce(presence, qc.Context().Done()) })
	for {
		stream, err := qc.AcceptStream(context.Background())
		if err != nil {
			r.edge.log.Info("relay peer left", "remote", qc.RemoteAddr(), "error", err)
			return
		}
		r.serving.Go(func() { r.edge.serveRelayed(stream) })
	}
}

// serveRelayed passes a peer's request to a connection of this data center,
// never to a third one: a request crosses one link at most.
func (e *Edge) serveRelayed(in *quic.Stream) {
	out, code := e.openRelayed(in)
	if out == nil {
		in.CancelRead(code)
		in.CancelWrite(code)
		return
	}
	defer e.requests.end()
	e.counters.relayedIn.Add(1)
	splice(side{in, relayLost}, side{out, 0})
}

// openRelayed reads the preamble and opens the tunnel's stream. The caller
// ends the request when there is one, and else resets with code.
func (e *Edge) openRelayed(in *quic.Stream) (out *quic.Stream, code quic.StreamErrorCode) {
	var b [relayPreamble]byte
	_ = in.SetReadDeadline(time.Now().Add(tunnel.RPCTimeout))
	if _, err := io.ReadFull(in, b[:]); err != nil {
		return nil, 0
	}
	_ = in.SetReadDeadline(time.Time{})
	if !e.requests.begin() {
		return nil, relayNotHere
	}
	_, out, err := e.openLocal(uuid.UUID(b[1:]))
	if err != nil {
		e.requests.end()
		return nil, relayNotHere
	}
	if b[0]&optionAccept != 0 {
		_, _ = in.Write([]byte{relayAccepted}) // the splice meets the error, too
	}
	return out, 0
}
