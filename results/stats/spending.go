package stats

import "math"

// Spend divides the level of a test among looks at growing data, so that looking several times, and stopping at the
// first look that rejects, errs no more often than the level says. The looks are fractions of the whole, increasing to
// 1. The shares grow as O'Brien and Fleming's boundaries do, in the form of Lan and DeMets ("Discrete Sequential
// Boundaries for Clinical Trials", Biometrika 70, 1983): early looks get little, so that the last one keeps most.
//
// Note: a look is then held against its own share alone, which is valid whatever the looks have in common (the union
// bound), and for every metric at once. The exact boundaries need the covariance of the looks, and gain a tenth of a
// standard error.
func Spend(level float64, looks []float64) []float64 {
	z := NormalQuantile(1 - level/2)
	shares := make([]float64, len(looks))
	spent := 0.0
	for i, look := range looks {
		total := math.Erfc(z / math.Sqrt(min(look, 1)) / math.Sqrt2)
		shares[i] = total - spent
		spent = total
	}
	return shares
}

// NormalQuantile is the inverse of the standard normal distribution.
func NormalQuantile(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }
