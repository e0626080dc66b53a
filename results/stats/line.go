package stats

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// A Point is one measurement: how many of something there were, and what they took together.
type Point struct{ X, Y float64 }

// A Line is a straight line through measurements by least squares: what each takes, and what is taken without any.
type Line struct {
	Slope, Intercept Interval
	Blocks           int
}

// FitLine fits a line to the points of blocks: each block has measured several sizes. The intervals are bootstrapped
// over whole blocks, which are drawn with replacement resamples times (0 is Resamples), so that what disturbed a block is
// in them. Points of fewer than two sizes have no line, which is an error; with fewer than MinBlocks blocks it gives a
// *BlocksError beside the line.
func FitLine(blocks [][]Point, resamples int, seed uint64) (Line, error) {
	of := make([]moments, len(blocks))
	var all moments
	for i, points := range blocks {
		for _, p := range points {
			if math.IsNaN(p.X+p.Y) || math.IsInf(p.X+p.Y, 0) {
				return Line{}, fmt.Errorf("fit a line: block %d has a point at (%v, %v): want finite numbers", i, p.X, p.Y)
			}
			of[i].add(p)
		}
		all.join(of[i], 1)
	}
	slope, intercept, ok := all.line()
	if !ok {
		return Line{}, errors.New("fit a line: all points have one size: measure at least two")
	}
	l := Line{noInterval(slope), noInterval(intercept), len(blocks)}
	if err := enough(len(blocks)); err != nil {
		return l, err
	}
	var slopes, intercepts []float64
	eachResample(len(blocks), resamples, seed, func(counts []int32) {
		if s, i, ok := drawn(of, counts).line(); ok {
			slopes, intercepts = append(slopes, s), append(intercepts, i)
		}
	})
	slices.Sort(slopes)
	slices.Sort(intercepts)
	l.Slope.Low, l.Slope.High = percentiles(slopes, 0.95, len(blocks))
	l.Intercept.Low, l.Intercept.High = percentiles(intercepts, 0.95, len(blocks))
	return l, nil
}

// SlopeRatio compares the slopes of two fits to the same blocks, arm over base, by resampling both alike. It fails as
// FitLine does, and when one of the slopes is not positive.
func SlopeRatio(base, arm [][]Point, resamples int, seed uint64) (Interval, error) {
	if len(base) != len(arm) {
		return noInterval(math.NaN()), fmt.Errorf("compare slopes: base has %d blocks and arm %d: give the points of the same blocks", len(base), len(arm))
	}
	x, errBase := FitLine(base, 1, seed)
	y, errArm := FitLine(arm, 1, seed)
	for _, err := range []error{errBase, errArm} {
		if err != nil && !errors.As(err, new(*BlocksError)) {
			return noInterval(math.NaN()), err
		}
	}
	if !(x.Slope.Value > 0 && y.Slope.Value > 0) {
		return noInterval(math.NaN()), fmt.Errorf("compare slopes: the base's is %v, the arm's %v: a ratio needs two that rise", x.Slope.Value, y.Slope.Value)
	}
	ratio := noInterval(y.Slope.Value / x.Slope.Value)
	if errBase != nil {
		return ratio, errBase
	}
	bases, arms := momentsOf(base), momentsOf(arm)
	var ratios []float64
	eachResample(len(base), resamples, seed, func(counts []int32) {
		b, _, okBase := drawn(bases, counts).line()
		a, _, okArm := drawn(arms, counts).line()
		if okBase && okArm && b > 0 {
			ratios = append(ratios, a/b)
		}
	})
	slices.Sort(ratios)
	ratio.Low, ratio.High = percentiles(ratios, 0.95, len(base))
	return ratio, nil
}

// moments are the sums that a line is made from.
type moments struct{ n, x, y, xx, xy float64 }

func (m *moments) add(p Point) {
	m.join(moments{1, p.X, p.Y, p.X * p.X, p.X * p.Y}, 1)
}

func (m *moments) join(other moments, times float64) {
	m.n += times * other.n
	m.x += times * other.x
	m.y += times * other.y
	m.xx += times * other.xx
	m.xy += times * other.xy
}

// line solves the normal equations; ok is false when there is no line.
func (m moments) line() (slope, intercept float64, ok bool) {
	determinant := m.n*m.xx - m.x*m.x
	if m.n < 2 || determinant <= 1e-12*m.n*m.xx {
		return 0, 0, false
	}
	slope = (m.n*m.xy - m.x*m.y) / determinant
	return slope, (m.y - slope*m.x) / m.n, true
}

func momentsOf(blocks [][]Point) []moments {
	of := make([]moments, len(blocks))
	for i, points := range blocks {
		for _, p := range points {
			of[i].add(p)
		}
	}
	return of
}

func drawn(of []moments, counts []int32) (sum moments) {
	for i, times := range counts {
		if times > 0 {
			sum.join(of[i], float64(times))
		}
	}
	return sum
}

// eachResample draws blocks with replacement and counts them, again and again.
func eachResample(blocks, resamples int, seed uint64, use func(counts []int32)) {
	draw, counts := newDrawer(seed), make([]int32, blocks)
	for range orResamples(resamples) {
		clear(counts)
		draw.counts(counts)
		use(counts)
	}
}
