package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// blocksOf makes blocks that each share a shift of their own, as the blocks of a drifting machine do.
func blocksOf(r *rand.Rand, blocks, samples int, shift float64) [][]float64 {
	all := make([][]float64, blocks)
	for b := range all {
		machine := shift * r.NormFloat64()
		for range samples {
			all[b] = append(all[b], machine+r.NormFloat64())
		}
	}
	return all
}

// The quick search must give what sorting the drawn samples gives.
func TestPoolAgainstSorting(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for range 200 {
		var blocks [][]float64
		for range 1 + r.IntN(9) {
			samples := make([]float64, 1+r.IntN(120))
			for i := range samples {
				samples[i] = float64(r.IntN(300))
				if r.IntN(20) == 0 {
					samples[i] = inf
				}
			}
			blocks = append(blocks, samples)
		}
		p, err := newPool(blocks)
		require.NoError(t, err)
		weights := make([]int32, len(blocks))
		newDrawer(r.Uint64()).counts(weights)
		var drawn []float64
		for b, w := range weights {
			for range w {
				drawn = append(drawn, blocks[b]...)
			}
		}
		slices.Sort(drawn)
		for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 1, r.Float64()} {
			want, got := Quantile(drawn, q), p.quantile(weights, q)
			if want != got {
				require.InDelta(t, want, got, 1e-9, "q %v, weights %v", q, weights)
			}
		}
	}
}

func TestBlockQuantile(t *testing.T) {
	blocks := blocksOf(rand.New(rand.NewPCG(23, 24)), 10, 200, 0)
	got, err := BlockQuantile(blocks, 0.9, 0, 1)
	require.NoError(t, err)
	assert.InDelta(t, 1.2816, got.Value, 0.1, "the 90th percentile of the normal distribution")
	assert.True(t, got.Low <= got.Value && got.Value <= got.High && got.Low < got.High, "%+v", got)

	again, err := BlockQuantile(append(blocks, nil), 0.9, 10_000, 1)
	require.NoError(t, err)
	assert.Equal(t, got, again, "an empty block is no block")

	few, err := BlockQuantile(blocks[:5], 0.9, 0, 1)
	assertRefused(t, err, 5)
	assert.False(t, math.IsNaN(few.Value))
	assert.True(t, math.IsNaN(few.Low))
}

func TestBlockQuantileCensored(t *testing.T) {
	blocks := make([][]float64, 10)
	for b := range blocks {
		for i := range 100 {
			blocks[b] = append(blocks[b], float64(i))
		}
		if b < 3 { // 150 failures of 1000 samples, in three blocks
			for i := range 50 {
				blocks[b][50+i] = inf
			}
		}
	}
	median, err := BlockQuantile(blocks, 0.5, 0, 1)
	require.NoError(t, err)
	assert.False(t, median.Censored())
	assert.InDelta(t, 49.5, median.Value, 0.6, "failures must count: they are above the median")

	p90, err := BlockQuantile(blocks, 0.9, 0, 1)
	require.NoError(t, err)
	assert.True(t, p90.Censored(), "%+v", p90)
	assert.False(t, math.IsInf(p90.Low, 1), "with few of the bad blocks drawn, the 90th percentile is a number: %+v", p90)
	assert.True(t, math.IsInf(p90.High, 1), "%+v", p90)
}

func TestBlockQuantileErrors(t *testing.T) {
	for name, c := range map[string]struct {
		blocks [][]float64
		q      float64
		want   string
	}{
		"empty":       {nil, 0.5, "no samples"},
		"only empty":  {[][]float64{{}, nil}, 0.5, "no samples"},
		"NaN":         {[][]float64{{1}, {math.NaN()}}, 0.5, "block 1 is not a number"},
		"q too large": {[][]float64{{1}}, 1.5, "quantile 1.5"},
		"q is NaN":    {[][]float64{{1}}, math.NaN(), "quantile NaN"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := BlockQuantile(c.blocks, c.q, 0, 0)
			assert.ErrorContains(t, err, c.want)
			assert.True(t, math.IsNaN(got.Value))
		})
	}
}

// Blocks that drift: a bootstrap of single samples would hold the true median in fewer than half
// of the experiments.
func TestBlockQuantileCoverage(t *testing.T) {
	const experiments = 400
	r := rand.New(rand.NewPCG(25, 26))
	held := 0
	for e := range experiments {
		got, err := BlockQuantile(blocksOf(r, 15, 40, 1), 0.5, 500, uint64(e))
		require.NoError(t, err)
		held += holds(got.Low, 0, got.High)
	}
	t.Logf("held the median in %d of %d", held, experiments)
	assert.InDelta(t, 0.95, float64(held)/experiments, 0.03)
}

func BenchmarkBlockQuantile(b *testing.B) {
	blocks := blocksOf(rand.New(rand.NewPCG(27, 28)), 30, 500, 1)
	for b.Loop() {
		if _, err := BlockQuantile(blocks, 0.99, 0, 1); err != nil {
			b.Fatal(err)
		}
	}
}
