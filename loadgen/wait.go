package loadgen

import (
	"sync"
	"time"
)

// A Waiter lets one goroutine wait, again and again.
type Waiter interface {
	// Wait waits for so long; false means that it was interrupted.
	Wait(time.Duration) bool
	// Interrupt ends the wait in progress and every later one. Any goroutine may call it.
	Interrupt()
	// Close frees what the waiter holds. Nobody may be waiting.
	Close()
}

// NewSleeper is the runtime's own timer: about a millisecond late at the 99th percentile where the process is idle,
// because the poller that sleeps in its stead counts in milliseconds.
func NewSleeper() Waiter { return &sleeper{interrupted: make(chan struct{})} }

type sleeper struct {
	once        sync.Once
	interrupted chan struct{}
}

func (s *sleeper) Wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.interrupted:
		return false
	}
}

func (s *sleeper) Interrupt() { s.once.Do(func() { close(s.interrupted) }) }
func (s *sleeper) Close()     {}
