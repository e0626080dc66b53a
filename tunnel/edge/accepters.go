package edge

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/quic-go/quic-go"
)

// maxAccepters is how many goroutines accept a listener's connections at the
// most. quic-go refuses those that complete while 32 wait to be accepted, and
// hands one over without a wait while anybody is there to take it: in a storm
// on busy cores a single goroutine's turn comes too seldom.
const maxAccepters = 256

// Accepters are goroutines that accept the connections of a listener. They
// come with the first connections, and stay until the listener is closed.
type Accepters struct {
	listener *quic.EarlyListener
	begin    func(*quic.Conn)
	count    atomic.Int64
	running  sync.WaitGroup
}

// StartAccepters calls begin with each connection, from several goroutines at once.
// It has all of them from the start when atOnce is set, which suits an edge
// that thousands come to, and costs one of few connections allocations.
func StartAccepters(listener *quic.EarlyListener, atOnce bool, begin func(*quic.Conn)) *Accepters {
	a := &Accepters{listener: listener, begin: begin}
	a.more()
	for atOnce && a.more() {
	}
	return a
}

// Count is how many goroutines there are.
func (a *Accepters) Count() int { return int(min(a.count.Load(), maxAccepters)) }

// Wait returns when the listener is closed and the last begin is over.
func (a *Accepters) Wait() { a.running.Wait() }

// more adds a goroutine unless there are enough.
func (a *Accepters) more() bool {
	if a.count.Load() >= maxAccepters || a.count.Add(1) > maxAccepters {
		return false
	}
	a.running.Go(a.run)
	return true
}

func (a *Accepters) run() {
	for {
		qc, err := a.listener.Accept(context.Background())
		if err != nil {
			return
		}
		a.more()
		a.begin(qc)
	}
}
