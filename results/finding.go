package results

import "slices"

// The verdicts of a Finding: whether the head is better than the base, where that of a Comparison says which is higher.
const (
	VerdictImproved  = "improved"
	VerdictRegressed = "regressed"
	VerdictUnchanged = "unchanged" // shown to be within the threshold, not merely not shown to differ
	// VerdictInconclusive, above, is the fourth: it may be anything, and the finding's note says what would tell.

	// VerdictNew is a number that there is nothing to compare with: no base of these versions, or none of this metric.
	VerdictNew = "new"
	// VerdictMissing is a number that the base has and the head lacks. It is never a pass.
	VerdictMissing = "missing"
)

// The tiers of regression tracking, by what their numbers are.
const (
	TierExact   = "exact"   // the same on any machine
	TierPaired  = "paired"  // base and head measured side by side, in one job
	TierHistory = "history" // runs of one host over time
)

// Findings is what one look for regressions found: a head against a base. Whatever looks (gate, compare, history) says
// it in this form, and whoever shows it (step summary, annotations, JUnit, OpenMetrics) reads no other.
type Findings struct {
	Schema int    `json:"schema"`
	Tier   string `json:"tier"`
	// Base and Head name what was compared, for a reader: a revision, a folder, a file.
	Base     string    `json:"base"`
	Head     string    `json:"head"`
	Host     Host      `json:"host"`
	Noise    *Noise    `json:"noise,omitempty"` // nil where no noise can matter
	Findings []Finding `json:"findings"`
	// Warnings belong to the whole and stand on top.
	Warnings []string `json:"warnings,omitempty"`
}

// Finding is one metric of one arm, in the base and in the head.
type Finding struct {
	Experiment string `json:"experiment"`
	Metric     string `json:"metric"`
	Arm        Arm    `json:"arm"`
	Unit       string `json:"unit"`
	Better     string `json:"better"` // as a Metric's
	// Base and Head are the two values, in Unit; nil where that side has none.
	Base *float64 `json:"base"`
	Head *float64 `json:"head"`
	// HeadLow and HeadHigh are the 95 % interval of Head, in Unit, where there is one.
	HeadLow  *float64 `json:"head_low,omitempty"`
	HeadHigh *float64 `json:"head_high,omitempty"`
	// Effect is head ÷ base − 1, so that 0.02 is 2 % more; nil where there is none (a base of 0, a value that is missing).
	Effect *float64 `json:"effect"`
	// Low and High are its 95 % interval; nil for exact numbers, and where there are too few to give one.
	Low  *float64 `json:"low,omitempty"`
	High *float64 `json:"high,omitempty"`
	// P is corrected over the family that was looked at; nil without a test.
	P       *float64 `json:"p,omitempty"`
	Verdict string   `json:"verdict"` // empty for a value that nothing was asked of
	// Fails marks a difference that fails although its verdict is none to fail: in the exact tier what got better has to be
	// acknowledged, too.
	Fails bool `json:"fails,omitempty"`
	// Host is where it was measured; empty where all findings are of one host.
	Host string `json:"host,omitempty"`
	// Note says what a reader needs beside the numbers: how many more blocks it would take, since which commit.
	Note string `json:"note,omitempty"`
	// File and Line are where an annotation shall point, relative to the checkout; "" and 0 where there is no such place.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// Direction is the verdict on a significant effect: which way is the better one is the metric's. A metric that is a
// plain fact has no better way, and every change of it is told as a regression, to be acknowledged.
func Direction(effect float64, better string) string {
	switch {
	case effect == 0:
		return VerdictUnchanged
	case better == "lower" && effect < 0, better == "higher" && effect > 0:
		return VerdictImproved
	default:
		return VerdictRegressed
	}
}

// Count is how many findings have the verdict.
func (f Findings) Count(verdict string) int {
	n := 0
	for _, one := range f.Findings {
		if one.Verdict == verdict {
			n++
		}
	}
	return n
}

// Verdict is that on the whole, the gravest of its findings': a number that is missing counts as a regression, and one
// that is new as unchanged. Nothing found at all is inconclusive, and so is a comparison in which all is new: nothing was
// compared.
func (f Findings) Verdict() string {
	if f.Tier != TierExact && f.Count(VerdictNew) == len(f.Findings) {
		return VerdictInconclusive
	}
	if slices.ContainsFunc(f.Findings, func(one Finding) bool { return one.Fails }) {
		return VerdictRegressed
	}
	for _, rule := range []struct {
		verdict string
		of      []string
	}{
		{VerdictRegressed, []string{VerdictRegressed, VerdictMissing}},
		{VerdictInconclusive, []string{VerdictInconclusive}},
		{VerdictImproved, []string{VerdictImproved}},
		{VerdictUnchanged, []string{VerdictUnchanged, VerdictNew, ""}},
	} {
		if slices.ContainsFunc(f.Findings, func(one Finding) bool { return slices.Contains(rule.of, one.Verdict) }) {
			return rule.verdict
		}
	}
	return VerdictInconclusive
}
