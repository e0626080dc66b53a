package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// measured is blocks of sizes on the line 7 + 3x, with noise of that standard deviation.
func measured(blocks int, noise float64, rng *rand.Rand) [][]Point {
	out := make([][]Point, blocks)
	for i := range out {
		for _, x := range []float64{10, 20, 40, 80} {
			out[i] = append(out[i], Point{x, 7 + 3*x + noise*rng.NormFloat64()})
		}
	}
	return out
}

func TestFitLineFindsTheLine(t *testing.T) {
	l, err := FitLine(measured(6, 0, rand.New(rand.NewPCG(1, 1))), 100, 1)
	require.NoError(t, err)
	for _, test := range []struct{ got, want float64 }{
		{l.Slope.Value, 3}, {l.Slope.Low, 3}, {l.Slope.High, 3}, {l.Intercept.Value, 7}, {l.Intercept.Low, 7}, {l.Intercept.High, 7},
	} {
		assert.InDelta(t, test.want, test.got, 1e-9)
	}
	assert.Equal(t, 6, l.Blocks)
}

// The interval holds the truth about as often as it says: 95 % of 400 runs, give or take what chance and so few
// blocks allow.
func TestFitLineCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	held := 0
	for run := range 400 {
		l, err := FitLine(measured(8, 5, rng), 400, uint64(run))
		require.NoError(t, err)
		if l.Slope.Low <= 3 && 3 <= l.Slope.High {
			held++
		}
	}
	assert.InDelta(t, 0.95, float64(held)/400, 0.04)
}

func TestFitLineRefuses(t *testing.T) {
	_, err := FitLine([][]Point{{{1, 1}, {1, 2}}}, 0, 1)
	assert.ErrorContains(t, err, "at least two")
	_, err = FitLine(nil, 0, 1)
	assert.Error(t, err)
	_, err = FitLine([][]Point{{{1, math.NaN()}, {2, 2}}}, 0, 1)
	assert.ErrorContains(t, err, "block 0")
	l, err := FitLine([][]Point{{{0, 1}, {1, 3}}}, 0, 1)
	var few *BlocksError
	require.ErrorAs(t, err, &few)
	assert.Equal(t, 2.0, l.Slope.Value)
	assert.Equal(t, 1.0, l.Intercept.Value)
	assert.True(t, math.IsNaN(l.Slope.Low))
}

// What disturbs a block in both arms alike is not in the ratio.
func TestSlopeRatioIsPaired(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var base, arm [][]Point
	for range 8 {
		speed := 1 + rng.Float64()
		var b, a []Point
		for _, x := range []float64{10, 20, 40} {
			b, a = append(b, Point{x, speed * x}), append(a, Point{x, 1.25 * speed * x})
		}
		base, arm = append(base, b), append(arm, a)
	}
	r, err := SlopeRatio(base, arm, 200, 1)
	require.NoError(t, err)
	assert.InDelta(t, 1.25, r.Value, 1e-9)
	assert.InDelta(t, 1.25, r.Low, 1e-9)
	assert.InDelta(t, 1.25, r.High, 1e-9)
	_, err = SlopeRatio(base, arm[1:], 0, 1)
	assert.ErrorContains(t, err, "same blocks")
	_, err = SlopeRatio([][]Point{{{1, 2}, {2, 1}}}, [][]Point{{{1, 2}, {2, 1}}}, 0, 1)
	assert.ErrorContains(t, err, "two that rise")
	_, err = SlopeRatio([][]Point{{{1, 1}, {2, 2}}}, [][]Point{{{1, 2}, {2, 1}}}, 0, 1)
	assert.ErrorContains(t, err, "two that rise")
}

func FuzzFitLine(f *testing.F) {
	f.Add(1.0, 2.0, 3.0, 4.0)
	f.Add(0.0, 0.0, 0.0, 0.0)
	f.Add(1e300, 1e300, -1e300, 5.0)
	f.Fuzz(func(t *testing.T, x1, y1, x2, y2 float64) {
		l, err := FitLine([][]Point{{{x1, y1}, {x2, y2}}}, 10, 1)
		if err == nil {
			t.Fatalf("one block has an interval: %+v", l)
		}
	})
}
