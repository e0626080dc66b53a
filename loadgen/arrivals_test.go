package loadgen

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const ms = int64(time.Millisecond)

func TestScheduleOfEvenGaps(t *testing.T) {
	for _, c := range []struct {
		name   string
		phases []Phase
		want   []int64 // ms
	}{
		{"constant", []Phase{{Time: time.Second, From: 4, To: 4}}, []int64{0, 250, 500, 750}},
		{"two phases", []Phase{{Time: time.Second, From: 2, To: 2}, {Time: time.Second, From: 4, To: 4}}, []int64{0, 500, 1000, 1250, 1500, 1750}},
		// The integral of 0..8/s over 2 s is 2t²: unit u comes at √(u/2).
		{"ramp up", []Phase{{Time: 2 * time.Second, From: 0, To: 8}}, []int64{0, 707, 1000, 1224, 1414, 1581, 1732, 1870}},
		// 8t − 2t²: unit u comes at 2 − √(4 − u/2).
		{"ramp down", []Phase{{Time: 2 * time.Second, From: 8, To: 0}}, []int64{0, 129, 267, 418, 585, 775, 1000, 1292}},
		{"recorded", []Phase{{Time: time.Second, From: 1, To: 1}, TracePhase([]time.Duration{0, 3 * time.Millisecond})}, []int64{0, 1000, 1003}},
	} {
		t.Run(c.name, func(t *testing.T) {
			at, err := Schedule(c.phases, 1)
			require.NoError(t, err)
			var got []int64
			for _, ns := range at {
				got = append(got, ns/ms)
			}
			assert.Equal(t, c.want, got)
		})
	}
}

// A Poisson process has as many units as its rate says, within what its own variance allows; gaps whose deviation is
// their mean; and the same instants for the same seed alone.
func TestSchedulePoisson(t *testing.T) {
	phases := []Phase{{Time: 100 * time.Second, From: 200, To: 200, Poisson: true}}
	at, err := Schedule(phases, 7)
	require.NoError(t, err)
	assert.InDelta(t, 20_000, len(at), 5*math.Sqrt(20_000))
	require.True(t, slices.IsSorted(at))
	var sum, squares float64
	for i := 1; i < len(at); i++ {
		gap := float64(at[i]-at[i-1]) / 1e9
		sum, squares = sum+gap, squares+gap*gap
	}
	mean := sum / float64(len(at)-1)
	assert.InEpsilon(t, 1.0/200, mean, 0.04)
	assert.InEpsilon(t, mean, math.Sqrt(squares/float64(len(at)-1)-mean*mean), 0.05, "an exponential gap deviates by its mean")

	again, err := Schedule(phases, 7)
	require.NoError(t, err)
	assert.Equal(t, at, again)
	other, err := Schedule(phases, 8)
	require.NoError(t, err)
	assert.NotEqual(t, at[0], other[0])
}

// A Poisson ramp has its units where the rate is high: a quarter of them in the first half of a ramp from nothing.
func TestSchedulePoissonRamp(t *testing.T) {
	at, err := Schedule([]Phase{{Time: 40 * time.Second, From: 0, To: 1000, Poisson: true}}, 3)
	require.NoError(t, err)
	half, _ := slices.BinarySearch(at, int64(20*time.Second))
	assert.InEpsilon(t, 0.25, float64(half)/float64(len(at)), 0.05)
}

func TestScheduleRefuses(t *testing.T) {
	for name, p := range map[string]Phase{
		"no time":         {From: 1, To: 1},
		"no rate":         {Time: time.Second},
		"not a number":    {Time: time.Second, From: math.NaN(), To: 1},
		"negative":        {Time: time.Second, From: -1, To: 5},
		"too many":        {Time: time.Hour, From: 1e6, To: 1e6},
		"infinite":        {Time: time.Second, From: 1, To: math.Inf(1)},
		"unsorted record": {Time: time.Second, Recorded: []time.Duration{5, 3}},
		"record too late": {Time: time.Second, Recorded: []time.Duration{time.Second}},
	} {
		_, err := Schedule([]Phase{p}, 1)
		assert.Error(t, err, name)
	}
}

func TestPhaseAt(t *testing.T) {
	phases := []Phase{{Time: time.Second}, {Time: 2 * time.Second}}
	for at, want := range map[time.Duration]int{0: 0, time.Second - 1: 0, time.Second: 1, 3*time.Second - 1: 1, time.Hour: 1} {
		assert.Equal(t, want, PhaseAt(phases, int64(at)), at)
	}
}
