package loadgen

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"pqbench/results"
)

// Closed is a closed loop: each worker starts its next unit when the last one has ended. It answers "how fast can it
// go", and nothing about latency under load: a stall delays the units that would have met it.
type Closed struct {
	Workers int
	// Count is how many units to run in all; zero runs for Duration instead.
	Count    int
	Duration time.Duration
	Clock    Clock
}

// Unit does one unit of load and fills in what it saw. worker is 0 ≤ worker < Workers; a worker is one goroutine, so
// what belongs to it needs no lock.
type Unit func(ctx context.Context, worker int, s *results.Sample)

// Run runs the loop and returns the samples, those of each worker in order. When ctx ends, no new unit is started; the
// units that never started are in dropped. Both numbers are counted where it happens, and not derived from the samples:
// Check compares them.
func (c Closed) Run(ctx context.Context, unit Unit) (samples []results.Sample, scheduled, dropped int) {
	var next, started atomic.Int64
	var wg sync.WaitGroup
	end := c.Clock.Now() + int64(c.Duration)
	more := func() bool {
		if ctx.Err() != nil {
			return false
		}
		if c.Count > 0 {
			return next.Add(1) <= int64(c.Count)
		}
		return c.Clock.Now() < end
	}
	rec := results.NewRecorder(c.Workers, c.capacity())
	for w := range c.Workers {
		wg.Go(func() {
			buffer := rec.Worker(w)
			for more() {
				started.Add(1)
				s := results.Sample{Intended: c.Clock.Now()}
				s.Sent = s.Intended
				unit(ctx, w, &s)
				buffer.Add(s)
			}
		})
	}
	wg.Wait()
	scheduled = int(started.Load())
	if c.Count > 0 {
		dropped = c.Count - scheduled
		scheduled = c.Count
	}
	return rec.Take(), scheduled, dropped
}

// capacity is how many samples a worker's buffer holds before it grows: its share of a count with room for luck, or
// what a fast loopback path can do in the duration.
func (c Closed) capacity() int {
	if c.Count > 0 {
		return 2*c.Count/c.Workers + 8
	}
	const perSecond = 20_000
	return int(c.Duration.Seconds()*perSecond)/c.Workers + 64
}
