package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The interval of a ratio of means holds the truth as often as it says, for values like handshake times under loss: most
// of them alike, a few much longer, and both of a pair moved by what they share.
func TestMeanRatioCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	const runs, n = 400, 300
	const truth = (100 + 0.18*300) / (100 + 0.10*300.0)
	held := 0
	for range runs {
		base, arm := make([]float64, n), make([]float64, n)
		for i := range base {
			u := rng.Float64()
			base[i], arm[i] = 100, 100
			if u < 0.10 {
				base[i] = 400
			}
			if u < 0.18 {
				arm[i] = 400
			}
		}
		r, err := MeanRatio(base, arm)
		require.NoError(t, err)
		if r.Low <= truth && truth <= r.High {
			held++
		}
	}
	share := float64(held) / runs
	assert.InDelta(t, 0.95, share, 0.03)
}

func TestMeanRatioOfPairsIsExact(t *testing.T) {
	base := []float64{1, 2, 3, 4, 5, 6, 7}
	arm := make([]float64, len(base))
	for i := range base {
		arm[i] = 1.5 * base[i]
	}
	r, err := MeanRatio(base, arm)
	require.NoError(t, err)
	assert.InDelta(t, 1.5, r.Value, 1e-12)
	assert.InDelta(t, 0, r.High-r.Low, 1e-12, "what pairs share is cancelled")
}

func TestMeanRatioErrors(t *testing.T) {
	_, err := MeanRatio([]float64{1, 2}, []float64{1})
	require.ErrorContains(t, err, "same trials")
	_, err = MeanRatio(make([]float64, 10), make([]float64, 10))
	require.ErrorContains(t, err, "positive, finite base")
	_, err = MeanRatio([]float64{1, math.Inf(1)}, []float64{1, 1})
	require.Error(t, err)
	var few *BlocksError
	r, err := MeanRatio([]float64{1, 2}, []float64{2, 4})
	require.ErrorAs(t, err, &few)
	assert.InDelta(t, 2, r.Value, 1e-12)
}
