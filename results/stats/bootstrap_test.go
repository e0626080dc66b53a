package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// paired makes blocks whose machine drifts by about 30 % while the true ratio of arm to base stays.
func paired(r *rand.Rand, blocks int, ratio, noise float64) (base, arm []float64) {
	for range blocks {
		machine := 1e6 * math.Exp(0.3*r.NormFloat64())
		base = append(base, machine)
		arm = append(arm, machine*ratio*math.Exp(noise*r.NormFloat64()))
	}
	return base, arm
}

func TestBootstrapMedianRatio(t *testing.T) {
	base, arm := paired(rand.New(rand.NewPCG(1, 1)), 30, 1.24, 0.02)
	got, err := BootstrapMedianRatio(base, arm, 0, 42)
	require.NoError(t, err)
	assert.InDelta(t, 1.24, got.Median, 0.01)
	assert.Equal(t, 30, got.Blocks)
	assert.True(t, slices.IsSorted([]float64{got.Low, got.Low90, got.Median, got.High90, got.High}), "%+v", got)
	assert.Less(t, got.High-got.Low, 0.04, "the drift of 30 %% must cancel inside the blocks")

	again, err := BootstrapMedianRatio(base, arm, 10_000, 42)
	require.NoError(t, err)
	assert.Equal(t, got, again, "same seed, same interval")
	other, err := BootstrapMedianRatio(base, arm, 0, 43)
	require.NoError(t, err)
	assert.Equal(t, got.Median, other.Median)
}

// The bootstrap distribution of a median is known in closed form for an odd count: the median of a resample is at most
// the k-th least value when more than half of n draws are, each with probability k/n.
func TestBootstrapMediansAgainstClosedForm(t *testing.T) {
	values := []float64{1, 2, 3, 4, 5, 6, 7}
	medians := bootstrapMedians(values, 40_000, 7)
	for k := 1; k < 7; k++ {
		want, p := 0.0, float64(k)/7
		for heads := 4; heads <= 7; heads++ {
			ways := map[int]float64{4: 35, 5: 21, 6: 7, 7: 1}[heads]
			want += ways * math.Pow(p, float64(heads)) * math.Pow(1-p, float64(7-heads))
		}
		at, _ := slices.BinarySearch(medians, float64(k)+0.5)
		assert.InDelta(t, want, float64(at)/40_000, 0.008, "P(median ≤ %d)", k)
	}
}

// With an even count the median lies between two values: of two values it is the least, the middle or the greatest
// in a quarter, a half and a quarter of the resamples.
func TestBootstrapMediansOfAnEvenCount(t *testing.T) {
	count := map[float64]int{}
	for _, m := range bootstrapMedians([]float64{1, 2}, 40_000, 7) {
		count[m]++
	}
	assert.Len(t, count, 3)
	assert.InDelta(t, 10_000, count[1], 400)
	assert.InDelta(t, 20_000, count[1.5], 400)
	assert.InDelta(t, 10_000, count[2], 400)
}

func TestRatioErrors(t *testing.T) {
	six := []float64{1, 1, 1, 1, 1, 1}
	for _, c := range []struct {
		name      string
		base, arm []float64
		want      string
	}{
		{"lengths", six, six[:5], "base has 6 blocks and arm 5"},
		{"zero base", []float64{1, 1, 1, 0, 1, 1}, six, "base of block 3 is 0"},
		{"negative base", []float64{1, -1, 1, 1, 1, 1}, six, "base of block 1 is -1"},
		{"NaN base", []float64{1, 1, math.NaN(), 1, 1, 1}, six, "base of block 2 is NaN"},
		{"infinite base", []float64{inf, 1, 1, 1, 1, 1}, six, "base of block 0 is +Inf"},
		{"negative arm", six, []float64{1, 1, 1, 1, 1, -2}, "arm of block 5 is -2"},
		{"NaN arm", six, []float64{1, 1, 1, 1, math.NaN(), 1}, "arm of block 4 is NaN"},
		{"infinite arm", six, []float64{1, inf, 1, 1, 1, 1}, "arm of block 1 is +Inf"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Compare(c.base, c.arm, Options{})
			assert.ErrorContains(t, err, c.want)
			assert.True(t, math.IsNaN(got.Ratio) && math.IsNaN(got.Low) && math.IsNaN(got.P), "%+v", got)
			_, err = TOSTPaired(c.base, c.arm, 0.02)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestCompare(t *testing.T) {
	base := []float64{100, 200, 100, 300, 100, 250}
	arm := []float64{110, 220, 111, 330, 109, 275}
	got, err := Compare(base, arm, Options{Seed: 5})
	require.NoError(t, err)
	assert.InDelta(t, 1.1, got.Ratio, 1e-12)
	assert.InDelta(t, 2.0/64, got.P, 1e-12)
	assert.Equal(t, 6, got.Blocks)
	assert.True(t, got.Low >= 1.09 && got.High <= 1.11 && got.Low < got.High, "%+v", got)

	got, err = Compare([]float64{1, 2, 3, 4, 5, 6}, []float64{2, 1, 3, 5, 4, 7}, Options{})
	require.NoError(t, err)
	assert.InDelta(t, 1, got.P, 1e-12, "three blocks above, two below, one equal")

	got, err = Compare(base[:5], arm[:5], Options{})
	assertRefused(t, err, 5)
	assert.InDelta(t, 1.1, got.Ratio, 1e-12, "the estimate stays")
	assert.InDelta(t, 2.0/32, got.P, 1e-12)
	assert.True(t, math.IsNaN(got.Low) && math.IsNaN(got.High90), "%+v", got)

	got, err = Compare(nil, nil, Options{})
	assertRefused(t, err, 0)
	assert.Equal(t, 0, got.Blocks)
	assert.True(t, math.IsNaN(got.Ratio))
}

// A 95 % interval that holds the truth in 95 % of experiments is the whole point. 400 experiments give ±2 %.
func TestCoverage(t *testing.T) {
	const experiments = 400
	for _, blocks := range []int{10, 20, 30} {
		r := rand.New(rand.NewPCG(11, uint64(blocks)))
		var ratio95, median, mean int
		for e := range experiments {
			base, arm := paired(r, blocks, 1.05, 0.03)
			got, err := BootstrapMedianRatio(base, arm, 1000, uint64(e))
			require.NoError(t, err)
			ratios, err := blockRatios(base, arm)
			require.NoError(t, err)
			for i := range ratios {
				ratios[i] = math.Log(ratios[i])
			}
			ofMedian, err := MedianCI(ratios)
			require.NoError(t, err)
			ofMean, err := MeanCI(ratios)
			require.NoError(t, err)
			ratio95 += holds(got.Low, 1.05, got.High)
			median += holds(ofMedian.Low, math.Log(1.05), ofMedian.High)
			mean += holds(ofMean.Low, math.Log(1.05), ofMean.High)
		}
		t.Logf("%d blocks: ratio %d, median %d, mean %d of %d", blocks, ratio95, median, mean, experiments)
		assert.InDelta(t, 0.955, float64(ratio95)/experiments, 0.03, "ratio, %d blocks", blocks)
		assert.InDelta(t, 0.965, float64(median)/experiments, 0.03, "median, %d blocks", blocks)
		assert.InDelta(t, 0.95, float64(mean)/experiments, 0.03, "mean, %d blocks", blocks)
	}
}

func holds(low, truth, high float64) int {
	if low <= truth && truth <= high {
		return 1
	}
	return 0
}

// TOST must say "equivalent" in at most about 5 % of experiments when the truth lies on the margin, and nearly always
// when there is no difference and enough blocks.
func TestTOSTRates(t *testing.T) {
	const experiments = 600
	for _, blocks := range []int{6, 9, 20, 30} {
		r := rand.New(rand.NewPCG(13, uint64(blocks)))
		var byInterval, byP, power int
		for e := range experiments {
			base, arm := paired(r, blocks, 1.02, 0.01)
			byInterval += equivalent(t, base, arm, uint64(e))
			if p, err := TOSTPaired(base, arm, 0.02); err == nil && p <= 0.05 {
				byP++
			}
			base, arm = paired(r, blocks, 1, 0.005)
			power += equivalent(t, base, arm, uint64(e))
		}
		t.Logf("%d blocks: falsely equivalent by interval %d, by p %d; rightly %d of %d", blocks, byInterval, byP, power, experiments)
		assert.LessOrEqual(t, float64(byInterval)/experiments, 0.065, "by interval, %d blocks", blocks)
		assert.LessOrEqual(t, float64(byP)/experiments, 0.065, "by p, %d blocks", blocks)
		assert.GreaterOrEqual(t, float64(power)/experiments, 0.95, "power, %d blocks", blocks)
	}
}

func equivalent(t *testing.T, base, arm []float64, seed uint64) int {
	t.Helper()
	got, err := BootstrapMedianRatio(base, arm, 1000, seed)
	require.NoError(t, err)
	if TOST(got.Low90, got.High90, 0.02) {
		return 1
	}
	return 0
}

func TestTOST(t *testing.T) {
	assert.True(t, TOST(0.99, 1.01, 0.02))
	assert.False(t, TOST(0.98, 1.01, 0.02), "touches the lower margin")
	assert.False(t, TOST(0.99, 1.02, 0.02), "touches the upper margin")
	assert.False(t, TOST(math.NaN(), math.NaN(), 0.02), "a refused interval is no evidence")
	assert.False(t, TOST(1, 1, 0), "no margin was given")

	six := []float64{1, 1, 1, 1, 1, 1}
	p, err := TOSTPaired(six, []float64{1, 1.01, 0.99, 1, 1, 1}, 0.02)
	require.NoError(t, err)
	assert.InDelta(t, 1.0/64, p, 1e-12)
	p, err = TOSTPaired(six, []float64{1, 1.03, 0.99, 1, 1, 1}, 0.02)
	require.NoError(t, err)
	assert.InDelta(t, 7.0/64, p, 1e-12)
	_, err = TOSTPaired(six, six, 0)
	assert.ErrorContains(t, err, "margin 0")
	_, err = TOSTPaired(six[:3], six[:3], 0.02)
	assertRefused(t, err, 3)
}

func BenchmarkCompare(b *testing.B) {
	base, arm := paired(rand.New(rand.NewPCG(1, 2)), 30, 1.1, 0.02)
	for b.Loop() {
		if _, err := Compare(base, arm, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
