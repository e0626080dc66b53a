package compare

import (
	"math"
	"slices"

	"pqbench/results"
)

// exact judges a number of the protocol: any difference counts, provided that the base agrees with itself.
func (f *Finding) exact(s series) {
	var least [arms]float64
	for a := range arms {
		least[a] = s.least(f.Name, a)
	}
	f.Rounds, f.P, f.Note = len(s), math.NaN(), ""
	f.BaseValue, f.HeadValue = least[Base], least[Head]
	f.Difference = least[Head]/least[Base] - 1
	f.Low, f.High = f.Difference, f.Difference
	switch {
	case len(s) == 0:
		f.Verdict, f.Note = results.VerdictInconclusive, "not measured: the time was too short"
	case slices.ContainsFunc(least[:], math.IsNaN):
		f.absent(s)
	case least[Base] != least[Again]:
		f.Verdict = results.VerdictInconclusive
		f.say("the base itself varies: %g and %g", least[Base], least[Again])
	default:
		f.Verdict = results.Direction(least[Head]-least[Base], f.Better)
	}
}

// absent settles a metric that a side has no value of in any round: what the head has lost is missing, and no pass. It is
// false when both sides have some.
func (f *Finding) absent(s series) bool {
	base, head := len(s.values(f.Name, Base)), len(s.values(f.Name, Head))
	switch {
	case base > 0 && head > 0:
		f.Verdict, f.Note = results.VerdictInconclusive, "a side has no value of it in some rounds"
		return false
	case base > 0:
		f.Verdict, f.Note = results.VerdictMissing, "the head has no value of it"
	case head > 0:
		f.Verdict, f.Note = results.VerdictNew, "the base has no value of it"
	default:
		f.Verdict, f.Note = results.VerdictNew, "neither side has a value of it on this host"
	}
	return true
}

// different reports whether a verdict is that on a difference.
func different(verdict string) bool {
	return verdict == results.VerdictImproved || verdict == results.VerdictRegressed
}

// least is the least value that was seen; NaN without one. What disturbs a handshake on a busy machine, an acknowledgement
// that comes late, or a datagram sent again, adds to it: the least is the protocol's own.
func (s series) least(metric string, a Arm) float64 {
	values := s.values(metric, a)
	if len(values) == 0 {
		return math.NaN()
	}
	return slices.Min(values)
}

// exactAgain judges the second measurement of a number of the protocol.
func (d *decision) exactAgain(f *Finding) {
	first := f.Difference
	again := Finding{Metric: f.Metric}
	again.exact(d.of(f.Experiment)[f.Confirmation.after:])
	c := f.Confirmation
	c.Difference, c.Low, c.High, c.P, c.Rounds = again.Difference, again.Low, again.High, math.NaN(), again.Rounds
	switch {
	case c.Rounds == 0:
	case again.Difference == first && different(again.Verdict):
		c.Confirmed, f.Verdict = true, again.Verdict
	default:
		f.Confirmation = nil
		f.exact(d.of(f.Experiment)) // what was seen once may have been a disturbance of all that was measured by then
		if different(f.Verdict) {
			f.Verdict, f.Note = results.VerdictInconclusive, "differed at first, and not when it was measured again"
		}
	}
}
