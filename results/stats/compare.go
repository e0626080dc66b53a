package stats

import "math"

// Options of a comparison. The zero value is the default.
type Options struct {
	// Resamples of the bootstrap; 0 is Resamples.
	Resamples int
	// Seed of the bootstrap. Every value is a seed, 0 too.
	Seed uint64
}

// A Result is what there is to say about arm against base over the blocks that hold both.
type Result struct {
	Ratio         float64 // median over blocks of arm ÷ base
	Low, High     float64 // 95 % interval of Ratio; NaN when refused
	Low90, High90 float64 // 90 % interval, for TOST; NaN when refused
	P             float64 // two-sided paired sign test of "no difference", not corrected for a family
	Blocks        int
}

// Compare compares arm with base: base[i] and arm[i] are the two values of block i. Errors are those of
// BootstrapMedianRatio; with a *BlocksError the Ratio, P and Blocks beside it are good, with another only Blocks is.
func Compare(base, arm []float64, o Options) (Result, error) {
	ratio, err := BootstrapMedianRatio(base, arm, o.Resamples, o.Seed)
	r := Result{Ratio: ratio.Median, Low: ratio.Low, High: ratio.High, Low90: ratio.Low90, High90: ratio.High90,
		P: math.NaN(), Blocks: min(len(base), len(arm))}
	if math.IsNaN(ratio.Median) {
		return r, err
	}
	diffs := make([]float64, len(base))
	for i := range base {
		diffs[i] = arm[i] - base[i]
	}
	r.P = SignTest(diffs)
	return r, err
}
