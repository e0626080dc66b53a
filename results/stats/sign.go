package stats

// SignTest is the two-sided p-value of the exact paired sign test: how likely the signs of the differences would be at
// least this lopsided if either sign were as likely as the other. It assumes nothing about the differences' distribution.
// Differences of zero say nothing and are left out; without any other the p-value is 1.
func SignTest(diffs []float64) float64 {
	positive, negative := signs(diffs)
	return min(1, 2*binomialTail(positive+negative, min(positive, negative)))
}

// signs counts the differences above and below zero.
func signs(diffs []float64) (positive, negative int) {
	for _, d := range diffs {
		switch {
		case d > 0:
			positive++
		case d < 0:
			negative++
		}
	}
	return positive, negative
}

// binomialTail is the probability of at most k heads in n throws of a fair coin.
func binomialTail(n, k int) float64 { return binomialCDF(k, n, 0.5) }
