package edge

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
)

// DefaultRetryAbove is Config.RetryAbove's default. What is half open at an
// honest rate is that rate times the round trip: at 2,000 handshakes a second,
// about what two cores complete, and 100 ms it is 200. Each holds buffers and
// keys until it completes or HandshakeIdleTimeout has passed.
const DefaultRetryAbove = 256

// handshake follows one handshake from its first Initial.
type handshake struct {
	start time.Time
	// stop ends the watch for failure; false says it has fired.
	stop func() bool
}

type handshakeKey struct{}

// mustProve is asked by quic-go for every Initial that begins a connection
// and brings no proof of its address yet, on the goroutine that calls
// handshakeStarted next: no handshake comes in between.
func (e *Edge) mustProve(addr net.Addr) bool {
	asked := e.cfg.VerifySourceAddress != nil && e.cfg.VerifySourceAddress(addr)
	above := e.retryAbove.Load()
	flooded := above >= 0 && e.counters.halfOpen.Load() >= above
	if asked || flooded {
		e.counters.retries.Add(1)
		return true
	}
	return false
}

// Admit changes Config.RetryAbove and Config.RefuseAbove of a running edge:
// never is negative for the first and 0 for the second.
func (e *Edge) Admit(retryAbove, refuseAbove int) {
	e.retryAbove.Store(int64(retryAbove))
	e.refuseAbove.Store(int64(refuseAbove))
}

// errBusy is why a handshake is refused above Config.RefuseAbove. The peer is
// told CONNECTION_REFUSED.
var errBusy = errors.New("too many handshakes in progress")

// handshakeStarted is called by quic-go for every Initial that begins a
// connection. A handshake that dies before it has keys is never handed to
// accept; its context is the only thing that tells.
func (e *Edge) handshakeStarted(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
	if limit := e.refuseAbove.Load(); limit > 0 && e.counters.halfOpen.Load() >= limit {
		e.counters.initialsRefused.Add(1)
		return ctx, errBusy
	}
	h := &handshake{start: time.Now()}
	ctx = context.WithValue(ctx, handshakeKey{}, h)
	remote := info.RemoteAddr
	e.counters.halfOpen.Add(1)
	watch := context.AfterFunc(ctx, func() {
		e.counters.halfOpen.Add(-1)
		cause := context.Cause(ctx)
		var app *quic.ApplicationError
		if errors.As(cause, &app) && app.Remote {
			return // only a complete connection can be closed so: accept has it
		}
		e.handshakeFailed(h, nil, remote, cause)
	})
	h.stop = func() bool {
		stopped := watch()
		if stopped {
			e.counters.halfOpen.Add(-1)
		}
		return stopped
	}
	return ctx, nil
}

func (e *Edge) handshakeFailed(h *handshake, local, remote net.Addr, err error) {
	e.counters.handshakesFailed.Add(1)
	if e.trace.HandshakeDone != nil {
		e.trace.HandshakeDone(tunnel.Handshake{
			Start: h.start, Done: time.Now(), Local: local, Remote: remote, Err: err})
	}
}
