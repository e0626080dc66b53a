//go:build !linux

package loadgen

// NewPreciseWaiter is the runtime's timer: this system has none that the runtime could watch.
func NewPreciseWaiter() Waiter { return NewSleeper() }
