package role

import (
	"crypto/tls"
	"fmt"
	"sync"
	"time"

	"pqbench/kex"
	"pqbench/tunnel"
)

// comingUp watches, at the edge, connections come up: from the first Initial until the registration is accepted. It is
// the same instrument for every connector, whoever made it.
type comingUp struct {
	mu     sync.Mutex
	began  map[string]tunnel.Handshake // complete and not yet registered, by the remote address
	took   []time.Duration
	groups map[tls.CurveID]int // registered connections by negotiated group
}

func (u *comingUp) trace() *tunnel.Trace {
	return &tunnel.Trace{
		HandshakeDone: func(h tunnel.Handshake) {
			if h.Err != nil {
				return
			}
			u.mu.Lock()
			defer u.mu.Unlock()
			if u.began == nil {
				u.began, u.groups = map[string]tunnel.Handshake{}, map[tls.CurveID]int{}
			}
			u.began[h.Remote.String()] = h
		},
		Registered: func(r tunnel.Registration) {
			u.mu.Lock()
			defer u.mu.Unlock()
			h, ok := u.began[r.Remote.String()]
			if r.Err == nil && ok {
				u.took = append(u.took, r.Done.Sub(h.Start))
				u.groups[h.Group]++
			}
		},
		ConnClosed: func(c tunnel.ConnClose) {
			u.mu.Lock()
			defer u.mu.Unlock()
			delete(u.began, c.Remote.String())
		},
	}
}

// Up replies with how long each connection that has registered since the last call took to come up. The error is one
// that negotiated another group than the one wanted.
func (r *EdgeRole) Up(want tls.CurveID, took *[]time.Duration) error {
	u := &r.up
	u.mu.Lock()
	defer u.mu.Unlock()
	*took, u.took = u.took, nil
	for id, n := range u.groups {
		if id != want {
			got, _ := kex.ByID(id)
			expected, _ := kex.ByID(want)
			return fmt.Errorf("%d connections negotiated %s (0x%04x) where %s was offered and expected", n, got.Label(), uint16(id), expected.Label())
		}
	}
	clear(u.groups)
	return nil
}
