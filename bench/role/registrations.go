package role

import (
	"crypto/tls"
	"fmt"
	"sync"
	"time"

	"pqbench/kex"
	"pqbench/tunnel"
)

// registrations watches connectors come up: how long each connection's registration took, and which group it
// negotiated.
type registrations struct {
	want tls.CurveID

	mu     sync.Mutex
	reply  TunnelsReply
	failed []string // handshakes and registrations that failed, and were tried again
	wrong  error
}

func (r *registrations) trace() *tunnel.Trace {
	return &tunnel.Trace{
		HandshakeDone: func(h tunnel.Handshake) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if h.Err != nil {
				r.failed = append(r.failed, "handshake: "+h.Err.Error())
				return
			}
			if h.Group != r.want && r.wrong == nil {
				got, _ := kex.ByID(h.Group)
				want, _ := kex.ByID(r.want)
				r.wrong = fmt.Errorf("a tunnel's connection negotiated %s (0x%04x) where %s was offered and expected", got.Label(), uint16(h.Group), want.Label())
			}
		},
		Registered: func(g tunnel.Registration) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if g.Err != nil {
				r.failed = append(r.failed, "registration: "+g.Err.Error())
			} else {
				r.reply.Registration = append(r.reply.Registration, g.Done.Sub(g.Start))
			}
		},
	}
}

func (r *registrations) take(reply *TunnelsReply) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	reply.Registration = append([]time.Duration(nil), r.reply.Registration...)
	return r.wrong
}

// troubles says what went wrong with tunnels that stand or stood: attempts that failed, and connections that were
// made more often than they should have been, because they were lost.
func (r *registrations) troubles(want int) (troubles []string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.failed {
		troubles = append(troubles, "a connection failed and was tried again: "+f)
	}
	if lost := len(r.reply.Registration) - want; lost > 0 {
		troubles = append(troubles, fmt.Sprintf("%d connections were lost and made again", lost))
	}
	return troubles, r.wrong
}
