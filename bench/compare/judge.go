package compare

import (
	"fmt"
	"math"

	"pqbench/results"
	"pqbench/results/stats"
)

// judge gives every metric its verdict on the rounds so far, at a look that has this share of the level. What looked
// different at an earlier look is for confirm.
func (d *decision) judge(level float64) {
	ps, weights := make([]float64, len(d.findings)), make([]float64, len(d.findings))
	d.weights = 0
	for i := range d.findings {
		f := &d.findings[i]
		if f.Confirmation == nil { // the first measurement ends where the second begins
			d.estimate(f)
		}
		ps[i], weights[i] = f.raw, f.weight()
		if !f.Exact {
			d.weights += f.weight()
		}
	}
	for i, p := range stats.WeightedHolm(ps, weights) {
		f := &d.findings[i]
		if !f.gone && !f.Exact && f.Confirmation == nil {
			f.P = p
			d.decide(f, level)
		}
	}
}

// estimate fills in what the rounds say of a metric.
func (d *decision) estimate(f *Finding) {
	f.raw = math.NaN()
	if f.gone {
		return
	}
	s := d.of(f.Experiment)
	if f.Exact {
		f.exact(s)
		if different(f.Verdict) {
			f.Verdict, f.Confirmation = results.VerdictInconclusive, &Confirmation{after: f.Rounds}
		}
		return
	}
	head, calibration := s.differences(f.Name)
	e, aa := centre(head), centre(calibration)
	f.Rounds, f.Difference, f.raw = len(head), e.share(), e.P()
	f.Low, f.High = e.interval(0.95)
	f.Floor, f.Calibration, f.CalibrationP = aa.floor(), aa.share(), aa.P()
	f.BaseValue, f.HeadValue = s.medians(f.Name)
	f.effect = e
}

// decide is the verdict at a look.
func (d *decision) decide(f *Finding, level float64) {
	f.Verdict, f.Note, f.More = results.VerdictInconclusive, "", 0
	low, high := f.effect.interval(1 - 2*level/2)
	switch {
	case f.Rounds == 0 && len(d.of(f.Experiment)) >= stats.MinBlocks && f.absent(d.of(f.Experiment)):
	case f.Rounds < stats.MinBlocks:
		f.Note = d.tooFew(f)
	case f.CalibrationP < calibrated:
		f.say("the A/A calibration found a difference of %s where there is none: the host is not fit for this metric", percent(f.Calibration))
	case f.P < level && f.beyond():
		f.Confirmation = &Confirmation{after: f.Rounds}
	case max(-low, high) < f.margin():
		f.Verdict = results.VerdictUnchanged
	default:
		f.More = f.needs(level, f.weight()/d.weights)
	}
}

// tooFew says why there is no interval.
func (d *decision) tooFew(f *Finding) string {
	if rounds := len(d.of(f.Experiment)); rounds > f.Rounds {
		return fmt.Sprintf("%d of %d rounds have no value of it on one side", rounds-f.Rounds, rounds)
	}
	f.More = stats.MinBlocks - f.Rounds
	return fmt.Sprintf("too few rounds: %d, and at least %d are needed", f.Rounds, stats.MinBlocks)
}

// needs is how many more rounds would decide a metric, if its difference stayed what it is: by calling it a difference
// where it is beyond the threshold and the floor, or by fitting its interval into the margin, whichever takes less. The level
// is that of a look, and share the metric's part of it.
func (f *Finding) needs(level, share float64) int {
	if f.effect.Error == 0 || math.IsNaN(f.effect.Error) {
		return 0
	}
	rounds := math.Inf(1)
	need := func(gap, z float64) {
		if gap > 0 {
			rounds = min(rounds, float64(f.Rounds)*math.Pow(z*f.effect.Error/gap, 2))
		}
	}
	size := math.Abs(f.Difference)
	if f.beyond() {
		need(size, stats.NormalQuantile(1-level*share/2))
	}
	need(f.margin()-size, stats.NormalQuantile(1-level/2))
	more := math.Ceil(rounds) - float64(f.Rounds)
	if more > 1e6 {
		return 0
	}
	return max(int(more), 1)
}

// decided reports whether more rounds have nothing to add.
func (f *Finding) decided() bool { return f.gone || f.Verdict != results.VerdictInconclusive }

// medians are those of base and head over the rounds, for a reader's sense of scale.
func (s series) medians(metric string) (base, head float64) {
	return stats.Median(s.values(metric, Base)), stats.Median(s.values(metric, Head))
}

func (s series) values(metric string, a Arm) (values []float64) {
	for _, r := range s {
		if v, ok := r.Arms[a][metric]; ok {
			values = append(values, v)
		}
	}
	return values
}

// percent prints a share with its sign.
func percent(share float64) string { return fmt.Sprintf("%+.2f %%", 100*share) }
