package capacity

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"pqbench/results/stats"
)

// A Plan is a target's answers, and everything that its report says.
type Plan struct {
	Target   Target
	Measured *Measured
	Answers  []Answer // by group, in the target's order
	// Law is how long the connectors' own waits take at an edge that computes no time at all; negative is for ever.
	Law     time.Duration
	WhatIfs []WhatIf
	Curves  []Curve
	// Checks hold the simulation against the storms that the runs measured.
	Checks []Check
}

// Compute solves a target. A large fleet takes tens of seconds, which ctx can end.
func Compute(ctx context.Context, t Target, m *Measured) (*Plan, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	p := &Plan{Target: t, Measured: m, Answers: make([]Answer, len(m.Costs)), Law: -1}
	if after, ok, err := t.lawOf(ctx, m); err != nil {
		return nil, err
	} else if ok {
		p.Law = after
	}
	err := each(len(m.Costs), func(i int) error {
		var err error
		p.Answers[i], err = t.solve(ctx, &m.Costs[i])
		if err == nil {
			err = t.simulate(ctx, &m.Costs[i], &p.Answers[i])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range p.Answers {
		p.Curves = append(p.Curves, t.curve(&m.Costs[i], &p.Answers[i]))
	}
	if p.Checks, err = m.Validate(ctx); err != nil {
		return nil, err
	}
	p.WhatIfs, err = t.whatIfs(ctx, m, p.Answers)
	return p, err
}

// each does n things, side by side, and joins their errors.
func each(n int, do func(i int) error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// lawOf is the law's own time, by the flights of any group that was measured.
func (t *Target) lawOf(ctx context.Context, m *Measured) (time.Duration, bool, error) {
	i := slices.IndexFunc(m.Costs, func(c Costs) bool { return c.reconnect() != nil })
	if i < 0 {
		return 0, false, nil
	}
	return t.law(ctx, &m.Costs[i])
}

// solve finds the rate that the law asks for, and then the hosts.
func (t *Target) solve(ctx context.Context, c *Costs) (Answer, error) {
	rate, err := t.rateOf(ctx, c)
	if err != nil {
		return Answer{}, err
	}
	return t.answer(c, rate, 1), nil
}

// rateOf is the rate where the cost of a reconnection is known, otherwise 0.
func (t *Target) rateOf(ctx context.Context, c *Costs) (float64, error) {
	if c.reconnect() == nil {
		return 0, nil
	}
	return t.rate(ctx, c)
}

// hosts is the answer without its interval; 0 when no number is enough.
func (t *Target) hosts(c *Costs, rate, uneven float64) int {
	if rate == 0 && c.reconnect() != nil {
		return 0
	}
	most := 1e-9
	for _, d := range dimensions {
		if need, refused := t.need(d.name, c.medians(), c.Missing, rate); refused == "" {
			most = max(most, need/t.perHost(d.name, &c.Scaling)*unevenly(d.name, uneven))
		}
	}
	return int(math.Ceil(most))
}

// Difference is how many hosts more the second answer asks for than the first, in the same draws.
func Difference(base, other *Answer) stats.Interval {
	more := make([]float64, min(len(base.drawn), len(other.drawn)))
	for i := range more {
		more[i] = other.drawn[i] - base.drawn[i]
	}
	return interval(other.Hosts.Value-base.Hosts.Value, more)
}

// A WhatIf is the target with one thing changed.
type WhatIf struct {
	Change string
	// Hosts is by group; 0 where none is enough.
	Hosts []int
	// Law is the connectors' own time then; negative is for ever.
	Law time.Duration
}

// changes are those that are tried: what an operator does not choose, and what changes the storm.
var changes = []struct {
	name  string
	apply func(t *Target) (changed bool)
}{
	{"loss 1 %", func(t *Target) bool { changed := t.Loss < 0.01; t.Loss = 0.01; return changed }},
	{"loss 5 %", func(t *Target) bool { changed := t.Loss < 0.05; t.Loss = 0.05; return changed }},
	{"round trip 100 ms", func(t *Target) bool { c := t.RTT != 100*time.Millisecond; t.RTT = 100 * time.Millisecond; return c }},
	{"round trip 300 ms", func(t *Target) bool { c := t.RTT != 300*time.Millisecond; t.RTT = 300 * time.Millisecond; return c }},
	{"round trip 300 ms, loss 5 %", func(t *Target) bool { t.RTT, t.Loss = 300*time.Millisecond, 0.05; return true }},
	{"away for 1 s", func(t *Target) bool { c := t.Outage != time.Second; t.Outage = time.Second; return c }},
	{"away for 1 min", func(t *Target) bool { c := t.Outage != time.Minute; t.Outage = time.Minute; return c }},
	{"away for 5 min", func(t *Target) bool { c := t.Outage != 5*time.Minute; t.Outage = 5 * time.Minute; return c }},
	{"twice the time to recover", func(t *Target) bool { t.Recover *= 2; return true }},
	{"half the time to recover", func(t *Target) bool { t.Recover /= 2; return true }},
}

// whatIfs solves the target with each change that makes one. Their storms are not simulated whole: they get as much more
// than the average as the answers' did.
func (t *Target) whatIfs(ctx context.Context, m *Measured, answers []Answer) ([]WhatIf, error) {
	var out []WhatIf
	var targets []Target
	for _, change := range changes {
		other := *t
		if change.apply(&other) && other.Recover >= time.Second && other.Recover <= time.Hour {
			out = append(out, WhatIf{Change: change.name, Law: -1, Hosts: make([]int, len(m.Costs))})
			targets = append(targets, other)
		}
	}
	for i := range out {
		w, other := &out[i], &targets[i]
		if after, ok, err := other.lawOf(ctx, m); err != nil {
			return nil, err
		} else if ok {
			w.Law = after
		}
		err := each(len(m.Costs), func(g int) error {
			rate, err := other.rateOf(ctx, &m.Costs[g])
			if err == nil {
				w.Hosts[g] = other.hosts(&m.Costs[g], rate, answers[g].Uneven)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.Change, err)
		}
	}
	return out, nil
}

// impossible reports whether no number of hosts brings the fleet back in time.
func (a *Answer) impossible() bool {
	return a.Rate == 0 && slices.ContainsFunc(a.Dimensions, func(d Dimension) bool { return d.Name == dimStorm && d.impossible() })
}

func (d *Dimension) impossible() bool { return d.never }

// A Curve is how many hosts each dimension asks for, over the number of tunnels.
type Curve struct {
	Group   string
	Tunnels []float64
	// Hosts are by dimension; a refused dimension has none.
	Hosts map[string][]float64
}

// curve goes up to twice the target. The rate grows with the fleet.
func (t *Target) curve(c *Costs, a *Answer) Curve {
	const steps = 40
	out := Curve{Group: c.Group, Hosts: map[string][]float64{}}
	for i := 1; i <= steps; i++ {
		part := 2 * float64(i) / steps
		other := *t
		other.Tunnels = max(int(float64(t.Tunnels)*part), 1)
		out.Tunnels = append(out.Tunnels, float64(other.Tunnels))
		for _, d := range dimensions {
			if need, refused := other.need(d.name, c.medians(), c.Missing, a.Rate*part); refused == "" {
				out.Hosts[d.name] = append(out.Hosts[d.name], need/t.perHost(d.name, &c.Scaling)*unevenly(d.name, a.Uneven))
			}
		}
	}
	return out
}
