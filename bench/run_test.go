package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"pqbench/loadgen"
	"pqbench/results"
)

// A unit that ends after the phase does not make those after it end in time.
func TestCompletedInTime(t *testing.T) {
	phases := []loadgen.Phase{{Name: "all", Time: time.Second, From: 4, To: 4}}
	o := offered{phases: phases, halted: int64(time.Second), byPhase: [][]results.Sample{{
		{Completed: 3e9}, {Completed: 2e9}, {Completed: 1e9}, {Completed: 1e9 + 1},
	}}, cpu: make([]cpuTimesOf, 2)}
	var trial results.Trial
	o.fill(&trial, 0, generator{})
	assert.Equal(t, 4.0, trial.Values["offered_rate"])
	assert.Equal(t, 1.0, trial.Values["achieved_rate"])
	assert.EqualValues(t, 3e9, trial.Finished)
}

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
