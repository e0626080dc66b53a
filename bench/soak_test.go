package bench

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results/stats"
)

// A leak shows however noisy the level is, and noise alone does not; nor does what grows by next to nothing.
func TestASoakTellsGrowthFromNoise(t *testing.T) {
	for _, test := range []struct {
		name               string
		level, slope, bend float64
		rounds             int
		want               bool
	}{
		{"steady", 1000, 0, 0, 200, false},
		{"a goroutine each round", 20, 1, 0.1, 50, true},
		{"a kilobyte in 10 MB each round", 10e6, 1000, 50e3, 1000, true},
		{"noise", 10e6, 0, 500e3, 200, false},
		{"next to nothing", 10e6, 10, 100, 200, false},
		{"less and less", 1000, -2, 1, 100, false},
	} {
		rng := rand.New(rand.NewPCG(7, 7))
		var points []stats.Point
		for i := range test.rounds {
			points = append(points, stats.Point{X: float64(i), Y: test.level + test.slope*float64(i) + test.bend*rng.NormFloat64()})
		}
		v, err := vitalOf(points, 1)
		require.NoError(t, err, test.name)
		assert.Equal(t, test.want, v.Grows(), "%s: %+v", test.name, v)
		assert.InDelta(t, test.level, v.Level, 0.1*test.level+20, test.name)
		v.Process, v.Name = "edge", heapVital
		var text bytes.Buffer
		require.NoError(t, WriteSoak(&text, []Vital{v}))
		assert.Equal(t, test.want, bytes.Contains(text.Bytes(), []byte("GROWS")), test.name)
	}
}
