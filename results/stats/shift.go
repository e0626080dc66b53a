package stats

import (
	"math"
	"slices"
)

// Shift is by how much y lies above x, two independent samples: the median of all differences (Hodges and Lehmann,
// "Estimates of Location Based on Rank Tests", 1963), with the two-sided 95 % interval that belongs to MannWhitney, by
// its normal approximation (Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 4.3). With fewer than
// MinBlocks values in either it gives a *BlocksError beside the estimate.
func Shift(x, y []float64) (Interval, error) {
	differences := make([]float64, 0, len(x)*len(y))
	for _, a := range x {
		for _, b := range y {
			differences = append(differences, b-a)
		}
	}
	slices.Sort(differences)
	middle := Quantile(differences, 0.5)
	if err := enough(min(len(x), len(y))); err != nil {
		return noInterval(middle), err
	}
	m, n := float64(len(x)), float64(len(y))
	half := NormalQuantile(0.975) * math.Sqrt(m*n*(m+n+1)/12)
	rank := max(int(math.Floor(m*n/2-half)), 0)
	return Interval{Value: middle, Low: differences[rank], High: differences[len(differences)-1-rank]}, nil
}
