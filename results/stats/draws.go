package stats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// BootstrapMedians are the medians of columns over the same drawn blocks: columns[c][b] is block b's value in column c,
// NaN where it has none. Draw i of every column is made from the same blocks, so that what the columns of a block have in
// common stays in common. It fails with fewer than MinBlocks blocks (a *BlocksError), with columns of different lengths,
// and for a column without values; a draw that hits none of a column's values takes its median of all.
func BootstrapMedians(columns [][]float64, resamples int, seed uint64) ([][]float64, error) {
	if len(columns) == 0 {
		return nil, nil
	}
	blocks := len(columns[0])
	if err := enough(blocks); err != nil {
		return nil, err
	}
	sorted := make([][]ranked, len(columns))
	for c, column := range columns {
		if len(column) != blocks {
			return nil, fmt.Errorf("bootstrap: column %d has %d blocks and the first %d", c, len(column), blocks)
		}
		if sorted[c] = rank(column); len(sorted[c]) == 0 {
			return nil, fmt.Errorf("bootstrap: column %d has no values", c)
		}
	}
	draws := make([][]float64, len(columns))
	for c := range draws {
		draws[c] = make([]float64, orResamples(resamples))
	}
	draw := newDrawer(seed)
	counts := make([]int32, blocks)
	for i := range draws[0] {
		clear(counts)
		draw.counts(counts)
		for c := range columns {
			draws[c][i] = weightedMedian(sorted[c], counts)
		}
	}
	return draws, nil
}

// ranked is a block's value.
type ranked struct {
	value float64
	block int
}

func rank(column []float64) (out []ranked) {
	for b, v := range column {
		if !math.IsNaN(v) {
			out = append(out, ranked{v, b})
		}
	}
	slices.SortFunc(out, func(a, b ranked) int { return cmp.Compare(a.value, b.value) })
	return out
}

// weightedMedian is that of values that count as often as their blocks were drawn.
func weightedMedian(values []ranked, counts []int32) float64 {
	total := int32(0)
	for _, v := range values {
		total += counts[v.block]
	}
	if total == 0 {
		return between(values[(len(values)-1)/2].value, values[len(values)/2].value, 0.5)
	}
	weights := make([]int32, len(values))
	for i, v := range values {
		weights[i] = counts[v.block]
	}
	lower, upper := atRanks(weights, (total-1)/2, total/2)
	return between(values[lower].value, values[upper].value, 0.5)
}
