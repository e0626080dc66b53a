package bench

import (
	"context"
	"fmt"
	"maps"
	"time"

	"pqbench/bench/role"
	"pqbench/loadgen"
	"pqbench/results"
)

// rate offers load at a rate and records what became of it: latency from the intended instant, lateness, drops.
func (r *runner) rate(ctx context.Context, p part) error {
	first, followers := leads(p.arms)
	p.arms = first
	if p.Drive == driveRequests {
		return r.overPaths(ctx, p, func(ctx context.Context, ps *paths, w *path, a arm, t *results.Trial) ([]results.Sample, error) {
			values, err := r.calibrate(ctx, p, a, w.calibrated, func() (generator, error) { return ps.leastEdge(ctx, w, a) })
			if err != nil {
				return nil, err
			}
			g := w.generator(p, a, w.listening.Eyeball)
			g.values = values
			return r.offer(ctx, p, g, followers[a.id], t)
		})
	}
	return r.overPairs(ctx, p, func(ctx context.Context, ps *pairs, pr *pair, a arm, t *results.Trial) ([]results.Sample, error) {
		values, err := r.calibrate(ctx, p, a, pr.calibrated, func() (generator, error) { return ps.leastEdge(ctx, pr, a) })
		if err != nil {
			return nil, err
		}
		var at role.Drained
		if err := pr.edge.Call(ctx, "Rest", drain, &at); err != nil {
			return nil, err
		}
		g := ps.generator(pr, a)
		g.values = values
		return r.offer(ctx, p, g, followers[a.id], t)
	})
}

// A generator is the processes that make load, what a unit of it is, and whose CPU time is read meanwhile.
type generator struct {
	loads  []*role.Proc
	edge   *role.Proc // nil at a server of the user's own
	others []*role.Proc
	arm    arm
	// unit is the work of a process, at most so many units in flight.
	unit func(inFlight int) role.OpenArgs
	// target is nil for a local edge.
	target *Target
	// values are added to the trials', by phase.
	values []map[string]float64
}

func (ps *pairs) generator(pr *pair, a arm) generator {
	g := generator{loads: pr.loads, edge: pr.edge, arm: a, unit: func(inFlight int) role.OpenArgs {
		args := ps.args(pr, a, 0)
		args.Concurrency, args.Sockets = inFlight, min(inFlight, openSockets)
		return role.OpenArgs{Handshake: &args}
	}}
	if g.target = ps.p.Target; g.target != nil {
		g.edge = nil
	}
	return g
}

// openSockets are shared by the handshakes that an open loop has in flight: a socket for each would make a stall one of
// opening sockets.
const openSockets = 64

// generator is one of requests to the edge whose visitors' listener is at the address.
func (w *path) generator(p part, a arm, at string) generator {
	return generator{loads: w.loads, edge: w.edge, others: []*role.Proc{w.connector, w.origin}, arm: a, unit: func(inFlight int) role.OpenArgs {
		return role.OpenArgs{Request: &role.RequestArgs{
			Edge:        at,
			Ask:         loadgen.Ask{Hosts: w.hosts[a.id], Path: fmt.Sprintf("/bytes/%d", p.Body), Down: int64(p.Body)},
			Concurrency: inFlight,
		}}
	}}
}

// lead is how long the processes of a generator have to come to their first instant after they were told the start.
const lead = 200 * time.Millisecond

// offer runs one trial of a schedule, and returns the samples of the arm's phase. Those of the phases that follow are
// recorded as trials of their arms; those of a warm-up are part of the accounting, and then left out.
func (r *runner) offer(ctx context.Context, p part, g generator, arms []arm, t *results.Trial) ([]results.Sample, error) {
	rate, _ := ParseRate(g.arm.Rate) // empty or a range where phases say it
	phases, err := p.phases(rate)
	if err != nil {
		return nil, err
	}
	if p.Loop == loopClosed {
		return r.closed(ctx, p, g, t)
	}
	o, ended := r.open(ctx, p.InFlight, g, phases, r.manifest.Seed^uint64(t.Block)<<32)
	if o == nil {
		return nil, ended
	}
	base, measured := *t, 0
	var own []results.Sample
	for i, phase := range phases {
		if phase.Warmup {
			continue
		}
		if !o.reached(i) { // it was ended before: nothing was offered
			if measured == 0 && ended == nil {
				ended = ctx.Err()
			}
			break
		}
		into := base
		into.Arm = arms[measured].id
		samples := o.fill(&into, i, g)
		if measured++; measured == 1 {
			*t, own = into, samples
			continue
		}
		if err := r.record(into, samples); err != nil {
			return nil, err
		}
	}
	return own, ended
}

// offered is a trial of an open loop as it went.
type offered struct {
	phases []loadgen.Phase
	start  int64
	// inFlight is how many units might be in flight.
	inFlight int
	// halted is when it was ended early, ns since the start; otherwise the schedule's end.
	halted  int64
	byPhase [][]results.Sample
	cpu     []cpuTimesOf // at the beginning of each phase, and at the end
	// drained is when all units had ended, on the run's clock, and spent the CPU times then.
	drained int64
	spent   cpuTimesOf
}

// open runs a schedule on the processes of a generator, which may have so many units in flight. The end of the context ends the schedule, and what was seen until
// then is returned; the end of a process ends it too, and is an error beside what was seen.
func (r *runner) open(ctx context.Context, inFlight int, g generator, phases []loadgen.Phase, seed uint64) (*offered, error) {
	n := len(g.loads)
	for i, load := range g.loads {
		args := g.unit((inFlight + n - 1) / n)
		args.Phases, args.Seed, args.Share, args.Of, args.Sparing = phases, seed, i, n, true
		if err := load.Call(ctx, "Prepare", args, &role.None{}); err != nil {
			return nil, err
		}
	}
	o := &offered{phases: phases, inFlight: inFlight, start: r.clock.Now() + int64(lead)}
	for _, phase := range phases {
		o.halted += int64(phase.Time)
	}
	end := o.halted
	replies := make([]role.TrialReply, n)
	ended := make(chan error, n)
	for i, load := range g.loads {
		go func() { ended <- load.Call(context.WithoutCancel(ctx), "Open", o.start, &replies[i]) }()
	}
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		o.halted = min(end, r.clock.Now()-o.start)
		for _, load := range g.loads {
			_ = load.Call(context.Background(), "Halt", role.None{}, &role.None{}) // gone: Open's error tells
		}
	})
	o.cpu = g.meter(ctx, r.clock, o.start, phases)
	var failed error
	for range g.loads {
		if err := <-ended; err != nil && failed == nil {
			failed = err
		}
	}
	o.drained, o.spent = r.clock.Now(), g.read()
	if !stop() {
		<-told
	}
	if dead := lost(ctx); dead != nil {
		failed = dead
	} else if failed != nil {
		return nil, failed
	}
	o.byPhase = make([][]results.Sample, len(phases))
	for _, s := range role.Merge(replies).Samples {
		i := loadgen.PhaseAt(phases, s.Intended-o.start)
		o.byPhase[i] = append(o.byPhase[i], s)
	}
	return o, failed
}

// begin is when a phase begins, and reached whether it did.
func (o *offered) begin(phase int) int64 {
	begin := o.start
	for _, p := range o.phases[:phase] {
		begin += int64(p.Time)
	}
	return begin
}

func (o *offered) reached(phase int) bool { return o.begin(phase) < o.start+o.halted }

// fill makes a phase's trial, and returns its samples.
func (o *offered) fill(t *results.Trial, phase int, g generator) []results.Sample {
	begin := o.begin(phase)
	length := min(int64(o.phases[phase].Time), max(o.start+o.halted-begin, 1))
	samples := o.byPhase[phase]
	end := begin + length
	t.Started, t.Finished = begin, end
	inTime := 0
	for _, s := range samples {
		switch s.Class {
		case "":
			t.Completed++
			if s.Completed <= end {
				inTime++
			}
		case results.ClassDropped:
			t.Dropped++
		default:
			t.Failed++
		}
		t.Finished = max(t.Finished, s.Completed)
	}
	t.Scheduled, t.Negotiated = len(samples), g.target.negotiated(samples)
	seconds := float64(length) / 1e9
	t.Values = map[string]float64{
		"offered_rate": float64(t.Scheduled) / seconds, "achieved_rate": float64(inTime) / seconds,
	}
	recorded := o.phases[phase].Recorded != nil
	switch {
	case recorded && length < int64(burst): // it has no rate
		clear(t.Values)
	case recorded: // what comes last in a trace is not late for being complete after it
		t.Values["achieved_rate"] = float64(t.Completed) / (float64(max(end, t.Finished)-begin) / 1e9)
	}
	if t.Scheduled > 0 {
		t.Values["completed_share"] = float64(t.Completed) / float64(t.Scheduled)
		t.Values["dropped_share"] = float64(t.Dropped) / float64(t.Scheduled)
	}
	t.Values["in_flight_limit"] = float64(o.inFlight)
	if phase < len(g.values) {
		maps.Copy(t.Values, g.values[phase])
	}
	if before := o.cpu[phase]; recorded { // its last units are part of it, until they end
		cpuValues(t, before, o.spent, float64(o.drained-begin), g)
	} else {
		cpuValues(t, before, o.cpu[phase+1], float64(length), g)
	}
	return samples
}

// burst is the length of a trace below which it is one burst: so many units a second are offered at no time.
const burst = time.Second
