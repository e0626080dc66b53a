package role

import (
	"crypto/tls"
	"fmt"
	"sync"
	"time"

	"pqbench/kex"
	"pqbench/tunnel"
)

// registrations watches connectors come up: how long each connection's handshake and registration took, and which
// group it negotiated.
type registrations struct {
	want tls.CurveID

	mu    sync.Mutex
	reply TunnelsReply
	wrong error
}

func (r *registrations) trace() *tunnel.Trace {
	return &tunnel.Trace{
		HandshakeDone: func(h tunnel.Handshake) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if h.Err != nil {
				return // the connector retries, and says so when it gives up
			}
			r.reply.Handshake = append(r.reply.Handshake, h.Done.Sub(h.Start))
			if h.Group != r.want && r.wrong == nil {
				got, _ := kex.ByID(h.Group)
				want, _ := kex.ByID(r.want)
				r.wrong = fmt.Errorf("a tunnel's connection negotiated %s (0x%04x) where %s was offered and expected", got.Label(), uint16(h.Group), want.Label())
			}
		},
		Registered: func(g tunnel.Registration) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if g.Err == nil {
				r.reply.Registration = append(r.reply.Registration, g.Done.Sub(g.Start))
			}
		},
	}
}

func (r *registrations) take(reply *TunnelsReply) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	reply.Handshake = append([]time.Duration(nil), r.reply.Handshake...)
	reply.Registration = append([]time.Duration(nil), r.reply.Registration...)
	return r.wrong
}
