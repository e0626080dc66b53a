package loadgen

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The precise waiter waits as long as it was told, and can be interrupted while it does.
func TestPreciseWaiter(t *testing.T) {
	w := NewPreciseWaiter()
	begin := time.Now()
	require.True(t, w.Wait(0))
	require.True(t, w.Wait(3*time.Millisecond))
	assert.GreaterOrEqual(t, time.Since(begin), 3*time.Millisecond)
	go w.Interrupt()
	assert.False(t, w.Wait(time.Hour))
	assert.False(t, w.Wait(time.Millisecond), "and stays so")
	w.Close()
}

// An interrupt is never lost, at whatever point of a wait it comes.
func TestInterruptAnywhere(t *testing.T) {
	for range 300 {
		w := NewPreciseWaiter()
		var running sync.WaitGroup
		running.Go(func() {
			for w.Wait(20 * time.Microsecond) {
			}
			assert.False(t, w.Wait(time.Hour))
		})
		time.Sleep(50 * time.Microsecond)
		w.Interrupt()
		running.Wait()
		w.Close()
	}
}

// BenchmarkLateness is how late waiters are, of a process at rest and of one whose processors all have work in pieces of
// 100 µs, as handshakes are: p50-late-ns and p99-late-ns.
func BenchmarkLateness(b *testing.B) {
	for _, load := range []struct {
		name string
		busy int
	}{{"rest", 0}, {"busy", 2 * runtime.GOMAXPROCS(0)}} {
		for _, of := range []struct {
			name   string
			waiter func() Waiter
		}{{"runtime", NewSleeper}, {"precise", NewPreciseWaiter}} {
			b.Run("process="+load.name+"/waiter="+of.name, func(b *testing.B) {
				stop := keepBusy(load.busy)
				defer stop()
				w := of.waiter()
				defer w.Close()
				late := make([]time.Duration, 0, b.N)
				for b.Loop() {
					begin := time.Now()
					w.Wait(time.Millisecond)
					late = append(late, time.Since(begin)-time.Millisecond)
				}
				slices.Sort(late)
				b.ReportMetric(float64(late[len(late)/2]), "p50-late-ns")
				b.ReportMetric(float64(late[len(late)*99/100]), "p99-late-ns")
			})
		}
	}
}

// keepBusy runs so many goroutines that compute in pieces.
func keepBusy(n int) (stop func()) {
	var done atomic.Bool
	var running sync.WaitGroup
	for range n {
		running.Go(func() {
			for !done.Load() {
				for begin := time.Now(); time.Since(begin) < 100*time.Microsecond; {
				}
				runtime.Gosched()
			}
		})
	}
	return func() {
		done.Store(true)
		running.Wait()
	}
}
