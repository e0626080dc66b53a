package history

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"pqbench/results/stats"
)

// Series is one metric of one arm on one host, over time.
type Series struct {
	Hosts []string // one, unless hosts were mixed
	Lines []Line   // in the order of time; of one run at most one
}

// last is the series' latest line.
func (s Series) last() Line { return s.Lines[len(s.Lines)-1] }

// Values are those of the lines.
func (s Series) Values() []float64 {
	values := make([]float64, len(s.Lines))
	for i, l := range s.Lines {
		values[i] = l.Value
	}
	return values
}

// Group sorts lines into series, in the order in which the first line of each stands in the history. mix puts all hosts
// into one: their levels differ, so it finds changes that are none.
func Group(lines []Line, mix bool) []Series {
	var all []Series
	index := map[string]int{}
	for _, l := range lines {
		key := l.series()
		if !mix {
			key += "\x00" + l.Host
		}
		i, ok := index[key]
		if !ok {
			i = len(all)
			index[key] = i
			all = append(all, Series{})
		}
		all[i].Lines = append(all[i].Lines, l)
		if !slices.Contains(all[i].Hosts, l.Host) {
			all[i].Hosts = append(all[i].Hosts, l.Host)
		}
	}
	for _, s := range all {
		slices.SortStableFunc(s.Lines, func(a, b Line) int { return a.Time.Compare(b.Time) })
	}
	return all
}

// Change is a change point with the runs that it lies between.
type Change struct {
	stats.ChangePoint
	LastBefore, First Line // the last run of the old level, and the first of the new one
}

// String names commit, size and interval.
func (c Change) String() string {
	size := "from 0"
	if v := c.ChangePoint.Change.Value; !math.IsNaN(v) {
		size = fmt.Sprintf("%+.2f %% [%+.2f, %+.2f]", 100*v, 100*c.ChangePoint.Change.Low, 100*c.ChangePoint.Change.High)
	}
	text := fmt.Sprintf("%s at commit %s (%s, after %s)", size, c.First.commit(), c.First.Time.Format("2006-01-02"), c.LastBefore.commit())
	if c.First.Go != c.LastBefore.Go {
		text += fmt.Sprintf("; also from %s to %s", c.LastBefore.Go, c.First.Go)
	}
	if a, b := c.First.Method, c.LastBefore.Method; a != b && a != "" && b != "" {
		text += "; also measured in another way (another plan, or another pqbench)"
	}
	if c.First.Host != c.LastBefore.Host {
		text += "; also from one host to another"
	}
	return text
}

func (l Line) commit() string {
	if l.Dirty {
		return l.Commit + "+dirty"
	}
	return l.Commit
}

// MinRuns is the fewest runs a series is searched with: two levels of three.
const MinRuns = 6

// fenceRuns is how many steps before the last one make its fence.
const fenceRuns = 30

// Analysis is what a series says.
type Analysis struct {
	Series
	Changes []Change
	// Step is the last value over the one before, less one, infinite from 0, and Fence what the steps before it stayed
	// within, as a share; NaN where there are too few of them.
	Step, Fence float64
	// Searched is false where there are fewer than MinRuns runs.
	Searched bool
}

// Beyond says that the last step is larger than the steps before let expect.
func (a Analysis) Beyond() bool { return math.Abs(a.Step) > a.Fence }

// Analyse looks for change points, and at the last step.
func Analyse(s Series, o stats.DivisiveOptions) Analysis {
	a := Analysis{Series: s, Step: math.NaN(), Fence: math.NaN()}
	values := s.Values()
	if n := len(values); n > 1 {
		a.Step = step(values[n-2], values[n-1])
		var sizes []float64
		for i := max(1, n-1-fenceRuns); i < n-1; i++ {
			if size := math.Abs(step(values[i-1], values[i])); !math.IsInf(size, 0) { // one from 0 is beyond any fence
				sizes = append(sizes, size)
			}
		}
		if fence, err := stats.Fence(sizes); err == nil {
			a.Fence = fence
		}
	}
	if a.Searched = len(values) >= MinRuns; !a.Searched {
		return a
	}
	for _, p := range stats.EDivisive(values, o) {
		a.Changes = append(a.Changes, Change{p, s.Lines[p.Index-1], s.Lines[p.Index]})
	}
	return a
}

// step is a value over the one before, less one: nothing from 0 to 0, and infinite from 0 to anything else.
func step(before, now float64) float64 {
	if before == now {
		return 0
	}
	return now/before - 1
}

// Trend is the series in a line of characters, the least value lowest: at most width of them, each the mean of its share.
func (s Series) Trend(width int) string {
	const heights = "▁▂▃▄▅▆▇█"
	values := s.Values()
	n := min(width, len(values))
	means := make([]float64, n)
	for i := range means {
		means[i] = stats.Mean(values[i*len(values)/n : (i+1)*len(values)/n])
	}
	low, high := slices.Min(means), slices.Max(means)
	steps := []rune(heights)
	var text strings.Builder
	for _, v := range means {
		at := 0
		if high > low {
			at = int((v - low) / (high - low) * float64(len(steps)-1))
		}
		text.WriteRune(steps[at])
	}
	return text.String()
}
