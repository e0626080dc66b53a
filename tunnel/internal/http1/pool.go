package http1

import (
	"sync"
	"time"
)

// pool keeps unused connections, the latest used on top: under less load the ones below grow old and go.
type pool struct {
	mu    sync.Mutex
	idle  []*conn // ordered by since
	timer *time.Timer
}

// take returns the connection used last; nil when there is none.
func (p *pool) take() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle) - 1
	if n < 0 {
		return nil
	}
	cn := p.idle[n]
	p.idle[n] = nil
	p.idle = p.idle[:n]
	return cn
}

// put keeps a connection; false says that there are enough.
func (p *pool) put(cn *conn, limit int, timeout time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) >= limit {
		return false
	}
	p.idle = append(p.idle, cn)
	if timeout > 0 {
		cn.since = time.Now()
		if p.timer == nil {
			p.timer = time.AfterFunc(timeout, func() { p.expire(timeout) })
		}
	}
	return true
}

// expire closes what has been unused for the time-out, and comes back for the rest. With nothing left there is no timer.
func (p *pool) expire(timeout time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, old := time.Now(), 0
	for old < len(p.idle) && now.Sub(p.idle[old].since) >= timeout {
		_ = p.idle[old].net.Close()
		old++
	}
	rest := copy(p.idle, p.idle[old:])
	clear(p.idle[rest:])
	p.idle = p.idle[:rest]
	switch {
	case p.timer == nil: // cleared meanwhile
	case rest == 0:
		p.timer = nil
	default:
		p.timer.Reset(timeout - now.Sub(p.idle[0].since))
	}
}

func (p *pool) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, cn := range p.idle {
		_ = cn.net.Close()
	}
	p.idle = nil
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}
