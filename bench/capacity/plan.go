package capacity

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pqbench/results/stats"
)

// A Plan is a target's answers, and everything that its report says.
type Plan struct {
	Target   Target
	Measured *Measured
	Answers  []Answer // by group, in the target's order
	WhatIfs  []WhatIf
	Curves   []Curve
	// Checks hold the simulation against the storms that the runs measured.
	Checks []Check
}

// Compute solves a target. A large fleet takes tens of seconds, which ctx can end.
func Compute(ctx context.Context, t Target, m *Measured) (*Plan, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	p := &Plan{Target: t, Measured: m, Answers: make([]Answer, len(m.Costs))}
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

// each does n things, as many side by side as there are processors, and joins their errors.
func each(n int, do func(i int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				errs[i] = do(i)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// solve finds the rates that the law asks for, and then the hosts.
func (t *Target) solve(ctx context.Context, c *Costs) (Answer, error) {
	if c.reconnect() == nil {
		return t.answer(c, nil, 1), nil
	}
	law, err := t.law(ctx, c)
	if err != nil {
		return Answer{}, err
	}
	of, err := t.rates(ctx, c, throws)
	if err != nil {
		return Answer{}, err
	}
	a := t.answer(c, of, 1)
	a.Law = law
	return a, nil
}

// hosts is the answer without its interval; 0 when no number is enough.
func (t *Target) hosts(c *Costs, rate, uneven float64) int {
	if rate == 0 && c.reconnect() != nil {
		return 0
	}
	most := 1e-9
	for _, d := range dimensions {
		if n, ok := t.hostsFor(d.name, c, rate, uneven); ok {
			most = max(most, n)
		}
	}
	return int(math.Ceil(most))
}

// hostsFor is what one dimension asks for at the medians, not rounded up, or the least that the measured costs make of it; ok
// is false where nothing was measured.
func (t *Target) hostsFor(dimension string, c *Costs, rate, uneven float64) (hosts float64, ok bool) {
	need, lacks := t.need(dimension, c.medians(), c.Missing, rate)
	return need / t.perHost(dimension, &c.Scaling) * unevenly(dimension, uneven), lacks == "" || need > 0
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
	Change  string
	Answers []WhatIfAnswer // by group
}

// A WhatIfAnswer is a group's: how long the connectors' own waits take, and the least, the median and the most that the
// throws ask for.
type WhatIfAnswer struct {
	Law              Law
	Rate             float64 // reconnections a second; 0 where none is sure to be enough
	Low, Hosts, High int     // 0 where no number is
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
			out = append(out, WhatIf{Change: change.name})
			targets = append(targets, other)
		}
	}
	err := each(len(out), func(i int) error {
		for g := range m.Costs {
			answer, err := targets[i].whatIf(ctx, &m.Costs[g], answers[g].Uneven)
			if err != nil {
				return fmt.Errorf("%s: %w", out[i].Change, err)
			}
			out[i].Answers = append(out[i].Answers, answer)
		}
		return nil
	})
	return out, err
}

// whatIf is a group's answer to a changed target.
func (t *Target) whatIf(ctx context.Context, c *Costs, uneven float64) (w WhatIfAnswer, err error) {
	var of rates
	if c.reconnect() != nil {
		if w.Law, err = t.law(ctx, c); err != nil {
			return w, err
		}
		if of, err = t.rates(ctx, c, whatIfThrows); err != nil {
			return w, err
		}
	}
	if w.Rate = of.middle(); w.Rate == 0 {
		w.Hosts = t.hosts(c, 0, uneven)
		w.Low, w.High = w.Hosts, w.Hosts
		return w, nil
	}
	w.Low, w.Hosts, w.High = t.hosts(c, slices.Min(of), uneven), t.hosts(c, w.Rate, uneven), t.hosts(c, slices.Max(of), uneven)
	return w, nil
}

// impossible reports whether no number of hosts brings the fleet back in time.
func (a *Answer) impossible() bool {
	return a.Rate == 0 && slices.ContainsFunc(a.Dimensions, func(d Dimension) bool { return d.Name == dimStorm && d.never })
}

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
			if n, ok := other.hostsFor(d.name, c, a.Rate*part, a.Uneven); ok {
				out.Hosts[d.name] = append(out.Hosts[d.name], n)
			}
		}
	}
	return out
}
