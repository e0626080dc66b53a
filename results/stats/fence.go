package stats

import (
	"math"
	"slices"
)

// MinFence is the fewest values a fence is made from: with fewer, a quartile is an end.
const MinFence = 8

// Fence is Q3 + 3·IQR of values: Tukey's outer fence, beyond which rustc-perf and rustls call a change significant when the
// values are the sizes of the changes between runs before. Of values from a half-normal distribution one in some 3,700 lies
// beyond it. Fewer than MinFence values give a *BlocksError.
func Fence(values []float64) (float64, error) {
	if len(values) < MinFence {
		return math.NaN(), &BlocksError{Have: len(values), Need: MinFence}
	}
	sorted := slices.Sorted(slices.Values(values))
	q1, q3 := Quantile(sorted, 0.25), Quantile(sorted, 0.75)
	return q3 + 3*(q3-q1), nil
}
