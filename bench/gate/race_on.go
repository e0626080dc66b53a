//go:build race

package gate

// Race says that this build has the race detector, which shuffles goroutines on purpose, and allocates.
const Race = true
