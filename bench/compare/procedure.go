package compare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"pqbench/results"
	"pqbench/results/stats"
)

// A Procedure decides about the rounds that a Source gives, within a time. The zero value has the default levels.
type Procedure struct {
	// Budget is the time of all rounds together, by their own account; default five minutes.
	Budget time.Duration
	// Level is the chance that anything of an unchanged head looks improved or regressed before it is measured again,
	// over the whole family; default 20 %, half of it in each direction. ConfirmLevel is the chance that what is not
	// regressed passes as such in the second measurement; default 20 %. Together, about one comparison in 50 at most raises
	// a false alarm.
	Level, ConfirmLevel float64
	// Looked hears of every look; nil for nobody.
	Looked func(look int, findings []Finding)
}

// looks are when metrics are judged, as fractions of the time. A difference must be found by the one numbered lastFirst;
// what comes after is for measuring again what looks different then.
var looks = []float64{0.1875, 0.375, 0.5625, 0.75, 0.875, 1}

const lastFirst = 3

// calibrated is the p-value below which the calibration's own difference spoils its metric: base and base again are the
// same program, so that what made them differ may have made the head differ, too.
const calibrated = 0.001

func (p Procedure) withDefaults() Procedure {
	if p.Budget == 0 {
		p.Budget = 5 * time.Minute
	}
	if p.Level == 0 {
		p.Level = 0.20
	}
	if p.ConfirmLevel == 0 {
		p.ConfirmLevel = 0.20
	}
	return p
}

// An Outcome is what a Procedure found.
type Outcome struct {
	Findings []Finding
	Rounds   []Round // in the order in which they were made
	Spent    time.Duration
}

// Run asks for rounds until everything is decided or the time is up. When the source fails, or the context ends, the
// outcome holds what was found so far beside the error.
func (p Procedure) Run(ctx context.Context, plan Plan, source Source) (Outcome, error) {
	d := &decision{p: p.withDefaults(), plan: plan, source: source, spent: map[string]time.Duration{}}
	for _, m := range plan.metrics() {
		d.findings = append(d.findings, Finding{Metric: m, Verdict: results.VerdictInconclusive, Difference: math.NaN(), P: math.NaN(), Note: "not measured"})
	}
	err := d.measure(ctx)
	if err != nil {
		d.judge(0)
	}
	d.unconfirmed()
	return Outcome{Findings: d.findings, Rounds: d.rounds, Spent: d.total}, err
}

// decision is a procedure in progress.
type decision struct {
	p        Procedure
	plan     Plan
	source   Source
	findings []Finding
	rounds   []Round
	spent    map[string]time.Duration // on each experiment
	total    time.Duration
	weights  float64 // of all metrics that are tested, together
}

// measure makes rounds from look to look, and judges at each.
func (d *decision) measure(ctx context.Context) error {
	shares := stats.Spend(d.p.Level, progress(looks[:lastFirst+1], 0))
	for i, look := range looks {
		open := d.experiments(func(f *Finding) bool { return f.suspect() || i <= lastFirst && !f.decided() })
		if len(open) == 0 {
			return nil
		}
		if err := d.until(ctx, time.Duration(look*float64(d.p.Budget)), open); err != nil {
			return err
		}
		d.confirm(i)
		if i <= lastFirst {
			d.judge(shares[i])
			d.suspicions(i)
		}
		if d.p.Looked != nil {
			d.p.Looked(i+1, d.findings)
		}
	}
	return nil
}

// progress is looks as fractions of what lies between from and the last of them.
func progress(looks []float64, from float64) []float64 {
	last := looks[len(looks)-1]
	fractions := make([]float64, len(looks))
	for i, look := range looks {
		fractions[i] = (look - from) / (last - from)
	}
	return fractions
}

// experiments are those that a metric wants.
func (d *decision) experiments(wanted func(*Finding) bool) (list []Experiment) {
	for _, e := range d.plan.Experiments {
		if slices.ContainsFunc(d.findings, func(f Finding) bool { return f.Experiment == e.Name && wanted(&f) }) {
			list = append(list, e)
		}
	}
	return list
}

// A lackError is what a source says of an experiment that an arm's program cannot do: the others go on.
type lackError struct {
	arm  Arm
	err  error
	both bool // the other side's cannot, either
}

func (e lackError) Error() string {
	if e.both {
		return fmt.Sprintf("both sides lack it: %v", e.err)
	}
	side := Base // base again is the same program
	if e.arm == Head {
		side = Head
	}
	return fmt.Sprintf("the %s lacks it: %v", side, e.err)
}

// until makes rounds until the time, always of the experiment that is furthest behind its share.
func (d *decision) until(ctx context.Context, end time.Duration, open []Experiment) error {
	for d.total < end && len(open) > 0 {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		next := furthestBehind(open, d.spent)
		round, err := d.source.Round(ctx, next.Name)
		var lack lackError
		if errors.As(err, &lack) {
			d.without(next.Name, lack)
			open = slices.DeleteFunc(open, func(e Experiment) bool { return e.Name == next.Name })
			continue
		}
		if err != nil {
			return err
		}
		d.rounds = append(d.rounds, round)
		d.spent[next.Name] += round.Cost
		d.total += round.Cost
	}
	return nil
}

// furthestBehind is the experiment that has had the least of its share of the time.
func furthestBehind(open []Experiment, spent map[string]time.Duration) Experiment {
	return slices.MinFunc(open, func(a, b Experiment) int {
		return cmp.Compare(float64(spent[a.Name])/a.Share, float64(spent[b.Name])/b.Share)
	})
}

// without gives up on an experiment. What the base lacks is new; what the head lacks is missing, and no pass. What both
// lack stays inconclusive: the plan wanted it.
func (d *decision) without(experiment string, lack lackError) {
	for i := range d.findings {
		if f := &d.findings[i]; f.Experiment == experiment {
			f.Note, f.gone, f.Verdict = lack.Error(), true, results.VerdictNew
			switch {
			case lack.both:
				f.Verdict = results.VerdictInconclusive
			case lack.arm == Head:
				f.Verdict = results.VerdictMissing
			}
		}
	}
}

// of are the rounds of an experiment.
func (d *decision) of(experiment string) (s series) {
	for i := range d.rounds {
		if r := &d.rounds[i]; r.Experiment == experiment {
			s = append(s, r)
		}
	}
	return s
}
