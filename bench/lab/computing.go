package lab

import (
	"sync"
	"time"

	"pqbench/bench/lab/link"
)

// A spell of computing at one end: it was asked for, waited for a core, began and was done. Times are since the record
// began.
type spell struct {
	end                link.Dir // the end that sends in this direction
	asked, began, done time.Duration
}

// cores are the server's, for all its clients together: first come, first served. The zero value has none; a client's
// own computing takes no place there.
type cores struct {
	mu      sync.Mutex
	free    int
	waiting []chan struct{}
}

func (c *cores) acquire() {
	c.mu.Lock()
	if c.free > 0 {
		c.free--
		c.mu.Unlock()
		return
	}
	turn := make(chan struct{})
	c.waiting = append(c.waiting, turn)
	c.mu.Unlock()
	<-turn
}

func (c *cores) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		c.free++
		return
	}
	close(c.waiting[0])
	c.waiting = c.waiting[1:]
}

// compute lets an end's computing take its time, on one of its cores; nil is a core of its own.
func (x *trial) compute(end link.Dir, d time.Duration, on *cores) {
	if d <= 0 {
		return
	}
	s := spell{end: end, asked: time.Since(x.record.Start)}
	if on != nil {
		on.acquire()
		defer on.release()
	}
	s.began = time.Since(x.record.Start)
	time.Sleep(d)
	s.done = time.Since(x.record.Start)
	x.mu.Lock()
	x.spells = append(x.spells, s)
	x.mu.Unlock()
}
