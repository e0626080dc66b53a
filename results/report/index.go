package report

import (
	"hash/fnv"
	"maps"
	"math"
	"slices"

	"pqbench/results"
	"pqbench/results/stats"
)

// A run is a run's records, found by arm and block.
type run struct {
	m    results.Manifest
	arms []armRecords // by the index of Manifest.Arms
	// resamples of a bootstrap; 0 is stats.Resamples. Tests that are not about intervals take fewer.
	resamples int
}

// armRecords is what was recorded of one arm.
type armRecords struct {
	results.ArmOf
	trials  map[int]results.Trial    // by block
	samples map[int][]results.Sample // by block
}

func index(m results.Manifest, samples []results.Sample, trials []results.Trial) *run {
	r := &run{m: m, arms: make([]armRecords, len(m.Arms))}
	for i, a := range m.Arms {
		r.arms[i] = armRecords{ArmOf: a, trials: map[int]results.Trial{}, samples: map[int][]results.Sample{}}
	}
	for _, t := range trials {
		if t.Arm >= 0 && t.Arm < len(r.arms) {
			r.arms[t.Arm].trials[t.Block] = t
		}
	}
	for _, s := range samples {
		if s.Arm >= 0 && s.Arm < len(r.arms) {
			a := &r.arms[s.Arm]
			a.samples[s.Block] = append(a.samples[s.Block], s)
		}
	}
	return r
}

// seed is that of one bootstrap: the run's, mixed with what the bootstrap is for. Two of them are as good as independent,
// and neither moves when an arm is added elsewhere.
func (r *run) seed(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return r.m.Seed ^ h.Sum64()
}

// A sampleMetric is a metric that is made from samples: a quantile of a time.
type sampleMetric struct {
	name string
	q    float64
	// time is the sample's, ns; known is false when it was not measured.
	time func(s results.Sample) (ns int64, known bool)
}

// Handshake time runs from the moment it was intended: the dial call in a closed loop, where that is when it was sent.
func sinceIntended(s results.Sample) (int64, bool) { return s.Completed - s.Intended, true }
func sinceSent(s results.Sample) (int64, bool)     { return s.Completed - s.Sent, true }
func lateness(s results.Sample) (int64, bool)      { return s.Sent - s.Intended, true }
func sinceInitial(s results.Sample) (int64, bool)  { return s.SinceInitial, s.SinceInitial > 0 }

// sampleMetrics are those of an experiment. The wire experiment has samples, too, but its socket is tapped: its times
// say nothing.
func sampleMetrics(experiment string) []sampleMetric {
	switch experiment {
	case paths:
		return []sampleMetric{{"handshake_p50", 0.50, sinceIntended}, {"handshake_p90", 0.90, sinceIntended}, {"handshake_p99", 0.99, sinceIntended}}
	case "handshake", "overhead":
		return []sampleMetric{{"handshake_p50", 0.50, sinceIntended}, {"handshake_p90", 0.90, sinceIntended},
			{"handshake_p99", 0.99, sinceIntended}, {"since_initial_p50", 0.50, sinceInitial}}
	case "requests":
		return []sampleMetric{{"service_p50", 0.50, sinceSent}, {"service_p90", 0.90, sinceSent}, {"service_p99", 0.99, sinceSent}}
	case rate:
		return []sampleMetric{{"latency_p50", 0.50, sinceIntended}, {"latency_p90", 0.90, sinceIntended}, {"latency_p99", 0.99, sinceIntended},
			{"latency_p999", 0.999, sinceIntended}, {"sent_p50", 0.50, sinceSent}, {"sent_p99", 0.99, sinceSent},
			{"lateness_p50", 0.50, lateness}, {"lateness_p99", 0.99, lateness}}
	}
	return nil
}

func sampleMetricOf(experiment, metric string) (sampleMetric, bool) {
	of := sampleMetrics(experiment)
	i := slices.IndexFunc(of, func(s sampleMetric) bool { return s.name == metric })
	if i < 0 {
		return sampleMetric{}, false
	}
	return of[i], true
}

// times are the samples of a metric, block by block, ns. A failure is +Inf: it is censored, and counts.
func (a *armRecords) times(metric sampleMetric) (byBlock [][]float64, known bool) {
	for _, block := range slices.Sorted(maps.Keys(a.samples)) {
		var times []float64
		for _, s := range a.samples[block] {
			ns, ok := metric.time(s)
			switch {
			case s.Class != "" && !(punctuality(metric.name) && s.Class != results.ClassDropped):
				times = append(times, math.Inf(1))
			case ok:
				times = append(times, float64(ns))
				known = true
			}
		}
		byBlock = append(byBlock, times)
	}
	return byBlock, known || allFailed(byBlock)
}

// allFailed tells an arm whose every sample failed, which must be said, from one whose samples lack the time.
func allFailed(byBlock [][]float64) bool {
	n := 0
	for _, times := range byBlock {
		n += len(times)
		if slices.ContainsFunc(times, func(t float64) bool { return !math.IsInf(t, 1) }) {
			return false
		}
	}
	return n > 0
}

// blockValues is the metric's value of each block that has one: the trial's own, or the median of the block's samples.
// Higher percentiles have none: a block has too few samples for them.
func (a *armRecords) blockValues(metric string) map[int]float64 {
	values := make(map[int]float64)
	for block, t := range a.trials {
		if v, ok := t.Values[metric]; ok && !math.IsNaN(v) {
			values[block] = v
		}
	}
	if m, _ := results.MetricByName(metric); m.Censored && m.Experiment == a.Experiment {
		for block := range a.trials {
			if _, ok := values[block]; !ok {
				values[block] = math.Inf(1)
			}
		}
	}
	of, ok := sampleMetricOf(a.Experiment, metric)
	if !ok || len(a.samples) == 0 {
		return values
	}
	clear(values)
	if of.q != 0.5 {
		return values
	}
	byBlock, known := a.times(of)
	if !known {
		return values
	}
	for i, block := range slices.Sorted(maps.Keys(a.samples)) {
		if len(byBlock[i]) > 0 {
			values[block] = stats.Median(byBlock[i])
		}
	}
	return values
}

// inOrder is the values in the order of their blocks.
func inOrder(values map[int]float64) []float64 {
	out := make([]float64, 0, len(values))
	for _, block := range slices.Sorted(maps.Keys(values)) {
		out = append(out, values[block])
	}
	return out
}

// metricNames are the metrics an arm has, in the order of results.Metrics, those unknown to it after them.
func (a *armRecords) metricNames() []string {
	has := make(map[string]bool)
	for _, t := range a.trials {
		for name := range t.Values {
			has[name] = true
		}
	}
	for _, m := range results.Metrics() {
		if m.Censored && m.Experiment == a.Experiment && len(a.trials) > 0 {
			has[m.Name] = true
		}
	}
	if len(a.samples) > 0 {
		for _, s := range sampleMetrics(a.Experiment) {
			if a.Arm.Arrivals == closedLoop && punctuality(s.name) {
				continue // nothing arrives that could be late
			}
			if _, known := a.times(s); known {
				has[s.name] = true
			}
		}
	}
	var names []string
	for _, m := range results.Metrics() {
		if has[m.Name] {
			names = append(names, m.Name)
			delete(has, m.Name)
		}
	}
	return append(names, slices.Sorted(maps.Keys(has))...)
}

// ArmBlocks are the numbers of one arm before anything is made of them, one for each block.
type ArmBlocks struct {
	results.ArmOf
	// Values are in the order of the blocks, by the names of the metrics. A block whose median sample failed is +Inf.
	Values map[string][]float64
	// Units is how many handshakes or requests were scheduled, Failed how many of them failed or were dropped.
	Units, Failed int
}

// Blocks are the arms of a run in the manifest's order. It is for comparisons with another run, whose blocks these
// cannot be paired with.
func Blocks(m results.Manifest, samples []results.Sample, trials []results.Trial) (list []ArmBlocks) {
	r := index(m, samples, trials)
	for i := range r.arms {
		a := &r.arms[i]
		b := ArmBlocks{ArmOf: a.ArmOf, Values: map[string][]float64{}}
		for _, name := range a.metricNames() {
			if values := inOrder(a.blockValues(name)); len(values) > 0 {
				b.Values[name] = values
			}
		}
		for _, t := range a.trials {
			b.Units += t.Scheduled
			b.Failed += t.Failed + t.Dropped
		}
		list = append(list, b)
	}
	return list
}
