package report

import (
	"errors"
	"fmt"
	"math"

	"pqbench/results"
	"pqbench/results/stats"
)

const (
	// significance is the level of a test, after correction for its family.
	significance = 0.05
	// noDifference is the margin of equivalence where the plan names none, ±2 %: what paired ratios hold to on a shared
	// machine.
	noDifference = 0.02
)

// A judged comparison still has what its verdict needs.
type judged struct {
	results.Comparison
	pair   results.Pair
	family string
	result stats.Result
	mean   bool // of means, see means
	// open is false once there is a verdict, or a reason why there cannot be one.
	open bool
}

// comparisons are those of the manifest's pairs, in its order, over every metric that both arms have per block.
func (r *run) comparisons() []results.Comparison {
	var all []judged
	for _, p := range r.m.Pairs {
		base, arm := &r.arms[p.Base], &r.arms[p.Arm]
		for _, name := range arm.metricNames() {
			if _, quantile := sampleMetricOf(arm.Experiment, name); quantile && r.m.Virtual {
				continue // most pairs of trials are alike, and so is the median of their ratios: the means are compared
			}
			arms, bases := arm.blockValues(name), base.blockValues(name)
			if len(arms) > 0 && len(bases) > 0 {
				all = append(all, r.compare(p, name, bases, arms))
			}
		}
	}
	correct(all)
	out := []results.Comparison{}
	for i := range all {
		all[i].judge()
		out = append(out, all[i].Comparison)
	}
	return out
}

func (r *run) compare(p results.Pair, name string, bases, arms map[int]float64) judged {
	arm, base := r.arms[p.Arm], r.arms[p.Base]
	j := judged{pair: p, family: family(arm.Experiment, name, p.Kind), Comparison: results.Comparison{
		Experiment: arm.Experiment, Metric: name, Arm: arm.Arm, Base: base.Arm, Kind: p.Kind,
		Margin: p.Equivalence, Verdict: results.VerdictInconclusive}}
	x, y := paired(bases, arms)
	j.Blocks = len(x)
	if missing := max(len(bases), len(arms)) - len(x); missing > 0 {
		j.warn("%d blocks lack one of the two values", missing)
	}
	metric, ok := results.MetricByName(name)
	if ok && metric.Exact {
		j.exact(bases, arms)
		return j
	}
	if ok && metric.Mean {
		j.means(x, y)
		return j
	}
	j.open = true
	var err error
	j.result, err = stats.Compare(x, y, stats.Options{
		Resamples: r.resamples, Seed: r.seed(arm.Experiment, name, arm.Arm.String(), base.Arm.String())})
	var few *stats.BlocksError
	switch {
	case errors.As(err, &few):
		j.warn("no interval: %s, at least %d are needed", counted(few.Have, "block"), few.Need)
		j.open = false
	case err != nil:
		j.warn("not compared: %s", reason(y, x, err))
		j.open = false
		return j
	}
	j.Ratio, j.Low, j.High = finite(j.result.Ratio), finite(j.result.Low), finite(j.result.High)
	return j
}

// reason explains why there is no ratio. A block whose median failed is the usual one.
func reason(arm, base []float64, err error) string {
	for i := range arm {
		if math.IsInf(arm[i], 1) || math.IsInf(base[i], 1) {
			return "the median of at least one block lies among the failures"
		}
	}
	return err.Error()
}

// family names the comparisons whose p-values are corrected together: those that answer one question. Which groups
// differ in a metric is one, which providers do is another, and whether the control differs from itself in anything is a third.
//
// Note: one family for a whole experiment was tried. Its hundreds of comparisons ask for 14 or more blocks that all
// agree before anything is called a difference, and most of them nobody asked about.
func family(experiment, metric, kind string) string {
	if kind == "aa" {
		metric = ""
	}
	return experiment + "/" + kind + "/" + metric
}

// paired is the values of the blocks that have both, in order.
func paired(bases, arms map[int]float64) (x, y []float64) {
	both := make(map[int]float64)
	for block, v := range bases {
		if _, ok := arms[block]; ok {
			both[block] = v
		}
	}
	other := make(map[int]float64)
	for block := range both {
		other[block] = arms[block]
	}
	return inOrder(both), inOrder(other)
}

// exact compares the medians of what does not vary by noise. Medians that differ are a difference, unless they are within
// the margin and the two ranges overlap: then it is the protocol's own dice (the length of a signature, GREASE).
func (j *judged) exact(bases, arms map[int]float64) {
	base, arm := spanOf(inOrder(bases)), spanOf(inOrder(arms))
	if base.median > 0 {
		j.Ratio = finite(arm.median / base.median)
	}
	apart := arm.low > base.high || arm.high < base.low
	small := math.Abs(arm.median-base.median) <= noDifference*base.median
	switch {
	case arm.median == base.median, small && !apart:
		j.Verdict = results.VerdictEquivalent
	case arm.median > base.median:
		j.Verdict = results.VerdictHigher
	default:
		j.Verdict = results.VerdictLower
	}
}

// means compares averages, by Student's test: of hundreds of pairs most are alike, and the tests of pairs that the other
// metrics take would say so.
func (j *judged) means(bases, arms []float64) {
	ratio, err := stats.MeanRatio(bases, arms)
	var few *stats.BlocksError
	switch {
	case errors.As(err, &few):
		j.warn("no interval: %d trials, at least %d are needed", few.Have, few.Need)
	case err != nil:
		if stats.Mean(arms) == 0 && stats.Mean(bases) == 0 {
			j.Verdict = results.VerdictEquivalent
			return
		}
		j.warn("not compared: %s", err)
		return
	}
	j.Ratio, j.Low, j.High = finite(ratio.Value), finite(ratio.Low), finite(ratio.High)
	metric, _ := results.MetricByName(j.Metric)
	switch {
	case metric.Unit == "ns" && math.Abs(stats.Mean(arms)-stats.Mean(bases)) < instant:
		j.Verdict, j.Margin = results.VerdictEquivalent, noDifference
		j.Ratio, j.Low, j.High = finite(1), finite(1), finite(1) // 5 ns are not two and a half times 2 ns
		return
	case math.IsNaN(ratio.Low):
		return
	}
	j.open, j.mean = true, true
	j.result = stats.Result{Blocks: len(bases), Ratio: ratio.Value, Low90: ratio.Low, High90: ratio.High, P: stats.PairedTTest(bases, arms)}
}

// instant is below what a simulated path tells apart, ns: it spaces datagrams by so little that a path without
// delay would otherwise be won by whoever sends fewer.
const instant = 10_000

// correct replaces the p-values by Holm's, family by family.
func correct(all []judged) {
	members := make(map[string][]int)
	for i, j := range all {
		if !math.IsNaN(j.result.P) && j.Ratio != nil && j.result.Blocks > 0 {
			members[j.family] = append(members[j.family], i)
		}
	}
	for _, family := range members {
		ps := make([]float64, len(family))
		for k, i := range family {
			ps[k] = all[i].result.P
		}
		for k, p := range stats.Holm(ps) {
			j := &all[family[k]]
			j.P = finite(p)
			// A sign test's p-value is at least 2/2ⁿ, however large the effect.
			if least := 2 * math.Pow(0.5, float64(j.Blocks)) * float64(len(ps)); least > significance && j.open && !j.mean {
				j.warn("%d blocks cannot show a difference among %d comparisons: measure at least %d",
					j.Blocks, len(ps), blocksFor(len(ps)))
			}
		}
	}
}

// blocksFor is the fewest blocks that can be significant in a family of so many comparisons, if all of them agree.
func blocksFor(comparisons int) int {
	return int(math.Ceil(math.Log2(2 * float64(comparisons) / significance)))
}

// judge gives the verdict that the summary's documentation promises. Where "no difference" is the claim, a
// significant difference within the margin is not one.
func (j *judged) judge() {
	if !j.open || j.P == nil {
		return
	}
	different := *j.P < significance
	margin := j.pair.Equivalence
	if margin == 0 {
		margin = noDifference
	}
	equivalent := stats.TOST(j.result.Low90, j.result.High90, margin)
	if j.mean { // of thousands of trials, in which the least is significant
		different = different && !equivalent
	}
	if j.pair.Equivalence > 0 {
		different = different && math.Abs(j.result.Ratio-1) > margin
	}
	switch {
	case different && j.result.Ratio > 1:
		j.Verdict = results.VerdictHigher
	case different && j.result.Ratio < 1:
		j.Verdict = results.VerdictLower
	case equivalent:
		j.Verdict, j.Margin = results.VerdictEquivalent, margin
	}
}

func (j *judged) warn(format string, args ...any) {
	j.Warnings = append(j.Warnings, fmt.Sprintf(format, args...))
}
