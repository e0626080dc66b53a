package stats

import (
	"fmt"
	"math"
)

// Mean is the arithmetic mean; NaN without values.
func Mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// MeanCI is the mean with Student's 95 % interval, for rates and costs that are already an average over a block. The
// values are one per block; fewer than MinBlocks give a *BlocksError beside the mean.
//
// Note: Student's interval and not a bootstrap, because the percentile bootstrap of a mean of six values covers
// about 85 % where it says 95 %.
func MeanCI(values []float64) (Interval, error) {
	mean := Mean(values)
	if err := enough(len(values)); err != nil {
		return noInterval(mean), err
	}
	n := float64(len(values))
	half := studentQuantile(0.95, len(values)-1) * standardDeviation(values) / math.Sqrt(n)
	return Interval{Value: mean, Low: mean - half, High: mean + half}, nil
}

// standardDeviation is that of a sample, with n−1 below.
func standardDeviation(values []float64) float64 {
	mean, sum := Mean(values), 0.0
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(values)-1))
}

// studentQuantile is the t that |T| does not exceed with the given confidence, for Student's T with df ≥ 1 degrees of
// freedom: its distribution bisected.
func studentQuantile(confidence float64, df int) float64 {
	low, high := 0.0, 13.0 // 12.71 holds 95 % at one degree of freedom
	for studentWithin(high, df) < confidence && high < 1e9 {
		high *= 2
	}
	for range 60 {
		middle := (low + high) / 2
		if studentWithin(middle, df) < confidence {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}

// studentP is the two-sided p-value of Student's t with df degrees of freedom, for t ≥ 0.
func studentP(t float64, df int) float64 { return max(0, 1-studentWithin(t, df)) }

// studentWithin is the probability that |T| ≤ t for Student's t with df degrees of freedom: the finite series of
// Abramowitz and Stegun, 26.7.3 and 26.7.4.
func studentWithin(t float64, df int) float64 {
	theta := math.Atan(t / math.Sqrt(float64(df)))
	sin, cos := math.Sin(theta), math.Cos(theta)
	term, sum := 1.0, 0.0
	first := 1
	if df%2 == 1 {
		term, first = cos, 2
	}
	for i := first; i < df; i += 2 {
		sum += term
		term *= cos * cos * float64(i) / float64(i+1)
	}
	if df%2 == 1 {
		return 2 / math.Pi * (theta + sin*sum)
	}
	return sin * sum
}

// MeanRatio is the mean of arm over the mean of base, with Student's 95 % interval by the delta method: base[i] and
// arm[i] are the values of the same trial, so that what they have in common stays cancelled. It fails as
// BootstrapMedianRatio does, but for a base that is 0 somewhere: the mean alone must be positive.
//
// Note: for distributions that are wide or two-valued, such as handshake times under loss: most ratios of pairs are 1
// there, and so is their median, whatever the few others say.
func MeanRatio(base, arm []float64) (Interval, error) {
	if len(base) != len(arm) {
		return noInterval(math.NaN()), fmt.Errorf("compare: base has %d trials and arm %d: give both values of the same trials", len(base), len(arm))
	}
	x, y := Mean(base), Mean(arm)
	if !(x > 0) || math.IsInf(x, 0) || math.IsInf(y, 0) || math.IsNaN(y) {
		return noInterval(math.NaN()), fmt.Errorf("compare: the mean of the base is %v and that of the arm %v: a ratio needs a positive, finite base", x, y)
	}
	ratio := y / x
	if err := enough(len(base)); err != nil {
		return noInterval(ratio), err
	}
	residuals := make([]float64, len(base))
	for i := range base {
		residuals[i] = arm[i] - ratio*base[i]
	}
	n := float64(len(base))
	half := studentQuantile(0.95, len(base)-1) * standardDeviation(residuals) / (math.Sqrt(n) * x)
	return Interval{Value: ratio, Low: ratio - half, High: ratio + half}, nil
}
