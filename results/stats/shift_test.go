package stats

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Hollander and Wolfe 1973, p. 69, as in R's help of wilcox.test: permeability of the amnion at term and earlier. The
// estimate is in their example 4.3.
func TestShiftPublished(t *testing.T) {
	term := []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}
	early := []float64{1.15, 0.88, 0.90, 0.74, 1.21}
	got, err := Shift(early, term)
	assertRefused(t, err, 5)
	assert.InDelta(t, 0.305, got.Value, 1e-9)
}

func TestShiftCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, sizes := range [][2]int{{6, 6}, {10, 24}, {20, 20}} {
		const trials = 1000
		held := 0
		for range trials {
			x, y := make([]float64, sizes[0]), make([]float64, sizes[1])
			for i := range x {
				x[i] = r.ExpFloat64()
			}
			for i := range y {
				y[i] = 2 + r.ExpFloat64()
			}
			got, err := Shift(x, y)
			require.NoError(t, err)
			held += holds(got.Low, 2, got.High)
		}
		assert.InDelta(t, 0.955, float64(held)/trials, 0.025, "sizes %v", sizes)
	}
}
