package stats

import "fmt"

// TOST is the equivalence test at the 5 % level by its interval: both one-sided tests reject exactly when the 90 %
// interval of the ratio lies inside 1 ± margin (Schuirmann 1987). A margin of 0.02 is ±2 %.
func TOST(low90, high90, margin float64) bool {
	return margin > 0 && low90 > 1-margin && high90 < 1+margin
}

// TOSTPaired is the p-value of the same claim from the blocks themselves, exact for any number of them and any
// distribution: the greater of two one-sided sign tests, that the median ratio is above 1 − margin and that it is below
// 1 + margin. base[i] and arm[i] are the two values of block i. Errors are those of BootstrapMedianRatio, and a margin
// that is not between 0 and 1.
func TOSTPaired(base, arm []float64, margin float64) (p float64, err error) {
	if !(margin > 0 && margin < 1) {
		return 1, fmt.Errorf("equivalence margin %v: choose one between 0 and 1, such as 0.02 for 2 %%", margin)
	}
	ratios, err := blockRatios(base, arm)
	if err != nil {
		return 1, err
	}
	if err := enough(len(ratios)); err != nil {
		return 1, err
	}
	notAbove, notBelow := 0, 0
	for _, r := range ratios {
		if r <= 1-margin {
			notAbove++
		}
		if r >= 1+margin {
			notBelow++
		}
	}
	return max(binomialTail(len(ratios), notAbove), binomialTail(len(ratios), notBelow)), nil
}
