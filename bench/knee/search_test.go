package knee

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// run searches a system, and checks what holds of every search: it ends within its bound, never goes above a rate that
// failed, and its knee has passed.
func run(t *testing.T, o Options, keepsUp func(rate float64) bool) (r Result, stages []Stage) {
	t.Helper()
	s := New(o)
	passed := map[float64]bool{}
	for {
		rate, stage, ok := s.Next()
		if !ok {
			break
		}
		require.False(t, math.IsNaN(rate) || rate <= 0, rate)
		require.LessOrEqual(t, rate, s.high)
		require.Less(t, len(stages), s.o.Probes)
		stages = append(stages, stage)
		pass := keepsUp(rate)
		passed[rate] = passed[rate] || pass
		s.Observe(pass)
	}
	r = s.Result()
	require.Equal(t, len(stages), r.Probes)
	if r.Verified {
		require.True(t, passed[r.Knee])
		require.Less(t, r.Knee, r.Beyond)
	}
	return r, stages
}

// queue is an M/M/1 queue: the 99th percentile of the time in it is ln(100)/(μ−λ), which is at its bound at one rate.
func queue(capacity, bound float64) (keepsUp func(float64) bool, knee float64) {
	return func(rate float64) bool { return rate < capacity && math.Log(100)/(capacity-rate) <= bound }, capacity - math.Log(100)/bound
}

func TestSearchFindsTheKneeOfAQueue(t *testing.T) {
	for _, capacity := range []float64{150, 777, 1234, 50_000} {
		keepsUp, want := queue(capacity, 0.05)
		r, stages := run(t, Options{}, keepsUp)
		assert.True(t, r.Verified, r.Reason)
		assert.LessOrEqual(t, r.Knee, want)
		assert.Greater(t, r.Knee, want/1.05)
		assert.GreaterOrEqual(t, r.Beyond, want)
		assert.Equal(t, Doubling, stages[0])
		assert.Equal(t, []Stage{Verification, Verification, Verification, Recheck}, stages[len(stages)-4:])
		assert.Contains(t, stages, Bisection)
	}
}

// The start may lie above the knee: then it goes down first.
func TestSearchStartsTooHigh(t *testing.T) {
	keepsUp, want := queue(130, 0.1)
	r, _ := run(t, Options{Start: 2000}, keepsUp)
	assert.True(t, r.Verified)
	assert.InEpsilon(t, want, r.Knee, 0.05)
}

func TestSearchWithoutAKnee(t *testing.T) {
	r, _ := run(t, Options{}, func(float64) bool { return false })
	assert.Zero(t, r.Knee)
	assert.False(t, r.Verified)
	assert.Contains(t, r.Reason, "not even")

	r, _ = run(t, Options{Most: 5000}, func(float64) bool { return true })
	assert.Equal(t, 5000.0, r.Knee)
	assert.True(t, r.Verified)
	assert.True(t, math.IsInf(r.Beyond, 1))
	assert.Contains(t, r.Reason, "highest rate")
}

// A host that disturbs one probe in eight, at random, must not move the knee by much, and the search stays bounded.
func TestSearchUnderNoise(t *testing.T) {
	keepsUp, want := queue(1000, 0.05)
	verified, near := 0, 0
	const runs = 300
	for seed := range uint64(runs) {
		noise := rand.New(rand.NewPCG(seed, 1))
		r, _ := run(t, Options{}, func(rate float64) bool {
			return noise.Float64() > 0.125 && keepsUp(rate*(1+0.02*noise.NormFloat64())) // its rate is not the same twice, either
		})
		if r.Verified {
			verified++
		}
		if math.Abs(r.Knee/want-1) < 0.12 {
			near++
		}
	}
	assert.Greater(t, verified, runs*95/100)
	assert.Greater(t, near, runs*90/100)
}

// A single probe that passes by luck far above the knee is found out by the verification, which walks down.
func TestSearchVerificationFindsLuck(t *testing.T) {
	keepsUp, want := queue(800, 0.05)
	lucky := true
	r, stages := run(t, Options{}, func(rate float64) bool {
		if rate > want && lucky {
			lucky = false
			return true
		}
		return keepsUp(rate)
	})
	assert.True(t, r.Verified, r.Reason)
	assert.InEpsilon(t, want, r.Knee, 0.06)
	assert.Contains(t, stages, Verification)
}

// Two probes in a row that a disturbance fails far below the knee do not make one: the last look finds out.
func TestSearchRecoversFromADisturbance(t *testing.T) {
	keepsUp, want := queue(1500, 0.05)
	probes := 0
	r, stages := run(t, Options{}, func(rate float64) bool {
		probes++
		return probes != 2 && probes != 3 && keepsUp(rate)
	})
	assert.True(t, r.Verified, r.Reason)
	assert.InEpsilon(t, want, r.Knee, 0.05)
	assert.Contains(t, stages, Recheck)
}

// Where a system fails at a rate and passes at a higher one, the knee is below the failure that was seen.
func TestSearchOfWhatIsNotMonotone(t *testing.T) {
	r, _ := run(t, Options{}, func(rate float64) bool { return rate < 350 || rate > 450 && rate < 900 })
	assert.True(t, r.Verified)
	assert.InEpsilon(t, 350, r.Knee, 0.05)
}

func TestSearchIsBounded(t *testing.T) {
	r, stages := run(t, Options{Probes: 5}, func(rate float64) bool { return rate < 1e5 })
	assert.Len(t, stages, 5)
	assert.False(t, r.Verified)
	assert.Contains(t, r.Reason, "after 5 probes")
	assert.Equal(t, 1600.0, r.Knee)
}
