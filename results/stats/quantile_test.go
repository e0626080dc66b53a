package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var inf = math.Inf(1)

func TestQuantile(t *testing.T) {
	// R: quantile(c(1, 2, 4, 8, 16), p) and quantile(1:10, p); type 7 is its default.
	five := []float64{1, 2, 4, 8, 16}
	ten := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for _, c := range []struct {
		name   string
		sorted []float64
		q      float64
		want   float64
	}{
		{"least", five, 0, 1},
		{"quarter falls on a value", five, 0.25, 2},
		{"median", five, 0.5, 4},
		{"between values", five, 0.9, 12.8},
		{"greatest", five, 1, 16},
		{"even count", ten, 0.5, 5.5},
		{"99th of ten", ten, 0.99, 9.91},
		{"first of ten", ten, 0.01, 1.09},
		{"one value", []float64{7}, 0.99, 7},
		{"below a failure", []float64{1, 2, inf}, 0.5, 2},
		{"between a value and a failure", []float64{1, 2, inf}, 0.75, inf},
		{"among failures", []float64{1, inf, inf}, 0.75, inf},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Quantile(c.sorted, c.q)
			if got != c.want { // Inf − Inf is NaN, so infinities are compared before the tolerance
				assert.InDelta(t, c.want, got, 1e-12)
			}
		})
	}
	assert.True(t, math.IsNaN(Quantile(nil, 0.5)), "no values")
	assert.True(t, math.IsNaN(Median(nil)), "no values")
}

func TestPrintableQuantile(t *testing.T) {
	for _, c := range []struct {
		n    int
		q    float64
		want bool
	}{
		{20, 0.5, true}, {19, 0.5, false},
		{100, 0.9, true}, {99, 0.9, false},
		{1000, 0.99, true}, {999, 0.99, false}, {200, 0.99, false},
		{10000, 0.999, true}, {9999, 0.999, false},
		{100, 0.1, true}, {99, 0.1, false},
		{1 << 30, 1, false}, {0, 0.5, false},
	} {
		assert.Equal(t, c.want, PrintableQuantile(c.n, c.q), "q%v of %d samples", c.q, c.n)
	}
}

func TestMedianAndMAD(t *testing.T) {
	values := []float64{9, 1, 2, 2, 6, 4, 1} // the usual textbook example: median 2, deviations 1 1 0 0 2 4 7
	assert.Equal(t, 2.0, Median(values))
	assert.Equal(t, 1.0, MAD(values))
	assert.Equal(t, 9.0, values[0], "the argument must stay as it was")
}

func TestMedianCI(t *testing.T) {
	// The ranks are those of the usual table of the sign test: for n = 6 to 8 the first and last value, for 9 to 11 the
	// second, for 20 the sixth (Conover, table A3: P(Bin(20, ½) ≤ 5) = 0.0207).
	for n, rank := range map[int]int{6: 1, 8: 1, 9: 2, 11: 2, 12: 3, 20: 6, 30: 10} {
		values := make([]float64, n)
		for i := range values {
			values[i] = float64(n - i)
		}
		got, err := MedianCI(values)
		require.NoError(t, err)
		assert.Equal(t, Interval{float64(n+1) / 2, float64(rank), float64(n + 1 - rank)}, got, "n = %d", n)
	}
	got, err := MedianCI([]float64{3, 1, 2, 5, 4})
	assertRefused(t, err, 5)
	assert.Equal(t, 3.0, got.Value)
	assert.True(t, math.IsNaN(got.Low) && math.IsNaN(got.High), "an interval from five blocks: %v", got)
}

func TestMeanCI(t *testing.T) {
	// R: t.test(c(0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2)), group 1 of Student's sleep data:
	// mean 0.75, interval -0.5297804 2.0297804.
	got, err := MeanCI([]float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2})
	require.NoError(t, err)
	assert.InDelta(t, 0.75, got.Value, 1e-12)
	assert.InDelta(t, -0.5297804, got.Low, 1e-7)
	assert.InDelta(t, 2.0297804, got.High, 1e-7)

	got, err = MeanCI([]float64{1, 2})
	assertRefused(t, err, 2)
	assert.Equal(t, 1.5, got.Value)
}

func TestStudentQuantile(t *testing.T) {
	// The table of every textbook; NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
	for _, c := range []struct {
		confidence float64
		df         int
		want       float64
	}{
		{0.95, 1, 12.706}, {0.95, 2, 4.303}, {0.95, 3, 3.182}, {0.95, 5, 2.571}, {0.95, 10, 2.228}, {0.95, 30, 2.042},
		{0.95, 100, 1.984}, {0.90, 1, 6.314}, {0.90, 5, 2.015}, {0.90, 8, 1.860}, {0.90, 29, 1.699},
	} {
		assert.InDelta(t, c.want, studentQuantile(c.confidence, c.df), 5e-4, "%v with %d degrees", c.confidence, c.df)
	}
}

// assertRefused expects the error that refuses an interval.
func assertRefused(t *testing.T, err error, have int) {
	t.Helper()
	var blocks *BlocksError
	require.ErrorAs(t, err, &blocks)
	assert.Equal(t, BlocksError{Have: have, Need: 6}, *blocks)
}

// The interval of a quantile of independent values holds the truth at least as often as it says.
func TestQuantileCICovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 7))
	const runs, n = 600, 300
	for _, q := range []float64{0.5, 0.9, 0.95} {
		held := 0
		for range runs {
			values := make([]float64, n)
			for i := range values {
				values[i] = rng.ExpFloat64()
			}
			ci, err := QuantileCI(values, q)
			require.NoError(t, err)
			if truth := -math.Log(1 - q); ci.Low <= truth && truth <= ci.High {
				held++
			}
		}
		assert.InDelta(t, 0.955, float64(held)/runs, 0.025, "q %v", q)
	}
	_, err := QuantileCI([]float64{1, 2}, 0.5)
	require.Error(t, err)
}
