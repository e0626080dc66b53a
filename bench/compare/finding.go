package compare

import (
	"fmt"
	"math"

	"pqbench/results"
	"pqbench/results/stats"
)

// A Finding is what a comparison says of one metric. Differences are shares of the base: 0.02 is 2 % more.
type Finding struct {
	Metric
	Verdict string // of results: improved, regressed (and seen again), unchanged, inconclusive, new or missing
	// Difference of the head from both bases, and its 95 % interval; NaN without values.
	Difference, Low, High float64
	// P of no difference, corrected over the family; NaN for an exact metric.
	P float64
	// Floor is what the A/A calibration cannot tell from nothing, Calibration its own difference with the p-value of none.
	Floor, Calibration, CalibrationP float64
	Rounds                           int
	// More is how many more rounds would decide it, at the spread seen so far; 0 when that is not known.
	More int
	// Confirmation is the second measurement of what looked different; nil when nothing did.
	Confirmation *Confirmation
	// Note says what else there is to say, in a sentence.
	Note string
	// Values are the medians over rounds of base and head, for an exact metric and for a reader's sense of scale.
	BaseValue, HeadValue float64

	gone   bool // cannot be measured: the verdict is new or missing
	effect estimate
	raw    float64 // P before the correction
}

// A Confirmation is the second measurement of what looked different, in rounds of its own.
type Confirmation struct {
	Difference, Low, High float64
	P                     float64 // one-sided, of no difference in that direction
	Rounds                int
	Confirmed             bool

	after  int       // rounds were made before
	shares []float64 // of the level, by look
}

// suspect reports whether a metric looks different and has to be seen so again.
func (f *Finding) suspect() bool { return f.Confirmation != nil && !f.Confirmation.Confirmed }

// worse is a difference in the direction that is worse: positive when the head is.
func (m Metric) worse(difference float64) float64 {
	if m.Better == "higher" {
		return -difference
	}
	return difference
}

// say adds a sentence.
func (f *Finding) say(format string, args ...any) {
	if f.Note != "" {
		f.Note += "; "
	}
	f.Note += fmt.Sprintf(format, args...)
}

// beyond reports whether the difference is one that counts: above the threshold, and above the calibration's floor.
func (f *Finding) beyond() bool {
	return math.Abs(f.Difference) > max(float64(f.Threshold), f.Floor)
}

// result is the finding in the words of all regression tracking.
func (f *Finding) result(e Experiment) results.Finding {
	r := results.Finding{
		Experiment: e.kind(), Metric: f.Name, Arm: results.Arm{Group: e.Group, KEM: string(e.Provider), Concurrency: e.Concurrency},
		Unit: f.Unit, Better: f.Better, Base: finite(f.BaseValue), Head: finite(f.HeadValue), Effect: finite(f.Difference),
		P: finite(f.P), Verdict: f.Verdict, Note: f.note(),
	}
	if !f.Exact {
		r.Low, r.High = finite(f.Low), finite(f.High)
	}
	if !f.Exact && f.Rounds < stats.MinBlocks {
		r.Effect = nil // of so few rounds not even the direction is known
	}
	return r
}

// note is all that a reader needs beside the numbers.
func (f *Finding) note() string {
	told := Finding{Note: f.Note}
	if f.More > 0 && f.Rounds >= stats.MinBlocks {
		told.say("some %d more rounds would decide it", f.More)
	}
	if c := f.Confirmation; c != nil && c.Confirmed && !f.Exact {
		told.say("measured again: %s [%+.2f, %+.2f]", percent(c.Difference), 100*c.Low, 100*c.High)
	}
	if f.Floor > 0 && f.Rounds >= stats.MinBlocks {
		told.say("A/A %s, floor %.2f %%", percent(f.Calibration), 100*f.Floor)
	}
	return told.Note
}

// finite is nil for what JSON cannot carry and nobody should print.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
