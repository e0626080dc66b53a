package stats

import (
	"cmp"
	"math"
	"slices"
)

// Holm corrects the p-values of one family of comparisons so that the chance of even one false finding in the family
// stays at the level the result is compared with (S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure",
// 1979). The result is in the order of ps. NaN stands for a comparison that was not made: it stays NaN and is not counted.
func Holm(ps []float64) []float64 {
	weights := make([]float64, len(ps))
	for i := range weights {
		weights[i] = 1
	}
	return WeightedHolm(ps, weights)
}

// WeightedHolm is Holm's procedure for comparisons that do not count alike (section 4 of the same): one of twice the
// weight gets twice the share of the level. Weights must be positive, and chosen before the p-values are seen.
func WeightedHolm(ps, weights []float64) []float64 {
	var order []int
	adjusted := make([]float64, len(ps))
	left := 0.0
	for i, p := range ps {
		adjusted[i] = math.NaN()
		if !math.IsNaN(p) {
			order = append(order, i)
			left += weights[i]
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ps[a]/weights[a], ps[b]/weights[b]) })
	running := 0.0
	for _, i := range order {
		running = max(running, min(1, left/weights[i]*ps[i]))
		adjusted[i] = running
		left -= weights[i]
	}
	return adjusted
}
