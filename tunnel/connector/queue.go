package connector

import (
	"sync"
	"time"
)

// queue makes lost connections wait together: the first begins a wait, those that come before its end share it, and
// all leave at once (cloudflared's supervisor, tunnelsWaiting). Connection 0 never waits here.
type queue struct {
	random func() float64

	mu    sync.Mutex
	law   backoff
	away  map[uint8]bool // have waited and are not back
	gate  chan struct{}  // closed at the end of the wait; nil: nobody waits
	end   time.Time
	below time.Duration
	timer *time.Timer
}

// join is the wait of a lost connection. It is over when gate is closed.
func (q *queue) join(index uint8) (gate <-chan struct{}, wait, below time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.away == nil {
		q.away = map[uint8]bool{}
	}
	q.away[index] = true
	now := time.Now()
	if q.gate == nil {
		q.gate = make(chan struct{})
		wait, q.below = q.law.next(now, q.random())
		q.end = now.Add(wait)
		q.timer = time.AfterFunc(wait, q.open)
	}
	return q.gate, q.end.Sub(now), q.below
}

func (q *queue) open() {
	q.mu.Lock()
	defer q.mu.Unlock()
	close(q.gate)
	q.gate = nil
}

// back says that a connection is registered or has ended for good. When none is away, the law calms down.
func (q *queue) back(index uint8) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.away[index] {
		return
	}
	if delete(q.away, index); len(q.away) == 0 {
		q.law.calm(time.Now(), q.random())
	}
}

// stop ends the timer of a wait that nobody waits for any more.
func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.timer != nil {
		q.timer.Stop()
	}
}
