package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pqbench/results"
	"pqbench/results/report"
)

// thresholds are bounds that a load must keep to. None of them is set by default.
type thresholds struct {
	MaxP50       time.Duration `name:"max-p50" placeholder:"TIME" help:"Fail (exit status 99) when the median latency of an arm is longer."`
	MaxP99       time.Duration `name:"max-p99" placeholder:"TIME" help:"Likewise its 99th percentile."`
	MaxP999      time.Duration `name:"max-p999" placeholder:"TIME" help:"Likewise its 99.9th."`
	MinCompleted string        `placeholder:"SHARE" help:"Fail when less of the offered load completes: 99.9%."`
}

// errThreshold is a bound that was not kept, and errInconclusive one that cannot be judged: the generator was the limit, or
// the samples are too few.
var (
	errThreshold    = errors.New("threshold not kept")
	errInconclusive = errors.New("threshold not judged")
)

// check refuses bounds that are none.
func (t *thresholds) check() error {
	for name, d := range map[string]time.Duration{"--max-p50": t.MaxP50, "--max-p99": t.MaxP99, "--max-p999": t.MaxP999} {
		if d < 0 {
			return fmt.Errorf("%s: %v is not a time above zero", name, d)
		}
	}
	_, err := t.minCompleted()
	return err
}

func (t *thresholds) minCompleted() (float64, error) {
	if t.MinCompleted == "" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(strings.TrimSuffix(t.MinCompleted, "%"), 64)
	if err != nil || !(v > 0 && v <= 100) || !strings.HasSuffix(t.MinCompleted, "%") {
		return 0, fmt.Errorf("--min-completed: %q is not a share, such as 99.9%%", t.MinCompleted)
	}
	return v / 100, nil
}

// only refuses the bounds that a mode has no number for, and would keep without a look.
func (t *thresholds) only(mode string, known ...string) error {
	for _, b := range t.bounds() {
		if b.most != 0 && !slices.Contains(known, b.flag) {
			which := "no bound is judged there"
			if len(known) > 0 {
				which = "it goes by " + strings.Join(known, " and ")
			}
			return fmt.Errorf("%s: %s has no number for it: %s", b.flag, mode, which)
		}
	}
	return nil
}

// bound is a flag, the metric that it is about, and its value; of a share the negative one, because that is a least.
type bound struct {
	flag, metric string
	most         float64
}

func (t *thresholds) bounds() []bound {
	share, _ := t.minCompleted() // check saw that it is one
	return []bound{
		{"--max-p50", "latency_p50", float64(t.MaxP50)}, {"--max-p99", "latency_p99", float64(t.MaxP99)},
		{"--max-p999", "latency_p999", float64(t.MaxP999)}, {"--min-completed", "completed_share", -share},
	}
}

func (t *thresholds) set() bool { return *t != thresholds{} }

// judge holds a run folder against the bounds.
func (t *thresholds) judge(dir string) error {
	if !t.set() {
		return nil
	}
	s, err := report.ReadSummary(dir)
	if err != nil {
		return err
	}
	var violations, unknown []error
	limited := map[results.Arm]bool{} // arms of which no number can be judged
	for _, g := range s.Generators {
		if g.Bound {
			limited[g.Arm] = true
			unknown = append(unknown, fmt.Errorf("%w: generator-bound: %s: %s", errInconclusive, g.Arm, g.Reasons[0]))
		}
	}
	for _, bound := range t.bounds() {
		if bound.most == 0 {
			continue
		}
		if !slices.ContainsFunc(s.Rows, func(r results.Row) bool { return r.Metric == bound.metric }) {
			unknown = append(unknown, fmt.Errorf("%w: %s: the run has no %s", errInconclusive, bound.flag, bound.metric))
		}
		for _, r := range s.Rows {
			if r.Metric != bound.metric || limited[r.Arm] {
				continue
			}
			switch of := r.Arm.String() + ": " + r.Metric; {
			case bound.most < 0 && r.Value != nil && *r.Value < -bound.most:
				violations = append(violations, fmt.Errorf("%w: %s: %.2f %%, want at least %s", errThreshold, of, 100**r.Value, t.MinCompleted))
			case bound.most > 0 && among(r, "failures"):
				violations = append(violations, fmt.Errorf("%w: %s: it lies among the failures", errThreshold, of))
			case r.Value == nil:
				unknown = append(unknown, fmt.Errorf("%w: %s: %s", errInconclusive, of, strings.Join(r.Warnings, "; ")))
			case bound.most > 0 && *r.Value > bound.most:
				violations = append(violations, fmt.Errorf("%w: %s: %v, want at most %v", errThreshold, of,
					time.Duration(*r.Value).Round(time.Microsecond), time.Duration(bound.most)))
			}
		}
	}
	if len(violations) > 0 {
		return errors.Join(violations...)
	}
	return errors.Join(unknown...)
}

// among tells a value that is missing because it lies among the failures: longer than everything.
func among(r results.Row, what string) bool {
	return r.Value == nil && strings.Contains(strings.Join(r.Warnings, "\n"), "it lies among the "+what)
}
