package connector

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBackoffLaw(t *testing.T) {
	tests := map[string]struct {
		base time.Duration
		want []time.Duration
	}{
		"own":    {retryBase, []time.Duration{2, 4, 8, 16, 32, 32, 32}},
		"shared": {queueBase, []time.Duration{20, 40, 80, 160, 320, 320, 320}},
	}
	const almost = 1 - 1e-9
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(0, 0)
			for _, random := range []float64{0, 0.5, almost} {
				law := backoff{base: test.base, limit: DefaultRetries}
				for i, seconds := range test.want {
					wait, below := law.next(now, random)
					require.Equal(t, seconds*time.Second, below, "wait %d", i+1)
					require.Equal(t, time.Duration(random*float64(below)), wait)
					require.Less(t, wait, below)
				}
				law.reset()
				_, below := law.next(now, random)
				require.Equal(t, test.want[0]*time.Second, below, "after a success")
			}
		})
	}
}

// A law calms down after its grace period, and not before.
func TestBackoffCalms(t *testing.T) {
	start := time.Unix(0, 0)
	const period = 40 * time.Second // half of 10 s · 2^(1+2)
	for at, want := range map[time.Duration]time.Duration{
		period - 1: 40 * time.Second,
		period:     20 * time.Second,
	} {
		law := backoff{base: queueBase, limit: DefaultRetries}
		_, _ = law.next(start, 0)
		law.calm(start, 0.5)
		_, below := law.next(start.Add(at), 0)
		require.Equal(t, want, below, "after %v", at)
	}
}

// Waits are uniform: the Kolmogorov-Smirnov distance stays below what a
// uniform sample exceeds once in a thousand times, and the seed fixes it.
func TestWaitsAreUniform(t *testing.T) {
	const n = 5000
	sample := func(seed uint64) []float64 {
		chance := newChance(seed, 0)
		law := backoff{base: retryBase, limit: DefaultRetries}
		for range DefaultRetries { // to the cap
			law.next(time.Time{}, 0)
		}
		shares := make([]float64, n)
		for i := range shares {
			wait, below := law.next(time.Time{}, chance.float())
			require.Equal(t, 32*time.Second, below)
			shares[i] = float64(wait) / float64(below)
		}
		return shares
	}
	shares := sample(1)
	require.Equal(t, shares, sample(1))
	require.NotEqual(t, shares, sample(2))
	require.NotEqual(t, sample(0), sample(0))
	slices.Sort(shares)
	distance := 0.0
	for i, x := range shares {
		distance = max(distance, math.Abs(x-float64(i)/n), math.Abs(x-float64(i+1)/n))
	}
	require.Less(t, distance, 1.95/math.Sqrt(n))
}
