package stats

import (
	"math"
	"slices"
)

// Quantile is the q-quantile, 0 ≤ q ≤ 1, of values sorted in increasing order: definition 7 of Hyndman and Fan,
// "Sample Quantiles in Statistical Packages" (1996), which R and NumPy use unless told otherwise. With h = (n−1)·q it
// goes linearly from the value at ⌊h⌋ to the next. A failure is a value of +Inf; a quantile that touches one is +Inf,
// never a number between. Without values it is NaN.
func Quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 || math.IsNaN(q) {
		return math.NaN()
	}
	i, frac := position(len(sorted), q)
	if frac == 0 {
		return sorted[i]
	}
	return between(sorted[i], sorted[i+1], frac)
}

// position is where the q-quantile of n sorted values lies: frac of the way from value i to value i+1.
func position(n int, q float64) (i int, frac float64) {
	h := float64(n-1) * min(max(q, 0), 1)
	floor := math.Floor(h)
	return int(floor), h - floor
}

// between goes frac of the way from a to b. Equal ends are answered at once, because Inf − Inf would be NaN.
func between(a, b, frac float64) float64 {
	if a == b {
		return a
	}
	return a + frac*(b-a)
}

// beyond is how many samples must lie on the far side of a percentile that is printed: with fewer, the number is the
// luck of a handful of samples.
const beyond = 10

// PrintableQuantile reports whether at least ten of n samples lie beyond the q-quantile, on the side where fewer do.
func PrintableQuantile(n int, q float64) bool {
	// The slack undoes the rounding of 1−q: (1−0.9)·100 is 9.999999999999998.
	return float64(n)*min(q, 1-q) >= beyond-1e-9
}

// Median is the median of values in any order; NaN without values.
func Median(values []float64) float64 {
	return Quantile(slices.Sorted(slices.Values(values)), 0.5)
}

// QuantileCI is the q-quantile of independent values with the distribution-free 95 % interval between two of them, whose
// ranks are those of the binomial's normal approximation (Conover, Practical Nonparametric Statistics, 3.2). It is right
// where PrintableQuantile is; fewer than MinBlocks values give a *BlocksError beside the quantile.
func QuantileCI(values []float64, q float64) (Interval, error) {
	sorted := slices.Sorted(slices.Values(values))
	value := Quantile(sorted, q)
	if err := enough(len(sorted)); err != nil {
		return noInterval(value), err
	}
	n := float64(len(sorted))
	half := 1.959964 * math.Sqrt(n*q*(1-q))
	low, high := int(math.Floor(n*q-half))-1, int(math.Ceil(n*q+half))
	return Interval{Value: value, Low: sorted[max(low, 0)], High: sorted[min(high, len(sorted)-1)]}, nil
}

// MAD is the median absolute deviation from the median, unscaled: for a normal distribution it is 0.6745 standard
// deviations. NaN without values.
func MAD(values []float64) float64 {
	median := Median(values)
	deviations := make([]float64, len(values))
	for i, v := range values {
		deviations[i] = math.Abs(v - median)
	}
	return Median(deviations)
}

// MedianCI is the median of values with the distribution-free interval between two of them: the k-th least and the
// k-th greatest, k as large as at least 95 % confidence allows (Conover, Practical Nonparametric Statistics, 3.2).
// The values are one per block; fewer than MinBlocks give a *BlocksError beside the median.
func MedianCI(values []float64) (Interval, error) {
	sorted := slices.Sorted(slices.Values(values))
	median := Quantile(sorted, 0.5)
	if err := enough(len(sorted)); err != nil {
		return noInterval(median), err
	}
	k := 0
	for 2*binomialTail(len(sorted), k) <= 0.05 {
		k++
	}
	return Interval{Value: median, Low: sorted[k-1], High: sorted[len(sorted)-k]}, nil
}
