package connector

import "sync"

// gauge counts requests in flight. Unlike a sync.WaitGroup it may grow while somebody waits.
type gauge struct {
	mu    sync.Mutex
	n     int
	total int           // of all additions
	zero  chan struct{} // closed when n is 0 again; nil while nobody asks, so that a request costs no allocation
}

func (g *gauge) add(d int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n += d
	g.total += max(d, 0)
	if g.n == 0 && g.zero != nil {
		close(g.zero)
		g.zero = nil
	}
}

// idle is closed when nothing is in flight, now or later.
func (g *gauge) idle() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n == 0 {
		return closed
	}
	if g.zero == nil {
		g.zero = make(chan struct{})
	}
	return g.zero
}

var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// begun is how many requests there have been.
func (g *gauge) begun() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.total
}
