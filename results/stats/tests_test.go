package stats

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	moremath "github.com/aclements/go-moremath/stats"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSignTest(t *testing.T) {
	for _, c := range []struct {
		name               string
		plus, minus, zeros int
		want               float64
	}{
		{"six of six", 6, 0, 0, 2.0 / 64},
		{"five of six", 5, 1, 0, 14.0 / 64},
		{"zeros are left out", 0, 6, 9, 2.0 / 64},
		{"even", 3, 3, 0, 1},
		{"odd count, nearly even", 3, 4, 0, 1},
		{"nothing", 0, 0, 4, 1},
		{"R: binom.test(15, 20)", 15, 5, 0, 0.04138947},
		{"R: binom.test(682, 925, p = 0.5)", 682, 243, 0, 4.7e-49}, // only its order of magnitude
	} {
		var diffs []float64
		for range c.plus {
			diffs = append(diffs, 0.1)
		}
		for range c.minus {
			diffs = append(diffs, -7)
		}
		diffs = append(diffs, make([]float64, c.zeros)...)
		assert.InDelta(t, c.want, SignTest(diffs), 1e-8, c.name)
	}
}

// Hollander & Wolfe (1973), pages 29 and 69, as in the examples of R's wilcox.test: depression before and after
// treatment (V = 40, one-sided p 0.01953), and permeability at two ages (W = 35, one-sided p 0.1272).
func TestPublishedRankTests(t *testing.T) {
	before := []float64{1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30}
	after := []float64{0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29}
	diffs := make([]float64, len(before))
	for i := range before {
		diffs[i] = after[i] - before[i]
	}
	assert.InDelta(t, 2*0.01953, WilcoxonSignedRank(diffs), 1e-4)

	term := []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}
	early := []float64{1.15, 0.88, 0.90, 0.74, 1.21}
	assert.InDelta(t, 2*0.1272, MannWhitney(term, early), 1e-4)
	assert.InDelta(t, 2*0.1272, MannWhitney(early, term), 1e-4)
}

// Small whole numbers, so that ties and zeros are frequent.
func randomSample(r *rand.Rand, n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(r.IntN(7) - 2)
	}
	return values
}

func TestWilcoxonAgainstEnumeration(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		diffs := randomSample(r, 1+r.IntN(11))
		require.InDelta(t, enumerateSigns(diffs), WilcoxonSignedRank(diffs), 1e-12, "%v", diffs)
	}
}

// enumerateSigns is the signed-rank test from its definition: every assignment of signs is tried.
func enumerateSigns(diffs []float64) float64 {
	var sizes []float64
	observed := 0.0
	for _, d := range diffs {
		if d != 0 {
			sizes = append(sizes, math.Abs(d))
		}
	}
	ranks := definedRanks(sizes)
	i, mean := 0, 0.0
	for _, d := range diffs {
		if d > 0 {
			observed += ranks[i]
		}
		if d != 0 {
			mean += ranks[i] / 2
			i++
		}
	}
	far := 0
	for signs := range 1 << len(ranks) {
		if math.Abs(sumOf(ranks, signs)-mean) >= math.Abs(observed-mean) {
			far++
		}
	}
	return float64(far) / float64(int(1)<<len(ranks))
}

// definedRanks ranks by counting: one more than the smaller values, plus half the other equal ones.
func definedRanks(values []float64) []float64 {
	ranks := make([]float64, len(values))
	for i, v := range values {
		ranks[i] = 0.5
		for _, w := range values {
			if w < v {
				ranks[i]++
			}
			if w == v {
				ranks[i] += 0.5
			}
		}
	}
	return ranks
}

func sumOf(ranks []float64, set int) float64 {
	sum := 0.0
	for i, rank := range ranks {
		if set>>i&1 == 1 {
			sum += rank
		}
	}
	return sum
}

func TestMannWhitneyAgainstEnumeration(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		x, y := randomSample(r, 1+r.IntN(6)), randomSample(r, 1+r.IntN(6))
		require.InDelta(t, enumerateSubsets(x, y), MannWhitney(x, y), 1e-12, "%v against %v", x, y)
	}
	assert.Equal(t, 1.0, MannWhitney(nil, []float64{1}))
}

// enumerateSubsets is the rank-sum test from its definition: every choice of which values are x's is tried.
func enumerateSubsets(x, y []float64) float64 {
	ranks := definedRanks(append(append([]float64(nil), x...), y...))
	n := len(ranks)
	mean := float64(len(x)*(n+1)) / 2
	observed := sumOf(ranks, 1<<len(x)-1)
	far, all := 0, 0
	for set := range 1 << n {
		if bits.OnesCount(uint(set)) != len(x) {
			continue
		}
		all++
		if math.Abs(sumOf(ranks, set)-mean) >= math.Abs(observed-mean) {
			far++
		}
	}
	return float64(far) / float64(all)
}

// go-moremath is a second implementation where its doubled tail is right: without ties, or with samples of equal size.
func TestMannWhitneyAgainstMoremath(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 30 {
		n := 2 + r.IntN(20)
		x, y := randomSample(r, n), randomSample(r, n)
		want, err := moremath.MannWhitneyUTest(x, y, moremath.LocationDiffers)
		if err != nil {
			continue // all values equal
		}
		require.InDelta(t, want.P, MannWhitney(x, y), 1e-9, "%v against %v", x, y)
	}
	x, y := make([]float64, 30), make([]float64, 17)
	for i := range x {
		x[i] = r.Float64()
	}
	for i := range y {
		y[i] = r.Float64() + 0.2
	}
	want, err := moremath.MannWhitneyUTest(x, y, moremath.LocationDiffers)
	require.NoError(t, err)
	assert.InDelta(t, want.P, MannWhitney(x, y), 1e-9)
	assert.InDelta(t, 1.0/3, MannWhitney([]float64{2}, []float64{1, 1}), 1e-12, "where it is not right")
}

// Past the limit of counting, the approximation must join the count.
func TestApproximationsJoinTheExactTests(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, shift := range []float64{0, 0.1, 0.2} {
		diffs := make([]float64, wilcoxonExact+1)
		for i := range diffs {
			diffs[i] = math.Round(100*(r.NormFloat64()+shift)) / 100
		}
		assert.InDelta(t, WilcoxonSignedRank(diffs[:wilcoxonExact]), WilcoxonSignedRank(append(diffs[:wilcoxonExact:wilcoxonExact], 1e-9)), 2e-3)
		x, y := diffs[:50], diffs[50:100]
		ranks := twiceRanks(diffs[:100])
		observed := 0
		for _, rank := range ranks[:50] {
			observed += rank
		}
		exact := farFromMean(subsetSums(ranks, 50), 50*101, observed)
		assert.InDelta(t, exact, MannWhitney(x, y), 1e-12)
		assert.InDelta(t, exact, mannWhitneyNormal(ranks, 50, observed), 2e-3)
	}
}

func TestHolm(t *testing.T) {
	// R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm"); the example of Wikipedia's page on the procedure.
	assert.InDeltaSlice(t, []float64{0.03, 0.06, 0.06, 0.02}, Holm([]float64{0.01, 0.04, 0.03, 0.005}), 1e-12)
	assert.InDeltaSlice(t, []float64{0.05, 0.08, 0.09, 0.09, 0.09}, Holm([]float64{0.01, 0.02, 0.03, 0.04, 0.05}), 1e-12)
	assert.Equal(t, []float64{1, 1}, Holm([]float64{0.9, 0.8}), "never above 1")
	assert.Empty(t, Holm(nil))
	got := Holm([]float64{0.02, math.NaN(), 0.01})
	assert.True(t, math.IsNaN(got[1]))
	assert.Equal(t, []float64{0.02, 0.02}, []float64{got[0], got[2]}, "NaN is not counted")
}

// Holm's procedure is the closed test of Bonferroni tests: a comparison's p-value is the greatest, over all sets it
// belongs to, of the set's size times its least p.
func TestHolmAgainstClosedTesting(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 50 {
		ps := make([]float64, 1+r.IntN(8))
		for i := range ps {
			ps[i] = math.Round(r.Float64()*r.Float64()*50) / 50
		}
		want := make([]float64, len(ps))
		for set := 1; set < 1<<len(ps); set++ {
			least := 1.0
			for i, p := range ps {
				if set>>i&1 == 1 {
					least = min(least, p)
				}
			}
			for i := range ps {
				if set>>i&1 == 1 {
					want[i] = max(want[i], min(1, least*float64(bits.OnesCount(uint(set)))))
				}
			}
		}
		require.InDeltaSlice(t, want, Holm(ps), 1e-12, "%v", ps)
	}
}
