package loadgen

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"pqbench/results"
)

// Open is an open loop: units start when the schedule says, whatever became of those before. Latency counts from the
// intended instant, so that a stall of the other side shows in every unit that met it (a closed loop would have waited
// with them, and shown one).
//
// Each worker takes the next instant of the schedule, waits for it, and runs its unit: there is no dispatcher that
// would have to hand units over. As long as a worker is free it is waiting for an instant that is still to come.
type Open struct {
	// Workers is how many units may be in flight. A unit for which no worker is free at its instant is dropped.
	Workers int
	// At is the schedule, ns since Start, in increasing order. Start is on the Clock.
	At    []int64
	Start int64
	Clock Clock
	// NewWaiter makes the timer of a worker; nil for the most precise one of the system.
	NewWaiter func() Waiter
}

// Run runs the schedule and returns the samples, those that were dropped included (results.ClassDropped). When ctx ends
// the schedule ends there: units in flight are waited for, and what was intended later was never scheduled. Both numbers are
// counted where it happens, and not derived from the samples: Check compares them.
func (o Open) Run(ctx context.Context, unit Unit) (samples []results.Sample, scheduled, dropped int) {
	var next, started, drops atomic.Int64
	rec := results.NewRecorder(o.Workers, 2*len(o.At)/o.Workers+64)
	waiters := o.waiters()
	stop := context.AfterFunc(ctx, func() {
		for _, w := range waiters {
			w.Interrupt()
		}
	})
	defer stop()
	var wg sync.WaitGroup
	for w := range o.Workers {
		wg.Go(func() {
			defer waiters[w].Close()
			buffer := rec.Worker(w)
			for {
				i := next.Add(1) - 1
				if i >= int64(len(o.At)) || ctx.Err() != nil {
					return
				}
				s := results.Sample{Intended: o.Start + o.At[i]}
				early := s.Intended - o.Clock.Now()
				if early < 0 {
					// A free worker would have taken this instant before it came.
					s.Class, s.Completed = results.ClassDropped, s.Intended
					drops.Add(1)
					buffer.Add(s)
					continue
				}
				if !waiters[w].Wait(time.Duration(early)) {
					return
				}
				started.Add(1)
				s.Sent = max(o.Clock.Now(), s.Intended) // a timer may be early by its own resolution
				unit(ctx, w, &s)
				buffer.Add(s)
			}
		})
	}
	wg.Wait()
	dropped = int(drops.Load())
	scheduled = int(started.Load()) + dropped
	if ctx.Err() == nil {
		scheduled = len(o.At)
	}
	return rec.Take(), scheduled, dropped
}

func (o Open) waiters() []Waiter {
	newWaiter := o.NewWaiter
	if newWaiter == nil {
		newWaiter = NewPreciseWaiter
	}
	waiters := make([]Waiter, o.Workers)
	for i := range waiters {
		waiters[i] = newWaiter()
	}
	return waiters
}
