package loadgen

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

// even is an open loop of n units with even gaps, in virtual time.
func even(workers, n int, gap time.Duration) Open {
	o := Open{Workers: workers, Clock: NewClock(), NewWaiter: NewSleeper, Start: int64(time.Millisecond)}
	for i := range n {
		o.At = append(o.At, int64(i)*int64(gap))
	}
	return o
}

func TestOpenKeepsTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := even(4, 100, 10*time.Millisecond)
		samples, scheduled, dropped := o.Run(t.Context(), func(_ context.Context, _ int, s *results.Sample) {
			time.Sleep(25 * time.Millisecond) // three in flight
			s.Completed = o.Clock.Now()
		})
		assert.Equal(t, 100, scheduled)
		assert.Zero(t, dropped)
		require.NoError(t, Check(samples, scheduled, dropped))
		for i, s := range samples {
			require.Equal(t, o.Start+o.At[i], s.Intended)
			require.Equal(t, s.Intended, s.Sent)
			require.Equal(t, 25*time.Millisecond, time.Duration(s.Completed-s.Intended))
		}
	})
}

// What finds no free worker at its instant is dropped, and counted: with two workers and units of 25 ms every 10 ms,
// those at 20, 50, 80 ms.
func TestOpenDropsWhatCannotStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := even(2, 9, 10*time.Millisecond)
		var inFlight, most atomic.Int64
		samples, scheduled, dropped := o.Run(t.Context(), func(_ context.Context, _ int, s *results.Sample) {
			most.Store(max(most.Load(), inFlight.Add(1)))
			time.Sleep(25 * time.Millisecond)
			inFlight.Add(-1)
			s.Completed = o.Clock.Now()
		})
		assert.Equal(t, 9, scheduled)
		assert.Equal(t, 3, dropped)
		assert.EqualValues(t, 2, most.Load())
		var at []int64
		for _, s := range samples {
			if s.Class == results.ClassDropped {
				at = append(at, (s.Intended-o.Start)/ms)
			}
		}
		assert.Equal(t, []int64{20, 50, 80}, at)
		require.NoError(t, Check(samples, scheduled, dropped))
		assert.Error(t, Check(samples, scheduled, dropped-1), "a drop was not counted")
		assert.Error(t, Check(samples[1:], scheduled, dropped), "a sample got lost")
	})
}

// An interrupt ends the schedule: units in flight end, and what was intended later was never scheduled.
func TestOpenInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := even(3, 1000, 10*time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		samples, scheduled, dropped := o.Run(ctx, func(_ context.Context, _ int, s *results.Sample) {
			time.Sleep(15 * time.Millisecond)
			s.Completed = o.Clock.Now()
		})
		assert.Len(t, samples, 10, "at 1, 11, … 91 ms")
		assert.Equal(t, 10, scheduled)
		assert.Zero(t, dropped)
		require.NoError(t, Check(samples, scheduled, dropped))
		assert.LessOrEqual(t, time.Duration(o.Clock.Now()), 106*time.Millisecond)
	})
}

// stalling is an edge that answers a unit in a millisecond, but nothing from 2 s to 3 s.
type stalling struct{ clock Clock }

func (e stalling) unit(_ context.Context, _ int, s *results.Sample) {
	begin, end := int64(2*time.Second), int64(3*time.Second)
	if now := e.clock.Now(); now >= begin && now < end {
		time.Sleep(time.Duration(end - now))
	}
	time.Sleep(time.Millisecond)
	s.Completed = e.clock.Now()
}

// worst is the latency that so many of the samples reach or exceed.
func worst(samples []results.Sample, n int) time.Duration {
	var times []time.Duration
	for _, s := range samples {
		times = append(times, time.Duration(s.Completed-s.Intended))
	}
	slices.Sort(times)
	return times[len(times)-n]
}

// A stall of one second shows in full in an open loop: every unit that was intended during it has what it waited. Of
// 10,000 at 1,000 a second the tenth worst, which is the 99.9th percentile, met it 9 ms after its beginning.
// The worker of a closed loop waits with the edge: one unit is slow, and p99.9 knows nothing of it.
func TestOpenShowsTheStallThatClosedHides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := even(1100, 10_000, time.Millisecond)
		samples, scheduled, dropped := o.Run(t.Context(), stalling{o.Clock}.unit)
		require.NoError(t, Check(samples, scheduled, dropped))
		assert.Zero(t, dropped)
		assert.Equal(t, 1001*time.Millisecond, worst(samples, 1), "the first that met it, and its own millisecond")
		assert.Equal(t, 992*time.Millisecond, worst(samples, 10), "p99.9")
		assert.Equal(t, time.Millisecond, worst(samples, 1001), "p90: the stall is a tenth of the run")
	})
	synctest.Test(t, func(t *testing.T) {
		clock := NewClock()
		samples, scheduled, dropped := Closed{Workers: 1, Duration: 10 * time.Second, Clock: clock}.Run(t.Context(), stalling{clock}.unit)
		require.NoError(t, Check(samples, scheduled, dropped))
		assert.Len(t, samples, 9000)
		assert.Equal(t, 1001*time.Millisecond, worst(samples, 1))
		assert.Equal(t, time.Millisecond, worst(samples, 9), "p99.9")
	})
}

// However the instants are shared out, each is taken once, and what workers record is merged without loss.
func TestOpenMerges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := even(64, 5000, 100*time.Microsecond)
		var mu sync.Mutex
		seen := map[int64]int{}
		samples, scheduled, dropped := o.Run(t.Context(), func(_ context.Context, worker int, s *results.Sample) {
			mu.Lock()
			seen[s.Intended]++
			mu.Unlock()
			time.Sleep(time.Duration(worker%7) * time.Millisecond)
			s.Completed = o.Clock.Now()
		})
		require.NoError(t, Check(samples, scheduled, dropped))
		require.Len(t, samples, 5000)
		for i, s := range samples {
			require.Equal(t, o.Start+o.At[i], s.Intended)
			if s.Class == "" {
				require.Equal(t, 1, seen[s.Intended])
			}
		}
	})
}
