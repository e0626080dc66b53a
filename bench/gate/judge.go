package gate

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"pqbench/results"
)

// notCompared counts numbers of the baseline that this build cannot have.
const notCompared = "not_compared"

// judge compares what was measured with a baseline of the same versions. Every number of either is in the findings, but for
// those that this build cannot have, which the warnings name.
func judge(b Baseline, path string, m Measured) results.Findings {
	f := m.findings(path)
	base := make(map[string]int, len(b.Values))
	for i, v := range b.Values {
		base[v.id()] = i
	}
	for _, v := range m.Values {
		i, ok := base[v.id()]
		if !ok {
			one := finding(v)
			one.Head, one.Verdict, one.Note, one.File = &v.Value, results.VerdictNew, "the baseline does not have it", path
			f.Findings = append(f.Findings, one)
			continue
		}
		delete(base, v.id())
		if v.Metric == allocsMetric && b.Arch != m.Arch {
			continue
		}
		one := compare(b.Values[i], v)
		one.File, one.Line = path, b.line(i)
		f.Findings = append(f.Findings, one)
	}
	out := map[string]int{}
	for i, v := range b.Values {
		if _, left := base[v.id()]; !left {
			continue
		}
		if why := m.cannot(v); why != "" {
			out[why]++
			continue
		}
		one := finding(v)
		one.Base, one.Verdict, one.Note, one.File, one.Line = &v.Value, results.VerdictMissing, "not measured any more", path, b.line(i)
		f.Findings = append(f.Findings, one)
	}
	if b.Arch != m.Arch {
		f.Warnings = append(f.Warnings, fmt.Sprintf("allocations are not compared: the baseline's were counted on %s, these on %s", b.Arch, m.Arch))
	}
	for _, why := range slices.Sorted(maps.Keys(out)) {
		n := float64(out[why])
		f.Warnings = append(f.Warnings, fmt.Sprintf("%g numbers of the baseline are not compared: %s", n, why))
		// Not a change, and no pass either: the build may have lost what it had.
		f.Findings = append(f.Findings, results.Finding{Experiment: "gate", Metric: notCompared, Unit: "count", Head: &n, Verdict: results.VerdictInconclusive, Note: why})
	}
	slices.Sort(f.Warnings)
	return f
}

// findings is the frame of what is found about m.
func (m Measured) findings(base string) results.Findings {
	return results.Findings{Schema: results.Schema, Tier: results.TierExact, Base: base, Head: "commit " + m.Commit + " (" + m.Key.String() + ")", Host: m.Host}
}

func (b Baseline) line(i int) int {
	if i < len(b.lines) {
		return b.lines[i]
	}
	return 0
}

// cannot says why this build does not have a number of the baseline; "" when it should.
func (m Measured) cannot(v Value) string {
	for group := range strings.SplitSeq(v.Arm.Group, "+") {
		if slices.Contains(m.Lacking, group) {
			return "this build lacks " + strings.Join(m.Lacking, ", ") + " (make build has them)"
		}
	}
	if v.Arm.KEM != "" && v.Arm.KEM != m.Provider {
		return fmt.Sprintf("they were counted with %s, this build computes KEMs with %s", v.Arm.KEM, m.Provider)
	}
	return ""
}

// only drops the values that another provider than the baseline's gives: they have no counterpart.
func (m Measured) only(provider string) Measured {
	m.Values = slices.DeleteFunc(slices.Clone(m.Values), func(v Value) bool { return v.Arm.KEM != "" && v.Arm.KEM != provider })
	return m
}

// finding is a value without a judgement.
func finding(v Value) results.Finding {
	metric, _ := results.MetricByName(v.Metric)
	return results.Finding{Experiment: "gate", Metric: v.Metric, Arm: v.Arm, Unit: metric.Unit, Better: metric.Better}
}

// compare judges two values of one thing.
func compare(base, head Value) results.Finding {
	f := finding(head)
	f.Base, f.Head, f.Verdict = &base.Value, &head.Value, results.VerdictUnchanged
	difference := head.Value - base.Value
	if base.Value != 0 {
		effect := difference / base.Value
		f.Effect = &effect
	}
	allowed := 0.0
	if head.Metric == allocsMetric {
		allowed = math.Round(tolerance * base.Value)
		f.Note = fmt.Sprintf("tolerance ±%.0f %%: %g to %g", 100*tolerance, base.Value-allowed, base.Value+allowed)
	}
	// Written so that what is no number fails, too.
	if !(math.Abs(difference) <= allowed) {
		f.Verdict = results.Direction(difference, f.Better)
	}
	return f
}

// unlike compares with a baseline of other versions. Nothing in it fails: the versions are new, and so are the numbers.
func unlike(other Baseline, path string, m Measured) results.Findings {
	f := judge(other, path, m)
	for i := range f.Findings {
		one := &f.Findings[i]
		if one.Verdict != results.VerdictUnchanged {
			one.Note = strings.TrimPrefix(one.Note+"; "+one.Verdict+" since "+other.Key.String(), "; ")
		}
		one.Verdict, one.File, one.Line = results.VerdictNew, "", 0
	}
	f.Findings = slices.DeleteFunc(f.Findings, func(one results.Finding) bool { return one.Head == nil || one.Metric == notCompared })
	return f
}

// changed reports whether a finding is not as the baseline has it: in a baseline of the same versions it fails. What was not
// compared is no change.
func changed(f results.Finding) bool {
	return f.Verdict != results.VerdictUnchanged && f.Verdict != results.VerdictInconclusive
}

// changes counts them.
func changes(f results.Findings) (n int) {
	for _, one := range f.Findings {
		if changed(one) {
			n++
		}
	}
	return n
}
