package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Resamples is how often a bootstrap draws unless told otherwise. At 10,000 the ends of a 95 % interval rest on 250
// resamples each, and another seed moves them by a few per cent of the interval's width.
const Resamples = 10_000

// A Ratio is the median over blocks of arm ÷ base, with the percentile intervals of its bootstrap. A ratio has no unit.
type Ratio struct {
	Median        float64
	Low, High     float64 // 95 %
	Low90, High90 float64 // 90 %, the interval that TOST judges at the 5 % level
	Blocks        int
}

// BootstrapMedianRatio compares arm with base: base[i] and arm[i] are the two values of block i. Blocks are drawn with
// replacement resamples times (0 is Resamples), so that what a block's two values have in common stays cancelled. It
// fails when the lengths differ, when a value is negative or not finite, or a base is zero; with fewer than MinBlocks
// blocks it gives a *BlocksError beside the median.
func BootstrapMedianRatio(base, arm []float64, resamples int, seed uint64) (Ratio, error) {
	ratios, err := blockRatios(base, arm)
	if err != nil {
		return Ratio{Median: math.NaN(), Low: math.NaN(), High: math.NaN(), Low90: math.NaN(), High90: math.NaN()}, err
	}
	slices.Sort(ratios)
	r := Ratio{Median: Quantile(ratios, 0.5), Blocks: len(ratios),
		Low: math.NaN(), High: math.NaN(), Low90: math.NaN(), High90: math.NaN()}
	if err := enough(len(ratios)); err != nil {
		return r, err
	}
	medians := bootstrapMedians(ratios, resamples, seed)
	r.Low, r.High = percentiles(medians, 0.95, len(ratios))
	r.Low90, r.High90 = percentiles(medians, 0.90, len(ratios))
	return r, nil
}

// blockRatios is arm ÷ base, block by block.
func blockRatios(base, arm []float64) ([]float64, error) {
	if len(base) != len(arm) {
		return nil, fmt.Errorf("compare: base has %d blocks and arm %d: give both values of the same blocks", len(base), len(arm))
	}
	ratios := make([]float64, len(base))
	for i := range base {
		if !(base[i] > 0) || math.IsInf(base[i], 0) {
			return nil, fmt.Errorf("compare: base of block %d is %v: a ratio needs a positive, finite base", i, base[i])
		}
		if !(arm[i] >= 0) || math.IsInf(arm[i], 0) {
			return nil, fmt.Errorf("compare: arm of block %d is %v: a ratio needs a finite value that is not negative", i, arm[i])
		}
		ratios[i] = arm[i] / base[i]
	}
	return ratios, nil
}

// percentiles is the bootstrap's interval from its sorted estimates, made over so many blocks: the expanded
// percentile interval of Hesterberg, "What Teachers Should Know About the Bootstrap" (The American Statistician 69,
// 2015). The plain one acts as if the blocks' spread were known and divided by n; this one takes its tails from
// Student's t with n−1 degrees of freedom, widened by √(n/(n−1)). The two meet as n grows.
//
// Note: it is needed. The plain 95 % interval of a median holds the truth in 87.5 % of runs of 7 blocks, and TOST on the
// plain 90 % one finds an equivalence that is not there in 8 % of runs of 9.
func percentiles(sorted []float64, confidence float64, blocks int) (low, high float64) {
	n := float64(blocks)
	t := studentQuantile(confidence, blocks-1) * math.Sqrt(n/(n-1))
	tail := math.Erfc(t/math.Sqrt2) / 2
	return Quantile(sorted, tail), Quantile(sorted, 1-tail)
}

// bootstrapMedians is the medians of resamples of values drawn with replacement, sorted. Values are sorted: a resample
// is then a count per rank, and its median is found by counting up instead of sorting again.
func bootstrapMedians(values []float64, resamples int, seed uint64) []float64 {
	medians := make([]float64, orResamples(resamples))
	draw := newDrawer(seed)
	counts := make([]int32, len(values))
	n := len(values)
	for r := range medians {
		clear(counts)
		draw.counts(counts)
		lower, upper := atRanks(counts, int32((n-1)/2), int32(n/2))
		medians[r] = between(values[lower], values[upper], 0.5)
	}
	slices.Sort(medians)
	return medians
}

// atRanks finds which entries the lower-th and the upper-th of the counted things (from zero, lower ≤ upper) belong to.
func atRanks(counts []int32, lower, upper int32) (i, j int) {
	below := counts[0]
	for below <= lower {
		i++
		below += counts[i]
	}
	j = i
	for below <= upper {
		j++
		below += counts[j]
	}
	return i, j
}

func orResamples(n int) int {
	if n <= 0 {
		return Resamples
	}
	return n
}

// A drawer draws indices with replacement, from a generator whose sequence is fixed by its seed (PCG, math/rand/v2).
type drawer struct{ source *rand.PCG }

func newDrawer(seed uint64) drawer {
	// The second word only has to be fixed. It is the golden ratio's, so that seed 0 is not an all-zero state.
	return drawer{rand.NewPCG(seed, 0x9e3779b97f4a7c15)}
}

// counts draws len(counts) indices below len(counts) and counts them. Two indices are cut from each random word by
// multiplication; for the hundreds of blocks there can be, the bias is below 1 in 10 million.
func (d drawer) counts(counts []int32) {
	n := uint64(len(counts))
	for left := len(counts); left > 0; left -= 2 {
		word := d.source.Uint64()
		counts[(word>>32)*n>>32]++
		if left > 1 {
			counts[(word&math.MaxUint32)*n>>32]++
		}
	}
}

// index draws one index below n.
func (d drawer) index(n int) int {
	return int((d.source.Uint64() >> 32) * uint64(n) >> 32)
}
