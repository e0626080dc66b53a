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
	var order []int
	adjusted := make([]float64, len(ps))
	for i, p := range ps {
		adjusted[i] = math.NaN()
		if !math.IsNaN(p) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ps[a], ps[b]) })
	running := 0.0
	for rank, i := range order {
		running = max(running, min(1, float64(len(order)-rank)*ps[i]))
		adjusted[i] = running
	}
	return adjusted
}
