package edge

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
)

// The wait between dials of a peer doubles from the first to the last; each
// is drawn from its upper half, so that two data centers do not stay in step.
const (
	relayFirstWait = 100 * time.Millisecond
	relayLastWait  = 5 * time.Second
)

// link is the way to one peer.
type link struct {
	relay *relay
	peer  Peer

	mu   sync.RWMutex
	up   *quic.Conn // nil while there is none
	held *presenceSet
}

// keep dials the peer, again and again, until ctx ends.
func (l *link) keep(ctx context.Context) {
	wait := relayFirstWait
	for ctx.Err() == nil {
		was, err := l.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if was {
			wait = relayFirstWait
		}
		l.relay.edge.log.Warn("relay peer unreachable", "peer", l.peer.Name, "wasUp", was, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(wait/2 + rand.N(wait/2)):
		}
		wait = min(2*wait, relayLastWait)
	}
}

// once keeps one connection, until it is lost; was reports whether it was up.
func (l *link) once(ctx context.Context) (was bool, err error) {
	r := l.relay
	qc, err := r.transport.Dial(ctx, l.peer.Addr, r.cfg.TLS, r.cfg.quicConfig(true))
	if err != nil {
		return false, err
	}
	defer context.AfterFunc(ctx, func() { _ = qc.CloseWithError(0, "") })()
	hello, cancel := context.WithTimeout(ctx, tunnel.RPCTimeout)
	defer cancel()
	presence, err := qc.AcceptUniStream(hello)
	if err != nil {
		_ = qc.CloseWithError(0, "")
		return false, err
	}
	held := &presenceSet{}
	err = held.follow(presence, func() {
		was = true
		l.set(qc, held)
		r.edge.log.Info("relay peer connected", "peer", l.peer.Name, "group", groupName(uint16(qc.ConnectionState().TLS.CurveID)))
	})
	l.set(nil, nil)
	_ = qc.CloseWithError(0, "")
	return was, err
}

func (l *link) set(qc *quic.Conn, held *presenceSet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up, l.held = qc, held
}

// holding is the link's connection when the peer holds the tunnel.
func (l *link) holding(id uuid.UUID) *quic.Conn {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.up == nil || !l.held.has(id) {
		return nil
	}
	return l.up
}

func (l *link) status() PeerStatus {
	l.mu.RLock()
	defer l.mu.RUnlock()
	s := PeerStatus{Name: l.peer.Name, Up: l.up != nil}
	if s.Up {
		s.Group, s.Tunnels = l.up.ConnectionState().TLS.CurveID, l.held.len()
	}
	return s
}
