package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPairedTTest(t *testing.T) {
	// Student's own example, "The probable error of a mean", Biometrika 6 (1908): hours of sleep that two drugs added to
	// ten patients. R's t.test prints t = -4.0621, df = 9, p-value = 0.002833.
	dextro := []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0}
	laevo := []float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}
	assert.InDelta(t, 0.002833, PairedTTest(dextro, laevo), 5e-7)
	assert.InDelta(t, 0.002833, PairedTTest(laevo, dextro), 5e-7)

	assert.EqualValues(t, 1, PairedTTest(dextro, dextro))
	assert.EqualValues(t, 0, PairedTTest([]float64{1, 2}, []float64{2, 3}))
	assert.True(t, math.IsNaN(PairedTTest([]float64{1}, []float64{2})))
	assert.True(t, math.IsNaN(PairedTTest(dextro, laevo[1:])))
}

// Among handshakes of which one in ten waits for a timer, alike on both sides, it sees a difference as often as it says.
func TestPairedTTestIsNominal(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 9))
	const runs, n = 2000, 300
	found := 0
	for range runs {
		base, arm := make([]float64, n), make([]float64, n)
		for i := range base {
			for _, v := range [][]float64{base, arm} {
				v[i] = 100
				if rng.Float64() < 0.1 {
					v[i] = 400
				}
			}
		}
		if PairedTTest(base, arm) < 0.05 {
			found++
		}
	}
	assert.InDelta(t, 0.05, float64(found)/runs, 0.015)
}
