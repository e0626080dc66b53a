package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// chem is copper in wholemeal flour, µg/g (Analytical Methods Committee, The Analyst 114, 1989).
var chem = []float64{2.90, 3.10, 3.40, 3.40, 3.70, 3.70, 2.80, 2.50, 2.40, 2.40, 2.70, 2.20,
	5.28, 3.37, 3.03, 3.03, 28.95, 3.77, 3.40, 2.20, 3.50, 3.60, 3.70, 3.70}

// clustersOf makes one cluster of each value.
func clustersOf(values []float64) (clusters [][]float64) {
	for _, v := range values {
		clusters = append(clusters, []float64{v})
	}
	return clusters
}

// Venables and Ripley, Modern Applied Statistics with S, 5.5: huber(chem) has mu 3.206724 and s 0.526323.
func TestCentrePublished(t *testing.T) {
	e := Centre(clustersOf(chem))
	assert.InDelta(t, 3.206724, e.Value, 1e-5)
	assert.InDelta(t, 0.526323, normalisedMAD(chem, Median(chem)), 1e-6)
	assert.Equal(t, 24, e.Clusters)
}

// Values that are not drawn in give the mean and Student's t.
func TestCentreIsTheMeanOfTameValues(t *testing.T) {
	values := []float64{-1.1, -1, -0.9, 0.9, 1, 1.1, 1.3, -0.7}
	e := Centre(clustersOf(values))
	assert.InDelta(t, Mean(values), e.Value, 1e-9)
	assert.InDelta(t, standardDeviation(values)/math.Sqrt(8), e.Error, 1e-9)
	want, _ := MeanCI(values)
	low, high := e.Interval(0.95)
	assert.InDelta(t, want.Low, low, 1e-9)
	assert.InDelta(t, want.High, high, 1e-9)
}

func TestCentreWithoutSpread(t *testing.T) {
	same := func(v float64) [][]float64 { return clustersOf([]float64{v, v, v, v, v, v}) }
	assert.Equal(t, 1.0, Centre(same(0)).P(), "no difference at all")
	assert.Equal(t, 0.0, Centre(same(0.1)).P(), "always the same difference")
	low, high := Centre(same(0.1)).Interval(0.99)
	assert.InDelta(t, 0.1, low, 1e-12)
	assert.InDelta(t, 0.1, high, 1e-12)
	mostly := Centre(clustersOf([]float64{0, 0, 0, 0, 0, 0.6}))
	assert.InDelta(t, 0.1, mostly.Value, 1e-12, "more than half the same: the mean")
	assert.Greater(t, mostly.P(), 0.3)
	assert.True(t, math.IsNaN(Centre(nil).P()), "no values")
	assert.True(t, math.IsNaN(Centre(same(0.1)[:5]).P()), "too few")
}

// rounds makes clusters of head − base and head − again, whose noise has heavy tails and shares the head's.
func rounds(r *rand.Rand, n int, effect float64) (clusters [][]float64) {
	noise := func() float64 {
		v := math.Exp(0.5 * r.NormFloat64()) // skewed
		if r.IntN(20) == 0 {
			v *= 5
		}
		return v
	}
	for range n {
		head := effect + noise()
		clusters = append(clusters, []float64{head - noise(), head - noise()})
	}
	return clusters
}

// The p-value rejects what is true as often as it says, and the interval holds the truth, whatever clusters share.
func TestCentreLevel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{12, 30, 100} {
		const trials = 1200
		rejected, held := 0, 0
		for range trials {
			if Centre(rounds(r, n, 0)).P() < 0.05 {
				rejected++
			}
			low, high := Centre(rounds(r, n, 1)).Interval(0.95)
			held += holds(low, 1, high)
		}
		assert.InDelta(t, 0.05, float64(rejected)/trials, 0.02, "%d clusters: rejections of what is true", n)
		assert.InDelta(t, 0.95, float64(held)/trials, 0.02, "%d clusters: coverage", n)
	}
}

func TestSpend(t *testing.T) {
	// Lan and DeMets 1983, Table 1: five equal looks at a two-sided 5 % (2 × the one-sided increments of 2.5 %).
	shares := Spend(0.05, []float64{0.2, 0.4, 0.6, 0.8, 1})
	total := 0.0
	for i, cumulated := range []float64{0.00001, 0.00194, 0.01140, 0.02843, 0.05} {
		total += shares[i]
		assert.InDelta(t, cumulated, total, 6e-5, "look %d", i)
	}
}

// Looking five times and stopping at the first rejection errs no more than the level says, and looking without
// dividing the level does.
func TestSpendHoldsTheLevel(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	looks := []float64{0.2, 0.4, 0.6, 0.8, 1}
	const trials, n = 1000, 60
	shares := Spend(0.05, looks)
	divided, undivided := 0, 0
	for range trials {
		series := clustersOf(normals(r, n))
		byShare, plain := false, false
		for i, look := range looks {
			p := Centre(series[:int(look*n)]).P()
			byShare = byShare || p < shares[i]
			plain = plain || p < 0.05
		}
		divided += count(byShare)
		undivided += count(plain)
	}
	assert.LessOrEqual(t, float64(divided)/trials, 0.06)
	assert.Greater(t, float64(divided)/trials, 0.02, "not wasteful")
	assert.Greater(t, float64(undivided)/trials, 0.1, "the test can fail")
}

func normals(r *rand.Rand, n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = r.NormFloat64()
	}
	return values
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestProportion(t *testing.T) {
	for _, c := range []struct {
		successes, trials int
		low, high         float64 // R: binom.test
	}{
		{0, 10, 0, 0.3084971}, {10, 10, 0.6915029, 1}, {3, 20, 0.03207094, 0.37892683}, {682, 925, 0.7076683, 0.7654066}, {0, 1000, 0, 0.003682084},
	} {
		got := Proportion(c.successes, c.trials)
		assert.InDelta(t, c.low, got.Low, 1e-6, "%d of %d", c.successes, c.trials)
		assert.InDelta(t, c.high, got.High, 1e-6, "%d of %d", c.successes, c.trials)
		assert.InDelta(t, float64(c.successes)/float64(c.trials), got.Value, 1e-12)
	}
	assert.True(t, math.IsNaN(Proportion(0, 0).Value))
}

// WeightedHolm is the closed test of weighted Bonferroni tests.
func TestWeightedHolmAgainstClosedTesting(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 50 {
		n := 1 + r.IntN(6)
		ps, weights, want := make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range ps {
			ps[i], weights[i] = r.Float64()*r.Float64(), 0.5+4*r.Float64()
		}
		for set := 1; set < 1<<n; set++ {
			least, sum := math.Inf(1), 0.0
			for i := range ps {
				if set>>i&1 == 1 {
					least, sum = min(least, ps[i]/weights[i]), sum+weights[i]
				}
			}
			for i := range ps {
				if set>>i&1 == 1 {
					want[i] = max(want[i], min(1, least*sum))
				}
			}
		}
		assert.InDeltaSlice(t, want, WeightedHolm(ps, weights), 1e-12, "%v %v", ps, weights)
	}
	heavy := WeightedHolm([]float64{0.02, 0.02}, []float64{3, 1})
	assert.InDelta(t, 4.0/3*0.02, heavy[0], 1e-12, "three quarters of the level")
}
