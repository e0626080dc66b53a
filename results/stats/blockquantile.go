package stats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
)

// BlockQuantile is the q-quantile of all blocks' samples together, with the 95 % interval of a bootstrap that draws
// whole blocks, resamples times (0 is Resamples): samples of one block are not independent, and drawing them singly
// would give an interval far too narrow. The definition is that of Quantile. A failure is a sample of +Inf: it stays
// in the distribution, and a value or an end of the interval that falls among the failures is +Inf (see
// Interval.Censored).
//
// Fewer than MinBlocks blocks that hold samples give a *BlocksError beside the value; NaN samples, a q outside 0..1
// and no samples at all are errors. Whether the quantile is fit to print is for PrintableQuantile to say.
func BlockQuantile(samplesByBlock [][]float64, q float64, resamples int, seed uint64) (Interval, error) {
	pool, err := newPool(samplesByBlock)
	if err != nil {
		return noInterval(math.NaN()), err
	}
	if !(q >= 0 && q <= 1) {
		return noInterval(math.NaN()), fmt.Errorf("quantile %v: choose one between 0 and 1", q)
	}
	once := make([]int32, pool.blocks)
	for b := range once {
		once[b] = 1
	}
	value := pool.quantile(once, q)
	if err := enough(pool.blocks); err != nil {
		return noInterval(value), err
	}
	drawn := make([]float64, orResamples(resamples))
	draw := newDrawer(seed)
	for i := range drawn {
		clear(once)
		draw.counts(once)
		drawn[i] = pool.quantile(once, q)
	}
	slices.Sort(drawn)
	low, high := percentiles(drawn, 0.95, pool.blocks)
	return Interval{Value: value, Low: low, High: high}, nil
}

// stride is how many samples lie between two checkpoints of a pool: a search costs about blocks·log(samples/stride)
// and the scan after it about stride, and near 64 the two are alike for the usual 30 blocks.
const stride = 64

// A pool is the samples of all blocks, ranked once. A resample is then a weight per block, and its quantile is found
// by counting weights up the ranks, from a checkpoint close by.
type pool struct {
	blocks int
	values []float64 // sorted
	block  []int32   // of each value
	sizes  []int32   // samples per block
	// below holds, for checkpoint c and block b at [c·blocks+b], how many of b's samples are among the first c·stride.
	below []int32
}

// newPool ranks the samples. Blocks without samples are left out.
func newPool(samplesByBlock [][]float64) (*pool, error) {
	p := &pool{}
	type ranked struct {
		value float64
		block int32
	}
	var all []ranked
	for b, samples := range samplesByBlock {
		for _, v := range samples {
			if math.IsNaN(v) {
				return nil, fmt.Errorf("quantile: a sample of block %d is not a number", b)
			}
			all = append(all, ranked{v, int32(p.blocks)})
		}
		if len(samples) > 0 {
			p.blocks++
			p.sizes = append(p.sizes, int32(len(samples)))
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("quantile: no samples")
	}
	slices.SortFunc(all, func(a, b ranked) int { return cmp.Compare(a.value, b.value) })
	counts := make([]int32, p.blocks)
	for i, r := range all {
		if i%stride == 0 {
			p.below = append(p.below, counts...)
		}
		counts[r.block]++
		p.values, p.block = append(p.values, r.value), append(p.block, r.block)
	}
	return p, nil
}

// quantile is the q-quantile of the samples when each of block b counts weights[b] times.
func (p *pool) quantile(weights []int32, q float64) float64 {
	total := 0
	for b, w := range weights {
		total += int(w) * int(p.sizes[b])
	}
	rank, frac := position(total, q)
	// The last checkpoint with no more than rank samples below it; checkpoint 0 always qualifies.
	checkpoints := len(p.below) / p.blocks
	at := sort.Search(checkpoints-1, func(c int) bool { return p.weightBelow(c+1, weights) > rank })
	i := at * stride
	seen := p.weightBelow(at, weights) + int(weights[p.block[i]])
	for seen <= rank {
		i++
		seen += int(weights[p.block[i]])
	}
	value := p.values[i]
	if frac == 0 {
		return value
	}
	for seen <= rank+1 {
		i++
		seen += int(weights[p.block[i]])
	}
	return between(value, p.values[i], frac)
}

// weightBelow is how much weight lies below checkpoint c.
func (p *pool) weightBelow(c int, weights []int32) int {
	sum := 0
	for b, n := range p.below[c*p.blocks : (c+1)*p.blocks] {
		sum += int(n) * int(weights[b])
	}
	return sum
}
