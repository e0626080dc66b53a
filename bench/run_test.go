package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A clock that was set during a run is told; one that a time service slews is not.
func TestStepOfTheClock(t *testing.T) {
	for _, c := range []struct{ monotonic, wall time.Duration }{
		{0, 0}, {time.Minute, time.Minute + 100*time.Millisecond}, {time.Hour, time.Hour + 1800*time.Millisecond}, {time.Hour, time.Hour - 1800*time.Millisecond},
	} {
		assert.Empty(t, stepped(c.monotonic, c.wall), "%v by the wall's clock in %v", c.wall, c.monotonic)
	}
	assert.Contains(t, stepped(time.Minute, time.Hour+time.Minute), "set by 1h0m0s")
	assert.Contains(t, stepped(time.Minute, time.Minute-time.Second), "set by -1s")
	assert.Contains(t, stepped(time.Hour, time.Hour+3*time.Second), "set by 3s")
}
