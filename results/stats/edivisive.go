package stats

import (
	"cmp"
	"math"
	"slices"
)

// A ChangePoint is where a series of values, in the order of time, got another level.
type ChangePoint struct {
	Index         int     // of the first value of the new level; never 0
	Before, After float64 // means of the levels on both sides, up to the next change points
	// Change is After over Before, less one, with its 95 % interval (Student's, by the delta method). NaN when Before is 0.
	Change Interval
	// P is that of Student's test between the two levels. It is not corrected for the search that found the place: see
	// DivisiveOptions.P.
	P float64
}

// DivisiveOptions of a search for change points. The zero value is the default.
type DivisiveOptions struct {
	// Window is how many values are looked at together; the next window begins half of one further, or at the last change
	// point found. Default 50. What comes later cannot hide a change that was there for half a window.
	Window int
	// P is the largest p-value of a change point; default DivisiveP. Weak points, up to ten times of it, are found first:
	// one that does not stand by itself may be needed to see its neighbour.
	P float64
	// Magnitude is the least relative change, 0.01 for 1 %; smaller ones are merged away. Default 0.
	Magnitude float64
	// Level is how few values make a level; default 3. A single value that stands out is the fence's business.
	Level int
}

// DivisiveP is the p-value that a change point has to reach. The test is done where the two sides differ most, so it finds
// differences more often than it says. Of series without a change it raised a false alarm, at this value, in 0 to 1.2 of 100
// of 20 to 200 normal values, and in 0.2 to 3.2 of 100 log-normal ones (σ 0.5); at the 0.001 that Hunter takes in 0.7 to 9, and
// 1.7 to 11. Neighbours that resemble each other deceive it: with a correlation of 0.3, 1 to 14 of 100.
const DivisiveP = 0.0001

func (o DivisiveOptions) orDefaults() DivisiveOptions {
	o.Window = cmp.Or(o.Window, 50)
	o.P = cmp.Or(o.P, DivisiveP)
	o.Level = cmp.Or(o.Level, 3)
	o.Window = max(o.Window, 2*o.Level)
	return o
}

// EDivisive finds the change points of a series, the first one first: E-Divisive (Matteson and James, A Nonparametric Approach
// for Multiple Change Point Analysis of Multivariate Data, JASA 2014) with a t-test, windows and weak points (Fleming et al.,
// Hunter, ICPE 2023). The values must be finite.
//
//  1. A window is split where the energy distance between the two sides is greatest, of all splits of a prefix of the
//     segment, as long as a t-test says that the sides differ, at the weak level.
//  2. The windows' points together are the weak points. The least likely one is taken away, and its neighbours are tested
//     anew over what they now part, until all that are left hold at P and Magnitude.
func EDivisive(values []float64, o DivisiveOptions) []ChangePoint {
	o = o.orDefaults()
	weak := min(10*o.P, max(o.P, 0.5))
	var cuts []int
	for start := 0; start < len(values); {
		found := divide(values, start, min(start+o.Window, len(values)), weak, o.Level)
		last := 0
		for _, cut := range found {
			last = max(last, cut)
			if !slices.Contains(cuts, cut) {
				cuts = append(cuts, cut)
			}
		}
		start = max(last, start+o.Window/2)
	}
	slices.Sort(cuts)
	return merge(values, cuts, o)
}

// divide splits values[start:end] while a split is significant, and returns the cuts in no order. What was split off is
// split on its own.
func divide(values []float64, start, end int, p float64, level int) (cuts []int) {
	cut, ok := bestSplit(values[start:end], level)
	if !ok || pooledTest(values[start:start+cut], values[start+cut:end]) > p {
		return nil
	}
	cut += start
	return slices.Concat([]int{cut}, divide(values, start, cut, p, level), divide(values, cut, end, p, level))
}

// bestSplit is where the energy statistic of values[:cut] against values[cut:to] is greatest, over all to.
//
//	Q = n·m/(n+m) · ( 2·mean|X−Y| − mean|X−X'| − mean|Y−Y'| ),  n values X before the cut, m values Y behind it
func bestSplit(values []float64, level int) (cut int, ok bool) {
	within := withinSums(values)
	best := math.Inf(-1)
	for c := level; c+level <= len(values); c++ {
		for to := c + level; to <= len(values); to++ {
			if q := energy(within, c, to); q > best {
				best, cut, ok = q, c, true
			}
		}
	}
	return cut, ok
}

// withinSums[i][j] is the sum of |a−b| over all pairs of values[i:j].
func withinSums(values []float64) [][]float64 {
	n := len(values)
	sums := make([][]float64, n+1)
	for i := range sums {
		sums[i] = make([]float64, n+1)
	}
	for j := 1; j <= n; j++ {
		column := 0.0 // of |values[j-1]−values[i]|, from the last i to the first
		for i := j - 2; i >= 0; i-- {
			column += math.Abs(values[j-1] - values[i])
			sums[i][j] = sums[i][j-1] + column
		}
	}
	return sums
}

// energy is Q of values[:cut] and values[cut:to]. Pairs across the cut are those of both together less those on either side.
func energy(within [][]float64, cut, to int) float64 {
	n, m := float64(cut), float64(to-cut)
	x, y := within[0][cut], within[cut][to]
	across := within[0][to] - x - y
	q := 2 * across / (n + m)
	if n > 1 {
		q -= 2 * m * x / ((n + m) * (n - 1))
	}
	if m > 1 {
		q -= 2 * n * y / ((n + m) * (m - 1))
	}
	return q
}

// merge takes the weakest cut away until those left are strong enough.
func merge(values []float64, cuts []int, o DivisiveOptions) []ChangePoint {
	for len(cuts) > 0 {
		points := pointsAt(values, cuts)
		worst := 0
		for i, p := range points {
			if p.P > points[worst].P {
				worst = i
			}
		}
		if points[worst].P <= o.P {
			for i, p := range points {
				if p.magnitude() < points[worst].magnitude() {
					worst = i
				}
			}
			if points[worst].magnitude() >= o.Magnitude {
				return points
			}
		}
		cuts = slices.Delete(cuts, worst, worst+1)
	}
	return nil
}

// magnitude is the larger of the relative changes there and back, so that halving counts as much as doubling.
func (p ChangePoint) magnitude() float64 {
	if p.Before == 0 || p.After == 0 {
		return math.Inf(1)
	}
	return max(math.Abs(p.After/p.Before-1), math.Abs(p.Before/p.After-1))
}

// pointsAt are the cuts with what is on both sides of them, up to the next.
func pointsAt(values []float64, cuts []int) []ChangePoint {
	points := make([]ChangePoint, len(cuts))
	for i, cut := range cuts {
		from, to := 0, len(values)
		if i > 0 {
			from = cuts[i-1]
		}
		if i+1 < len(cuts) {
			to = cuts[i+1]
		}
		points[i] = pointAt(values[from:cut], values[cut:to])
		points[i].Index = cut
	}
	return points
}

func pointAt(before, after []float64) ChangePoint {
	p := ChangePoint{Before: Mean(before), After: Mean(after), P: pooledTest(before, after)}
	p.Change = noInterval(p.After/p.Before - 1)
	if p.Before == 0 {
		p.Change = noInterval(math.NaN())
		return p
	}
	if sd, df := pooled(before, after); df > 0 {
		ratio := p.After / p.Before
		half := studentQuantile(0.95, df) * sd / math.Abs(p.Before) * math.Sqrt(1/float64(len(after))+ratio*ratio/float64(len(before)))
		p.Change.Low, p.Change.High = p.Change.Value-half, p.Change.Value+half
	}
	return p
}

// pooled is the standard deviation within two groups, and its degrees of freedom.
func pooled(x, y []float64) (sd float64, df int) {
	sum := 0.0
	for _, group := range [][]float64{x, y} {
		mean := Mean(group)
		for _, v := range group {
			sum += (v - mean) * (v - mean)
		}
	}
	df = len(x) + len(y) - 2
	return math.Sqrt(sum / float64(df)), df
}

// pooledTest is the two-sided p-value of Student's test that two groups of one spread have one mean: 1 with fewer than three
// values; 0 for groups without spread that differ.
func pooledTest(x, y []float64) float64 {
	sd, df := pooled(x, y)
	difference := math.Abs(Mean(x) - Mean(y))
	switch {
	case df < 1 || difference == 0:
		return 1
	case sd == 0:
		return 0
	}
	t := difference / (sd * math.Sqrt(1/float64(len(x))+1/float64(len(y))))
	return studentP(t, df)
}
