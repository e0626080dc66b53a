package stats

import "math"

// PairedTTest is the two-sided p-value of Student's paired t-test: how likely the mean difference of arm[i] and base[i]
// would be at least this far from 0 if the means were the same. It is for differences of many pairs, or near to normal.
// It is 1 where no pair differs, 0 where all differ by the same, and NaN for fewer than two pairs or unequal lengths.
func PairedTTest(base, arm []float64) float64 {
	if len(base) != len(arm) || len(base) < 2 {
		return math.NaN()
	}
	diffs := make([]float64, len(base))
	for i := range base {
		diffs[i] = arm[i] - base[i]
	}
	mean, deviation := Mean(diffs), standardDeviation(diffs)
	switch {
	case mean == 0:
		return 1
	case deviation == 0:
		return 0
	}
	t := math.Abs(mean) / deviation * math.Sqrt(float64(len(diffs)))
	return studentP(t, len(diffs)-1)
}
