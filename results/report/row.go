package report

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"pqbench/results"
	"pqbench/results/stats"
)

// Summarise makes every number that a report prints.
//
// A metric of trials (CPU time, rates, allocations) is the median over blocks with its distribution-free 95 % interval.
// Each block's value is already a mean over the block's work, and the median over blocks keeps one disturbed block from
// deciding. A metric of samples is the quantile of all of them, failures counted as longer than everything, with the 95 % interval of
// a bootstrap over blocks. An exact metric is its lower median, a value that was seen, with the least and the greatest.
func Summarise(m results.Manifest, samples []results.Sample, trials []results.Trial) results.Summary {
	return index(m, samples, trials).summarise(results.Check(m, samples, trials))
}

// summarise takes what the records' accounting said.
func (r *run) summarise(accounts error) results.Summary {
	s := results.Summary{Schema: results.Schema, Rows: r.rows(), Comparisons: append(r.comparisons(), r.fittedComparisons()...), Outcomes: r.outcomes(), Generators: r.generators(), Computing: r.m.Computing}
	s.Warnings = r.warnings(s, accounts)
	return s
}

// amongFailures is why a percentile has no value that is longer than everything that completed.
const amongFailures = "it lies among the failures"

// rows go by experiment, arm and metric, in the orders of the manifest and of results.Metrics.
func (r *run) rows() []results.Row {
	rows := []results.Row{}
	for _, experiment := range r.experiments() {
		if experiment == fleet {
			rows = append(rows, r.fitted()...)
		}
		for i := range r.arms {
			a := &r.arms[i]
			if a.Experiment != experiment {
				continue
			}
			for _, name := range a.metricNames() {
				rows = append(rows, r.row(a, name))
			}
		}
	}
	return rows
}

// experiments are the names of the run's, in order, whether the manifest lists them or only their arms.
func (r *run) experiments() []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, e := range r.m.Experiments {
		add(e.Name)
	}
	for _, a := range r.arms {
		add(a.Experiment)
	}
	return names
}

// thousand is how many tunnels idle CPU is told of.
const thousand = 1000

func (r *run) row(a *armRecords, name string) results.Row {
	metric, ok := results.MetricByName(name)
	row := results.Row{Experiment: a.Experiment, Metric: name, Arm: a.Arm, Unit: metric.Unit, Better: metric.Better, Blocks: len(a.trials)}
	sampled, isSampled := sampleMetricOf(a.Experiment, name)
	switch {
	case isSampled && len(a.samples) > 0:
		r.sampleRow(&row, a, sampled)
	case ok && metric.Exact:
		exactRow(&row, a)
	case ok && metric.Mean:
		meanRow(&row, a)
	default:
		trialRow(&row, a)
	}
	if a.Arm.Tunnels < thousand && strings.HasSuffix(name, "_cpu_per_1000") {
		warn(&row, "idle CPU of 1,000 tunnels is that of %d in proportion: larger fleets take less each, because timers that fall due together wake a processor once", a.Arm.Tunnels)
	}
	if failed := a.failures(); failed.any() {
		row.Warnings = append(row.Warnings, failed.String())
	}
	if a.Note != "" {
		row.Warnings = append(row.Warnings, a.Note)
	}
	return row
}

// sampleRow is a quantile of the samples.
func (r *run) sampleRow(row *results.Row, a *armRecords, metric sampleMetric) {
	byBlock, _ := a.times(metric)
	for _, times := range byBlock {
		row.N += len(times)
	}
	if !stats.PrintableQuantile(row.N, metric.q) {
		warn(row, "no %s: fewer than ten of %d samples lie beyond it", percentile(metric.q), row.N)
		return
	}
	if values, ok := independent(byBlock); ok {
		interval, err := stats.QuantileCI(values, metric.q)
		setInterval(row, interval, err, percentile(metric.q))
		return
	}
	if len(byBlock) < stats.MinBlocks && offers(a.Experiment) {
		byBlock = a.sliced(metric)
	}
	interval, err := stats.BlockQuantile(byBlock, metric.q, r.resamples, r.seed(a.Experiment, metric.name, a.Arm.String()))
	setInterval(row, interval, err, percentile(metric.q))
}

// independent are the samples where every block is one: then nothing is shared inside of blocks.
func independent(byBlock [][]float64) (values []float64, ok bool) {
	for _, block := range byBlock {
		if len(block) != 1 {
			return nil, false
		}
		values = append(values, block[0])
	}
	return values, len(values) > 0
}

// trialRow is the median over the blocks' values.
func trialRow(row *results.Row, a *armRecords) {
	values := inOrder(a.blockValues(row.Metric))
	row.N = a.work()
	if row.N == 0 && a.Experiment != rate { // there is no unit of work, but the block; of a rate there was none
		row.N = len(values)
	}
	if len(values) == 0 {
		warn(row, "no value: no trial has one")
		return
	}
	interval, err := stats.MedianCI(values)
	setInterval(row, interval, err, "median")
	back := slices.DeleteFunc(values, func(v float64) bool { return math.IsInf(v, 1) })
	if m, _ := results.MetricByName(row.Metric); m.Censored && len(back) < len(values) {
		warn(row, "%d of %d were not back in time, and count as longer than all", len(values)-len(back), len(values))
	}
}

// meanRow is the mean over the trials that have a value.
func meanRow(row *results.Row, a *armRecords) {
	values := inOrder(a.blockValues(row.Metric))
	row.N = len(values)
	if len(values) == 0 {
		warn(row, "no value: no trial has one")
		return
	}
	interval, err := stats.MeanCI(values)
	setInterval(row, interval, err, "mean")
}

// exactRow is the lower median, which is a value that was seen, and the range.
func exactRow(row *results.Row, a *armRecords) {
	values := inOrder(a.blockValues(row.Metric))
	row.N = len(values)
	if len(values) == 0 {
		warn(row, "no value: no trial has one")
		return
	}
	seen := spanOf(values)
	row.Value, row.Low, row.High = finite(seen.median), finite(seen.low), finite(seen.high)
}

// A span is the lower median of values, and their range.
type span struct{ median, low, high float64 }

// spanOf sorts the values; there must be one.
func spanOf(values []float64) span {
	slices.Sort(values)
	return span{values[(len(values)-1)/2], values[0], values[len(values)-1]}
}

// setInterval takes over an estimate and its interval, or what speaks against printing them.
func setInterval(row *results.Row, i stats.Interval, err error, what string) {
	var few *stats.BlocksError
	switch {
	case errors.As(err, &few) && offers(row.Experiment):
		// A warning on top says it of the whole experiment.
	case errors.As(err, &few):
		warn(row, "no interval: %s, at least %d are needed", counted(few.Have, "block"), few.Need)
	case err != nil:
		warn(row, "no value: %v", err)
		return
	}
	if i.Censored() {
		warn(row, "no %s: "+amongFailures, what)
		return
	}
	row.Value = finite(i.Value)
	row.Low, row.High = finite(i.Low), finite(i.High)
	if math.IsInf(i.High, 1) {
		warn(row, "the interval of the %s has no upper end: it lies among the failures", what)
	}
}

func warn(row *results.Row, format string, args ...any) {
	row.Warnings = append(row.Warnings, fmt.Sprintf(format, args...))
}

// finite is nil for what JSON cannot carry and nobody should print.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func percentile(q float64) string {
	if q == 0.5 {
		return "median"
	}
	return fmt.Sprintf("%gth percentile", 100*q)
}
