package loadgen

import "time"

// Clock counts nanoseconds from a run's origin. All processes of a run share the origin, a reading of the system's
// monotonic clock, so that their times can be compared.
type Clock struct {
	origin    time.Time // holds a monotonic reading; the wall clock may step without harm
	monotonic int64
}

// NewClock starts a run's clock now.
func NewClock() Clock { return Clock{origin: time.Now(), monotonic: monotonicNow()} }

// ClockAt is the clock of a run whose origin is the given reading of the system's monotonic clock, in nanoseconds.
func ClockAt(monotonic int64) Clock {
	now := time.Now()
	return Clock{origin: now.Add(-time.Duration(monotonicNow() - monotonic)), monotonic: monotonic}
}

// Monotonic is the origin as the system's monotonic clock showed it, to be handed to other processes.
func (c Clock) Monotonic() int64 { return c.monotonic }

// Now is the time since the origin in nanoseconds.
func (c Clock) Now() int64 { return int64(time.Since(c.origin)) }

// At is an instant since the origin in nanoseconds.
func (c Clock) At(t time.Time) int64 { return int64(t.Sub(c.origin)) }
