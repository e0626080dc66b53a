package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"pqbench/results"
	"pqbench/results/stats"
)

// What is worth a word on top of a report. A quiet host's probe varies by 1 to 3 %.
const (
	noisyProbe = 0.10 // 90th percentile over the median of a fixed computation, less one
	drifted    = 0.05 // its median after the run over that before, less one
	stolen     = 0.01 // share of CPU time that the hypervisor took
)

// warnings are those that concern the run as a whole, the gravest first.
func (r *run) warnings(s results.Summary, accounts error) []string {
	var all []string
	all = append(all, r.incomplete()...)
	if accounts != nil {
		all = append(all, "the records contradict each other: "+strings.ReplaceAll(accounts.Error(), "\n", "; "))
	}
	all = append(all, r.otherGroups()...)
	all = append(all, bound(s.Generators)...)
	all = append(all, alarms(s.Comparisons)...)
	all = append(all, r.failed()...)
	all = append(all, r.noise()...)
	all = append(all, r.fewBlocks()...)
	all = append(all, r.m.Warnings...)
	all = append(all, r.unmeasured()...)
	if r.m.Versions.Dirty {
		all = append(all, "built from a tree with changes that are not committed: the commit does not name what ran")
	}
	return all
}

func (r *run) incomplete() []string {
	if r.m.Complete {
		return nil
	}
	why := r.m.Reason
	if why == "" {
		why = "no reason recorded"
	}
	return []string{"this run is incomplete: " + why}
}

// alarms name the A/A comparisons that found a difference where there is none. The metrics of one pair are told together.
func alarms(comparisons []results.Comparison) []string {
	var pairs []string
	found := make(map[string][]string)
	for _, c := range comparisons {
		if c.Kind != "aa" || c.Verdict != results.VerdictHigher && c.Verdict != results.VerdictLower {
			continue
		}
		pair := c.Experiment + ", " + factors(c.Base)
		if found[pair] == nil {
			pairs = append(pairs, pair)
		}
		found[pair] = append(found[pair], titleOf(c.Metric)+" "+effect(c))
	}
	var out []string
	for _, pair := range pairs {
		out = append(out, fmt.Sprintf("A/A alarm (%s): the control differs from itself in %s. Differences of that size between other arms mean nothing",
			pair, strings.Join(found[pair], "; ")))
	}
	return out
}

// failed sums the failures of each experiment.
func (r *run) failed() []string {
	var out []string
	for _, name := range r.experiments() {
		sum := failures{byClass: make(map[string]int)}
		for i := range r.arms {
			if r.arms[i].Experiment != name {
				continue
			}
			f := r.arms[i].failures()
			sum.of += f.of
			for _, class := range slices.Sorted(maps.Keys(f.byClass)) {
				sum.add(class, f.byClass[class])
			}
		}
		if sum.any() {
			out = append(out, name+": "+sum.String())
		}
	}
	return out
}

func (r *run) noise() []string {
	n := r.m.Noise
	var out []string
	if worst := max(n.Before, n.After); worst > noisyProbe {
		out = append(out, fmt.Sprintf("noisy host: a fixed computation varied by %.0f %% (90th percentile over median)", 100*worst))
	}
	if math.Abs(n.Drift) > drifted {
		out = append(out, fmt.Sprintf("the host changed its speed during the run: a fixed computation took %s %% after it, against before",
			signed(100*n.Drift, 0)))
	}
	if n.Steal > stolen {
		out = append(out, fmt.Sprintf("the hypervisor took %.1f %% of the CPU time away during the run", 100*n.Steal))
	}
	return out
}

// fewBlocks names the experiments that cannot have intervals.
func (r *run) fewBlocks() []string {
	var out []string
	for _, e := range r.m.Experiments {
		if offers(e.Name) && e.Skipped == "" && e.Done > 0 && e.Done < stats.MinBlocks {
			out = append(out, fmt.Sprintf("%s: with %d of the %d blocks that intervals need, those of percentiles are over stretches of each run, and do not hold what differs between runs",
				e.Name, e.Done, stats.MinBlocks))
			continue
		}
		if e.Skipped == "" && e.Done < stats.MinBlocks && !r.m.Virtual { // a lab's cell has all its trials or none
			out = append(out, fmt.Sprintf("%s: %s %s too few for intervals, at least %d are needed", e.Name, counted(e.Done, "block"), map[bool]string{true: "is", false: "are"}[e.Done == 1], stats.MinBlocks))
		}
	}
	return out
}

// unmeasured names what was planned and is not there.
func (r *run) unmeasured() []string {
	var out []string
	for _, e := range r.m.Experiments {
		switch {
		case e.Skipped != "" && e.Done == 0:
			out = append(out, fmt.Sprintf("%s was not measured: %s", e.Name, e.Skipped))
			continue
		case e.Skipped != "":
			out = append(out, fmt.Sprintf("%s is not whole: %s", e.Name, e.Skipped))
		case e.Done < e.Blocks && !r.m.Virtual:
			out = append(out, fmt.Sprintf("%s: %d of %d blocks measured", e.Name, e.Done, e.Blocks))
		}
		var empty []string
		for i := range r.arms {
			if a := &r.arms[i]; a.Experiment == e.Name && len(a.trials) == 0 {
				empty = append(empty, a.Arm.String())
			}
		}
		if len(empty) > 0 {
			out = append(out, fmt.Sprintf("%s: nothing was measured of %s", e.Name, strings.Join(empty, ", ")))
		}
	}
	return out
}
