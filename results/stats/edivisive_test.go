package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// steps is levels of n values each with normal noise.
func steps(r *rand.Rand, n int, sd float64, levels ...float64) (values []float64) {
	for _, level := range levels {
		for range n {
			values = append(values, level+sd*r.NormFloat64())
		}
	}
	return values
}

func indices(points []ChangePoint) (list []int) {
	for _, p := range points {
		list = append(list, p.Index)
	}
	return list
}

// naiveEnergy is Q as the definition says it, pair by pair.
func naiveEnergy(x, y []float64) float64 {
	pairs := func(a, b []float64) (sum float64) {
		for _, u := range a {
			for _, v := range b {
				sum += math.Abs(u - v)
			}
		}
		return sum
	}
	n, m := float64(len(x)), float64(len(y))
	e := 2 * pairs(x, y) / (n * m)
	if n > 1 {
		e -= pairs(x, x) / (n * (n - 1)) // every pair twice
	}
	if m > 1 {
		e -= pairs(y, y) / (m * (m - 1))
	}
	return n * m / (n + m) * e
}

func TestEnergyAgainstTheDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		values := steps(r, 1+r.IntN(6), 1, 10, 12, 9)
		within := withinSums(values)
		best, at := math.Inf(-1), 0
		for cut := 1; cut < len(values); cut++ {
			for to := cut + 1; to <= len(values); to++ {
				want := naiveEnergy(values[:cut], values[cut:to])
				require.InDelta(t, want, energy(within, cut, to), 1e-9, "%v cut at %d, to %d", values, cut, to)
				if want > best+1e-9 {
					best, at = want, cut
				}
			}
		}
		got, ok := bestSplit(values, 1)
		require.True(t, ok)
		require.Equal(t, at, got)
	}
}

// By hand: {0, 0} and {2, 2}: 2·2 − 0 − 0 = 4, times 2·2/4. {0} and {1}: 2·1/2.
func TestEnergyByHand(t *testing.T) {
	assert.Equal(t, 4.0, energy(withinSums([]float64{0, 0, 2, 2}), 2, 4))
	assert.Equal(t, 1.0, energy(withinSums([]float64{0, 1}), 1, 2))
	assert.Equal(t, 0.0, energy(withinSums([]float64{7, 7, 7}), 1, 3))
}

// Student's two-sample test: the sleep data of Student (1908), t = -1.8608 with 18 degrees of freedom, p = 0.07919.
func TestPooledTestPublished(t *testing.T) {
	one := []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0}
	two := []float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}
	assert.InDelta(t, 0.07919, pooledTest(one, two), 5e-6)
	assert.Equal(t, 1.0, pooledTest([]float64{3, 3}, []float64{3, 3}))
	assert.Equal(t, 0.0, pooledTest([]float64{3, 3}, []float64{4}))
	assert.Equal(t, 1.0, pooledTest([]float64{3}, []float64{4}), "two values say nothing")
}

func TestEDivisiveFindsSteps(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, test := range []struct {
		name   string
		values []float64
		want   []int
	}{
		{"none", nil, nil},
		{"one value", []float64{1}, nil},
		{"constant", make([]float64, 100), nil},
		{"an exact step", append(make([]float64, 30), 1, 1, 1), []int{30}},
		{"one outlier is no level", append(make([]float64, 30), 1), nil},
		{"up", steps(r, 25, 1, 100, 105), []int{25}},
		{"down", steps(r, 25, 1, 105, 100), []int{25}},
		{"up and back", steps(r, 20, 1, 100, 106, 100), []int{20, 40}},
		{"stairs beyond the window", steps(r, 40, 0.5, 100, 102, 104, 106, 108), []int{40, 80, 120, 160}},
		{"three values after a hundred", append(steps(r, 100, 0.5, 100), 104, 104.3, 103.9), []int{100}},
	} {
		got := EDivisive(test.values, DivisiveOptions{})
		assert.Equal(t, test.want, indices(got), test.name)
		for _, p := range got {
			assert.LessOrEqual(t, p.P, DivisiveP, test.name)
		}
	}
}

func TestEDivisiveTellsTheSize(t *testing.T) {
	points := EDivisive(steps(rand.New(rand.NewPCG(5, 6)), 40, 1, 100, 110), DivisiveOptions{})
	require.Len(t, points, 1)
	p := points[0]
	assert.InDelta(t, 100, p.Before, 0.6)
	assert.InDelta(t, 110, p.After, 0.6)
	assert.InDelta(t, 0.10, p.Change.Value, 0.01)
	assert.True(t, p.Change.Low < 0.10 && 0.10 < p.Change.High, "%+v", p.Change)
	assert.Less(t, p.Change.High-p.Change.Low, 0.012)
}

// The interval of a step that is known covers it in 95 of 100 series, as far as its place is right.
func TestEDivisiveIntervalCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	covered, n := 0, 400
	for range n {
		p := pointAt(steps(r, 12, 2, 100), steps(r, 12, 2, 105))
		if p.Change.Low <= 0.05 && 0.05 <= p.Change.High {
			covered++
		}
	}
	assert.InDelta(t, 0.95, float64(covered)/float64(n), 0.035)
}

func TestEDivisiveMagnitude(t *testing.T) {
	values := steps(rand.New(rand.NewPCG(9, 10)), 30, 0.1, 100, 101, 111)
	assert.Equal(t, []int{30, 60}, indices(EDivisive(values, DivisiveOptions{})))
	assert.Equal(t, []int{60}, indices(EDivisive(values, DivisiveOptions{Magnitude: 0.05})))
}

// On series without a step there are next to no alarms.
func TestEDivisiveAlarmsAreRare(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, n := range []int{20, 50, 120} {
		alarms, series := 0, 300
		for range series {
			if len(EDivisive(steps(r, n, 1, 100), DivisiveOptions{})) > 0 {
				alarms++
			}
		}
		assert.LessOrEqual(t, alarms, 6, "%d of %d series of %d values without a step", alarms, series, n)
	}
}

func TestEDivisivePower(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	found, series := 0, 200
	for range series {
		points := EDivisive(steps(r, 25, 1, 100, 102), DivisiveOptions{})
		if len(points) == 1 && points[0].Index >= 22 && points[0].Index <= 28 {
			found++
		}
	}
	assert.Greater(t, found, 180, "a step of twice the noise, 25 values on each side")
}

func TestFence(t *testing.T) {
	_, err := Fence([]float64{1, 2, 3, 4, 5, 6, 7})
	assert.Equal(t, &BlocksError{Have: 7, Need: 8}, err)
	got, err := Fence([]float64{9, 1, 2, 3, 4, 5, 6, 7, 8}) // Q1 3, Q3 7
	require.NoError(t, err)
	assert.Equal(t, 19.0, got)
	got, err = Fence(make([]float64, 20))
	require.NoError(t, err)
	assert.Zero(t, got, "exact numbers leave no room")

	r := rand.New(rand.NewPCG(15, 16))
	beyond, n := 0, 3000
	for range n {
		var sizes []float64
		for range 30 {
			sizes = append(sizes, math.Abs(r.NormFloat64()))
		}
		fence, err := Fence(sizes)
		require.NoError(t, err)
		if math.Abs(r.NormFloat64()) > fence {
			beyond++
		}
	}
	assert.Less(t, float64(beyond)/float64(n), 0.01)
}

// What goes up and down many times has next to no energy as a whole; windows see it.
func TestEDivisiveWindows(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	windows, whole := 0, 0
	for range 60 {
		values := steps(r, 20, 1, 100, 101.5, 100, 101.5, 100, 101.5, 100, 101.5, 100, 101.5)
		windows += len(EDivisive(values, DivisiveOptions{}))
		whole += len(EDivisive(values, DivisiveOptions{Window: len(values)}))
	}
	assert.Greater(t, windows, 2*whole)
}
