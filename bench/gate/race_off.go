//go:build !race

package gate

// Race says that this build has the race detector.
const Race = false
