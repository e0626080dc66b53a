//go:build !linux

package loadgen

import "time"

// monotonicNow falls back to the wall clock where the monotonic one cannot be read in numbers: a step of the wall
// clock between the start of two processes then shifts their samples against each other, never a duration.
func monotonicNow() int64 { return time.Now().UnixNano() }
