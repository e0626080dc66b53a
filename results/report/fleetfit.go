package report

import (
	"errors"
	"maps"
	"slices"

	"pqbench/results"
	"pqbench/results/stats"
)

// fits are the metrics that lines through the sizes of fleets give: a slope and an intercept.
var fits = []struct {
	of, slope, intercept string
	perConnection        string // the slope by the connections of a tunnel
}{
	{"both_rss", "both_rss_per_tunnel", "", "both_rss_per_connection"},
	{"connector_rss", "connector_rss_per_tunnel", "connector_rss_fixed", "connector_rss_per_connection"},
	{"edge_rss", "edge_rss_per_tunnel", "edge_rss_fixed", "edge_rss_per_connection"},
	{"both_live", "", "", "both_live_per_connection"},
	{"connector_live", "connector_live_per_tunnel", "", ""},
	{"edge_live", "edge_live_per_tunnel", "", ""},
}

// fleetArms are arms that differ in their size alone, under the name of all of them: no size.
type fleetArms struct {
	arm   results.Arm
	sizes []*armRecords
}

// families are those of the fleets with at least two sizes, in the order of the manifest.
func (r *run) families() []fleetArms {
	var all []fleetArms
	for i := range r.arms {
		a := &r.arms[i]
		if a.Experiment != fleet || len(a.trials) == 0 {
			continue
		}
		name := familyOf(a.Arm)
		k := slices.IndexFunc(all, func(f fleetArms) bool { return f.arm == name })
		if k < 0 {
			k = len(all)
			all = append(all, fleetArms{arm: name})
		}
		all[k].sizes = append(all[k].sizes, a)
	}
	return slices.DeleteFunc(all, func(f fleetArms) bool { return len(f.sizes) < 2 })
}

func familyOf(a results.Arm) results.Arm {
	a.Tunnels = 0
	return a
}

// points are a metric's, by block; only blocks that hold every size count.
func (f fleetArms) points(metric string, blocks []int) [][]stats.Point {
	out := make([][]stats.Point, len(blocks))
	for i, block := range blocks {
		for _, a := range f.sizes {
			if v, ok := a.trials[block].Values[metric]; ok {
				out[i] = append(out[i], stats.Point{X: float64(a.Arm.Tunnels), Y: v})
			}
		}
	}
	return out
}

// blocks are those in which every size was measured.
func (f fleetArms) blocks() []int {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(f.sizes[0].trials)), func(block int) bool {
		return slices.ContainsFunc(f.sizes, func(a *armRecords) bool { _, ok := a.trials[block]; return !ok })
	})
}

// connections of each tunnel; 0 when the records do not say.
func (f fleetArms) connections() float64 {
	for _, t := range f.sizes[0].trials {
		return t.Values["connections_per_tunnel"]
	}
	return 0
}

// fitted are the rows of the lines through the sizes.
func (r *run) fitted() (rows []results.Row) {
	for _, f := range r.families() {
		blocks := f.blocks()
		for _, fit := range fits {
			points := f.points(fit.of, blocks)
			line, err := stats.FitLine(points, r.resamples, r.seed(fleet, fit.of, f.arm.String()))
			if (err == nil || errors.As(err, new(*stats.BlocksError))) && line.Slope.Value <= 0 {
				err = errors.New("the larger of these fleets did not take more than the smaller ones: their sizes are too near each other to tell a tunnel's part")
			}
			n := 0
			for _, p := range points {
				n += len(p)
			}
			add := func(metric string, i stats.Interval, divisor float64) {
				if metric == "" || divisor == 0 {
					return
				}
				m, _ := results.MetricByName(metric)
				row := results.Row{Experiment: fleet, Metric: metric, Arm: f.arm, Unit: m.Unit, Better: m.Better, N: n, Blocks: len(blocks)}
				setInterval(&row, stats.Interval{Value: i.Value / divisor, Low: i.Low / divisor, High: i.High / divisor}, err, "fit")
				rows = append(rows, row)
			}
			add(fit.slope, line.Slope, 1)
			add(fit.intercept, line.Intercept, 1)
			add(fit.perConnection, line.Slope, f.connections())
		}
	}
	return rows
}

// fittedComparisons hold the slopes of groups against each other, in the same blocks.
func (r *run) fittedComparisons() (out []results.Comparison) {
	all := r.families()
	seen := map[[2]results.Arm]bool{}
	for _, p := range r.m.Pairs {
		arm, base := r.arms[p.Arm], r.arms[p.Base]
		pair := [2]results.Arm{familyOf(arm.Arm), familyOf(base.Arm)}
		if arm.Experiment != fleet || seen[pair] {
			continue
		}
		seen[pair] = true
		i := slices.IndexFunc(all, func(f fleetArms) bool { return f.arm == pair[0] })
		k := slices.IndexFunc(all, func(f fleetArms) bool { return f.arm == pair[1] })
		if i < 0 || k < 0 {
			continue
		}
		for _, fit := range fits {
			out = append(out, r.compareSlopes(fit.of, fit.slope, p.Kind, all[i], all[k])...)
			out = append(out, r.compareSlopes(fit.of, fit.perConnection, p.Kind, all[i], all[k])...)
		}
	}
	return out
}

// compareSlopes is one comparison. Its verdict is the interval's.
func (r *run) compareSlopes(of, metric, kind string, arm, base fleetArms) []results.Comparison {
	if metric == "" {
		return nil
	}
	both := slices.DeleteFunc(arm.blocks(), func(b int) bool { return !slices.Contains(base.blocks(), b) })
	c := results.Comparison{Experiment: fleet, Metric: metric, Arm: arm.arm, Base: base.arm, Kind: kind, Blocks: len(both), Verdict: results.VerdictInconclusive}
	ratio, err := stats.SlopeRatio(base.points(of, both), arm.points(of, both), r.resamples, r.seed(fleet, of, arm.arm.String(), base.arm.String()))
	if err != nil && !errors.As(err, new(*stats.BlocksError)) {
		return nil
	}
	c.Ratio, c.Low, c.High = finite(ratio.Value), finite(ratio.Low), finite(ratio.High)
	switch {
	case c.Low == nil || c.High == nil:
	case *c.Low > 1-noDifference && *c.High < 1+noDifference:
		c.Verdict, c.Margin = results.VerdictEquivalent, noDifference
	case *c.Low > 1:
		c.Verdict = results.VerdictHigher
	case *c.High < 1:
		c.Verdict = results.VerdictLower
	}
	return []results.Comparison{c}
}
