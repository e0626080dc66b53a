package stats

import "math"

// Proportion is the share of successes with the two-sided 95 % interval of Clopper and Pearson ("The Use of Confidence or
// Fiducial Limits", Biometrika 26, 1934), which holds the truth at least that often. Without trials it is NaN.
func Proportion(successes, trials int) Interval {
	if trials == 0 {
		return noInterval(math.NaN())
	}
	i := Interval{Value: float64(successes) / float64(trials), High: 1}
	if successes > 0 {
		i.Low = bisect(func(p float64) bool { return 1-binomialCDF(successes-1, trials, p) < 0.025 })
	}
	if successes < trials {
		i.High = bisect(func(p float64) bool { return binomialCDF(successes, trials, p) > 0.025 })
	}
	return i
}

// AtLeast is the probability of k or more successes in n trials of probability p.
func AtLeast(k, n int, p float64) float64 {
	if k <= 0 {
		return 1
	}
	return max(0, 1-binomialCDF(k-1, n, p))
}

// binomialCDF is the probability of at most k successes in n trials of probability p.
func binomialCDF(k, n int, p float64) float64 {
	if p <= 0 {
		return 1
	}
	if p >= 1 {
		return 0
	}
	nFactorial, _ := math.Lgamma(float64(n + 1))
	sum := 0.0
	for i := 0; i <= k; i++ {
		a, _ := math.Lgamma(float64(i + 1))
		b, _ := math.Lgamma(float64(n - i + 1))
		sum += math.Exp(nFactorial - a - b + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return min(1, sum)
}

// bisect finds where, between 0 and 1, below turns from true to false.
func bisect(below func(p float64) bool) float64 {
	low, high := 0.0, 1.0
	for range 60 {
		middle := (low + high) / 2
		if below(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}
