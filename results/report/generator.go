package report

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"pqbench/results"
	"pqbench/results/stats"
)

// What makes a generator the limit of what it measured.
const (
	// saturated is the share of its cores, its own or those that it shares with the edge, at which a generator has no time
	// left to be punctual.
	saturated = 0.90
	// calibrated is the least share of the offered load that must get through an edge that does the least possible.
	calibrated = 0.99
	// slower is how many times the 99th percentile here that at the least edge may be: it can only be less, but for the
	// noise of a percentile that was measured for some seconds.
	slower = 1.5
	// tolerated is how much of a percentile that has no interval lateness may be: of few blocks below a knee.
	tolerated = 0.1
	// resolution is what a percentile is told with (three significant digits): a move within it shows nowhere.
	resolution = 0.001
)

// Generators are the verdicts on the load generators of a run, an arm each to which load was offered: those of Summarise,
// without the rest.
func Generators(m results.Manifest, samples []results.Sample, trials []results.Trial) []results.Generator {
	return index(m, samples, trials).generators()
}

// generators judges every arm to which load was offered. In a closed loop CPU alone tells: nothing can be late there, and a
// loop at the least edge says nothing of how much faster than this one it could have been at another.
func (r *run) generators() []results.Generator {
	var out []results.Generator
	for i := range r.arms {
		a := &r.arms[i]
		if !offers(a.Experiment) && a.Experiment != storm || len(a.trials) == 0 {
			continue
		}
		if a.Experiment == storm {
			if reasons := a.busiest(); reasons != nil || len(a.blockValues("host_cpu_peak")) > 0 {
				out = append(out, results.Generator{Experiment: a.Experiment, Arm: a.Arm, Bound: len(reasons) > 0, Reasons: reasons})
			}
			continue
		}
		rows := r.latencyRows(a)
		reasons := slices.Concat(a.moved(rows), r.movedAtLevels(a), a.slowerThere(rows), a.exhausted(), a.crowded())
		out = append(out, results.Generator{Experiment: a.Experiment, Arm: a.Arm, Bound: len(reasons) > 0, Reasons: reasons})
	}
	return out
}

// latencyRows are an arm's percentiles of latency with their intervals, by name. Those that cannot be printed have no value.
func (r *run) latencyRows(a *armRecords) map[string]results.Row {
	rows := map[string]results.Row{}
	for _, m := range sampleMetrics(a.Experiment) {
		if !latency(m.name) || len(a.samples) == 0 {
			continue
		}
		row := results.Row{}
		r.sampleRow(&row, a, m)
		rows[m.name] = row
	}
	return rows
}

// moved names the percentiles that the generator's lateness moved: without it they would lie outside of their interval.
func (a *armRecords) moved(rows map[string]results.Row) (reasons []string) {
	for _, m := range sampleMetrics(a.Experiment) {
		row := rows[m.name]
		if row.Value == nil || row.Low == nil {
			continue
		}
		punctual, _ := a.times(sampleMetric{m.name, m.q, sinceSent})
		without := stats.Quantile(slices.Sorted(slices.Values(slices.Concat(punctual...))), m.q)
		reasons = append(reasons, late(row, without, percentile(m.q))...)
	}
	return reasons
}

// movedAtLevels is moved for the percentiles that are measured again below a knee, each block's for itself.
func (r *run) movedAtLevels(a *armRecords) (reasons []string) {
	if a.Experiment != kneeSearch {
		return nil
	}
	for _, percent := range results.BelowKnee {
		for _, q := range []float64{0.5, 0.99} {
			name := results.AtKnee(fmt.Sprintf("p%g", 100*q), percent)
			row, sent := r.row(a, name), inOrder(a.blockValues("sent_"+name))
			if row.Value == nil || len(sent) == 0 {
				continue
			}
			if row.Low == nil {
				low, high := *row.Value*(1-tolerated), *row.Value*(1+tolerated)
				row.Low, row.High = &low, &high
			}
			reasons = append(reasons, late(row, stats.Median(sent), fmt.Sprintf("%s at %d %% of the knee", percentile(q), percent))...)
		}
	}
	return reasons
}

// late is the reason when a percentile is out of its interval without the lateness: without is it since the units were sent.
func late(row results.Row, without float64, what string) []string {
	if without >= *row.Low || *row.Value-without <= resolution**row.Value {
		return nil
	}
	s := scaleFor(results.Metric{Unit: "ns"}, []float64{*row.Value})
	return []string{fmt.Sprintf("its lateness moves the %s: %s %s from the intended instant, %s %s since it was sent", what,
		rounded(*row.Value, row.Low, row.High, s.divisor), s.unit, rounded(without, row.Low, row.High, s.divisor), s.unit)}
}

// crowded tells an arm whose units were dropped because too few might be in flight, and not because the other side was
// overwhelmed: the first ones, sent while nearly nothing was in flight, took so long already that there would be more of
// them at its rate than the limit (Little's law).
func (a *armRecords) crowded() (reasons []string) {
	limit, offered := stats.Median(inOrder(a.blockValues("in_flight_limit"))), stats.Median(inOrder(a.blockValues("offered_rate")))
	var first []float64
	dropped, all := 0, 0
	for block, samples := range a.samples {
		dropped, all = dropped+a.trials[block].Dropped, all+len(samples)
		sent := 0
		for _, s := range samples { // in the order of their instants
			if s.Class == results.ClassDropped || float64(sent) >= limit/2 {
				continue
			}
			sent++
			first = append(first, float64(s.Completed-s.Sent))
		}
	}
	const near = 0.8 // of the limit: arrivals come in clusters
	took := stats.Median(first)
	inFlight := took / 1e9 * offered
	if dropped == 0 || !(inFlight > near*limit) {
		return nil
	}
	s := scaleFor(results.Metric{Unit: "ns"}, []float64{took})
	return []string{fmt.Sprintf("%.3g %% were dropped because it may have only %.0f in flight: the first ones took %.3g %s already, and at %.0f/s that is %.0f in flight (--in-flight)",
		100*float64(dropped)/float64(all), limit, took/s.divisor, s.unit, offered, inFlight)}
}

// busiest tells a storm in which the connectors, which make its load, may have been what it took long for: they ran out of
// CPU time, on cores that they share with the edge.
func (a *armRecords) busiest() []string {
	host, connector, edge := stats.Median(inOrder(a.blockValues("host_cpu_peak"))), stats.Median(inOrder(a.blockValues("connector_cpu_peak"))), stats.Median(inOrder(a.blockValues("edge_cpu_peak")))
	if !(host > saturated) {
		return nil
	}
	return []string{fmt.Sprintf("in the busiest second the host's cores were used for %.0f %%, by the connectors for %.0f %% and by the edge for %.0f %%: how much of the time to recover is the connectors' cannot be told",
		100*host, 100*connector, 100*edge)}
}

// slowerThere tells a generator whose latency was longer at the least edge than at the edge of the experiment: what made
// it long is not the edge.
func (a *armRecords) slowerThere(rows map[string]results.Row) []string {
	here, there := rows["latency_p99"], stats.Median(inOrder(a.blockValues("calibration_p99")))
	if math.IsNaN(there) || here.Value == nil || here.High == nil || there <= slower**here.High {
		return nil
	}
	s := scaleFor(results.Metric{Unit: "ns"}, []float64{there})
	return []string{fmt.Sprintf("at an edge that does the least possible its p99 was %.3g %s, here it is %.3g %s", there/s.divisor, s.unit, *here.Value/s.divisor, s.unit)}
}

// exhausted tells a generator that does not even keep its rate at the least edge, and one whose CPU is used up. What is
// shown comes before what is likely, and that before what cannot be told: the first reason is the one that is told alone.
func (a *armRecords) exhausted() (reasons []string) {
	median := func(metric string) float64 { return stats.Median(inOrder(a.blockValues(metric))) }
	if share := median("calibration_completed_share"); !math.IsNaN(share) && share < calibrated {
		reasons = append(reasons, fmt.Sprintf("at an edge that does the least possible it got %.1f %% of this load through", 100*share))
	}
	if passed := median("calibration_passed"); passed < 0.5 {
		reasons = append(reasons, "an edge that does the least possible did not keep up with the next rate either")
	}
	if share := median("generator_cpu_share"); share > saturated {
		reasons = append(reasons, fmt.Sprintf("it used %.0f %% of the CPU that it may use", 100*share))
	}
	if share := median("shared_cpu_share"); share > saturated {
		reasons = append(reasons, fmt.Sprintf("it shares %.0f %% busy cores with the edge, and which of the two is the limit cannot be told (--edge-cores parts them)", 100*share))
	}
	return reasons
}

// bound are the warnings about generators that were the limit.
func bound(generators []results.Generator) (warnings []string) {
	for _, g := range generators {
		if g.Bound {
			warnings = append(warnings, fmt.Sprintf("generator-bound (%s): this result may be the load generator's limit, not the edge's: %s", factors(g.Arm), g.Reasons[0]))
		}
	}
	return warnings
}

// generator is the verdict on an arm's generator, as its row has it.
func (b *builder) generator(a results.Arm) string {
	i := slices.IndexFunc(b.s.Generators, func(g results.Generator) bool { return g.Experiment == b.experiment && g.Arm == a })
	switch {
	case i < 0:
		return ""
	case b.s.Generators[i].Bound:
		return "generator-bound"
	}
	return "ok"
}

// addGenerators ends the rows with the verdicts, where there are any.
func (b *builder) addGenerators(t *table, arms []results.Arm) {
	if !slices.ContainsFunc(arms, func(a results.Arm) bool { return b.generator(a) != "" }) {
		return
	}
	t.Head = append(t.Head, "generator")
	for i, a := range arms {
		c := cell{Text: b.generator(a)}
		if c.Text != "ok" && c.Text != "" {
			c.Mark = worse
		}
		t.Rows[i] = append(t.Rows[i], c)
	}
}

// stretches are how many pieces a run of one trial is cut into for intervals.
const stretches = 10

// sliced are the times of a metric, trial by trial cut into stretches of time: queues and stalls make neighbours alike,
// so that stretches are drawn whole, as blocks are.
func (a *armRecords) sliced(metric sampleMetric) (pieces [][]float64) {
	for _, block := range slices.Sorted(maps.Keys(a.samples)) {
		samples := a.samples[block]
		whole := armRecords{ArmOf: a.ArmOf, samples: map[int][]results.Sample{}}
		t := a.trials[block]
		length := max(intendedLast(samples)-t.Started+1, 1)
		for _, s := range samples {
			piece := int((s.Intended - t.Started) * stretches / length)
			whole.samples[piece] = append(whole.samples[piece], s)
		}
		times, _ := whole.times(metric)
		pieces = append(pieces, times...)
	}
	return pieces
}

func intendedLast(samples []results.Sample) (last int64) {
	for _, s := range samples {
		last = max(last, s.Intended)
	}
	return last
}
