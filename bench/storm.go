package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"pqbench/bench/role"
	"pqbench/loadgen"
	course "pqbench/loadgen/fleet"
	"pqbench/results"
	"pqbench/wire"
)

// storm takes the edge away from a fleet, brings it back, and watches the tunnels return by the connectors' own law. All
// arms of a block draw the same waits.
func (r *runner) storm(ctx context.Context, p part) error {
	cert, err := newChain(string(p.Certs[0]))
	if err != nil {
		return err
	}
	trial := func(ctx context.Context, a arm, t *results.Trial) ([]results.Sample, error) {
		return r.oneStorm(ctx, p, cert, a, t)
	}
	if p.Beside {
		return r.sideBySide(ctx, p, trial)
	}
	return r.blocks(ctx, p, func(context.Context) error { return nil }, trial)
}

// sideBySide runs all arms of a block at the same time.
func (r *runner) sideBySide(ctx context.Context, p part, trial func(context.Context, arm, *results.Trial) ([]results.Sample, error)) error {
	for b := range p.Blocks {
		arms := order(r.manifest.Seed, p.index, b, len(p.arms))
		trials, samples, errs := make([]results.Trial, len(arms)), make([][]results.Sample, len(arms)), make([]error, len(arms))
		var all sync.WaitGroup
		for position, i := range arms {
			trials[position] = results.Trial{Experiment: p.Run, Arm: p.arms[i].id, Block: p.first + b, Order: position}
			all.Go(func() { samples[position], errs[position] = trial(ctx, p.arms[i], &trials[position]) })
		}
		all.Wait()
		for position := range arms {
			if errs[position] != nil && len(samples[position]) == 0 {
				continue
			}
			if err := r.record(trials[position], samples[position]); err != nil {
				return err
			}
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
		if err := r.blockDone(p); err != nil {
			return err
		}
	}
	return nil
}

// oneStorm is one outage of one arm.
func (r *runner) oneStorm(ctx context.Context, p part, cert chain, a arm, t *results.Trial) ([]results.Sample, error) {
	t.Seed = r.trialSeed(t.Block)
	h, _, err := r.hold(ctx, p, cert, a, t.Seed)
	defer h.stop()
	if err != nil {
		return nil, err
	}
	return h.storm(t)
}

// storm is the outage of a fleet that stands.
func (h *holding) storm(t *results.Trial) ([]results.Sample, error) {
	ctx, r, p, a := h.ctx, h.r, h.p, h.a
	s := &storm{holding: h}
	visitors, err := s.send(ctx)
	if err != nil {
		return nil, err
	}
	t.Started = r.clock.Now()
	if err := s.outage(ctx); err != nil {
		return nil, errors.Join(err, visitors.abandon())
	}
	if err := s.recovery(ctx); err != nil {
		return nil, errors.Join(err, visitors.abandon())
	}
	requests, err := visitors.end(ctx)
	if err != nil {
		return nil, err
	}
	t.Finished = r.clock.Now()
	samples := s.tell(t, requests)
	if !s.after.fleet.Whole {
		text := fmt.Sprintf("storm: after %v %d of %d connections of %s were up again", time.Duration(p.Timeout), s.after.fleet.Up, h.a.Tunnels*p.Conns, a.Arm)
		if _, all := t.Values["recover_100"]; !all {
			text += "; the time to recover is missing"
		}
		r.warn(text)
	}
	return samples, h.settle(ctx)
}

// A storm is an outage in progress.
type storm struct {
	*holding
	lost          int   // connections of the edge that went
	began, back   int64 // the outage, and its end: when an edge could be reached again
	before, after reading
	// standing is the edges that take the connections, before they come, and waiting what the connectors had used by then.
	standing role.EdgeState
	waiting  role.Usage
	cpu      map[string]float64 // see cpuPeaks
}

// settled is how long requests run before the edge goes.
const settled = 500 * time.Millisecond

// outage takes the first edge away and brings it back. A second data center goes on meanwhile.
func (s *storm) outage(ctx context.Context) (err error) {
	if err := pauseFor(ctx, settled); err != nil {
		return err
	}
	limits, err := s.limits()
	if err != nil {
		return err
	}
	if s.before, err = s.read(ctx); err != nil {
		return err
	}
	// By the connectors' count where it can be: an edge keeps for a while what a connector has lost already.
	s.lost = s.before.fleet.Up
	if len(s.edges) > 1 {
		s.lost = int(s.before.edge.Stats.Registered)
	}
	for _, edge := range s.edges[1:] {
		var state role.EdgeState
		if err := errors.Join(edge.Call(ctx, "Admit", limits, &role.None{}), edge.Call(ctx, "State", role.None{}, &state)); err != nil {
			return err
		}
		s.standing = s.standing.Add(state)
	}
	s.began = s.r.clock.Now()
	if s.p.Ending == endingClose {
		if err := s.edges[0].Call(ctx, "Close", role.None{}, &role.None{}); err != nil {
			return err
		}
	}
	s.vanish(0)
	if err := pauseFor(ctx, time.Duration(s.p.Outage)-time.Duration(s.r.clock.Now()-s.began)); err != nil {
		return err
	}
	if err := s.connector.Call(ctx, "Usage", role.None{}, &s.waiting); err != nil {
		return err
	}
	before, err := s.openEdge(ctx, 0, limits)
	s.back = s.r.clock.Now()
	s.standing.Usage = s.standing.Usage.Add(before)
	return err
}

// recovery waits until all connections are up again.
func (s *storm) recovery(ctx context.Context) error {
	losses := s.before.fleet.Losses + s.lost
	watch := watchCPU(s.connector, s.edges)
	defer func() { s.cpu = watch.end() }()
	wait := role.WaitArgs{Losses: losses, Timeout: time.Duration(s.p.Timeout)}
	if err := s.connector.Call(ctx, "WaitFleet", wait, &s.after.fleet); err != nil {
		return err
	}
	for _, edge := range s.edges {
		var state role.EdgeState
		if err := edge.Call(ctx, "State", role.None{}, &state); err != nil {
			return err
		}
		s.after.edge = s.after.edge.Add(state)
	}
	return nil
}

// tell fills in a trial, and returns the dials as its samples.
func (s *storm) tell(t *results.Trial, requests role.TrialReply) (samples []results.Sample) {
	events := slices.Concat(s.after.fleet.Events, s.unfinished())
	c := course.Follow(events, s.began, s.lost)
	for _, e := range events {
		if e.Kind == course.Dialed {
			samples = append(samples, e.Sample())
		}
	}
	tally(t, samples, s.scheduled(), 0)
	t.Series = c.Series(s.began)
	t.Values = map[string]float64{
		"outage": float64(s.back - s.began), "lost_connections": float64(s.lost), "returned_connections": float64(c.Back),
		"peak_rate": c.Peak(), "queue_peak": float64(c.Most), "dials": float64(t.Scheduled), "failed_dials": float64(t.Failed),
		"unregistered": float64(c.Unregistered), "lost_again": float64(c.LostAgain),
	}
	for name, at := range map[string]int64{"recover_50": c.Back50, "recover_99": c.Back99, "recover_100": c.Back100} {
		if at > 0 {
			t.Values[name] = float64(at - s.back)
		}
	}
	for _, class := range failures { // one without any is a zero of the mean
		t.Values["failed_"+class] = 0
	}
	for _, dial := range samples {
		if dial.Class != "" {
			t.Values["failed_"+dial.Class]++
		}
	}
	s.cost(t.Values, len(samples))
	maps.Copy(t.Values, s.cpu)
	tellRequests(t.Values, requests, s.began)
	return samples
}

// failures are how a dial can end.
var failures = []string{results.ClassTimeout, results.ClassRefused, results.ClassCrypto, results.ClassIdle, results.ClassApplication,
	results.ClassUnfinished, results.ClassOther}

// unfinished are the handshakes that were under way at the end.
func (s *storm) unfinished() (dials []course.Event) {
	now := s.r.clock.Now()
	for start, n := range s.after.fleet.Dials.InProgress {
		e := course.Event{Kind: course.Dialed, Start: start, At: now, Member: -1, Class: results.ClassUnfinished, Detail: "the handshake was under way when the storm was over"}
		dials = append(dials, slices.Repeat([]course.Event{e}, n)...)
	}
	return dials
}

// scheduled is how many handshakes there are since the reading before the outage, by the count of those that began.
func (s *storm) scheduled() int {
	n := s.after.fleet.Dials.Begun - s.before.fleet.Dials.Begun
	for _, underWay := range s.before.fleet.Dials.InProgress {
		n += underWay
	}
	return n
}

// cost is what both sides spent from the outage until all were back.
func (s *storm) cost(values map[string]float64, dials int) {
	edge := s.after.edge
	edge.Usage, edge.Sent = edge.Usage.Sub(s.standing.Usage), edge.Sent.Sub(s.standing.Sent)
	connector := s.after.fleet.Usage.Sub(s.before.fleet.Usage)
	values["edge_storm_cpu"], values["connector_storm_cpu"] = float64(edge.Usage.CPU), float64(connector.CPU)
	values["connector_return_cpu"] = float64(s.after.fleet.Usage.Sub(s.waiting).CPU)
	for side, sent := range map[string]wire.Traffic{"client": s.after.fleet.Sent.Sub(s.before.fleet.Sent), "server": edge.Sent} {
		values[side+"_storm_bytes"], values[side+"_storm_datagrams"] = float64(sent.Bytes), float64(sent.Datagrams)
	}
	values["initials_refused"] = float64(edge.Stats.InitialsRefused - s.standing.Stats.InitialsRefused)
	values["retry_packets"] = float64(edge.Stats.Retries - s.standing.Stats.Retries)
}

// tellRequests counts what became of the visitors' requests.
func tellRequests(values map[string]float64, requests role.TrialReply, began int64) {
	sent, lost, inFlight, inFlightLost := 0, 0, 0, 0
	for _, r := range requests.Samples {
		if r.Class == results.ClassDropped { // by the generator, for want of a free visitor: no edge saw it
			continue
		}
		sent++
		if r.Class != "" {
			lost++
		}
		if r.Sent <= began && r.Completed > began {
			inFlight++
			if r.Class != "" {
				inFlightLost++
			}
		}
	}
	times := latencies(requests.Samples, intended)
	for name, q := range map[string]float64{"requests_p50": 0.5, "requests_p99": 0.99} {
		if v := finiteQuantile(times, q); v != nil {
			values[name] = *v
		}
	}
	if late, ok := p99(lateness(requests.Samples)); ok {
		values["requests_lateness_p99"] = late
	}
	values["requests_sent"], values["requests_lost"] = float64(sent), float64(lost)
	values["requests_dropped"] = float64(len(requests.Samples) - sent)
	values["requests_in_flight"], values["in_flight_lost"] = float64(inFlight), float64(inFlightLost)
}

// visiting is requests that go on during a storm.
type visiting struct {
	storm *storm
	reply role.TrialReply
	done  chan error // nil: there are none
}

// send begins the visitors' requests. They go on for as long as a storm may last, and end with it.
func (s *storm) send(ctx context.Context) (*visiting, error) {
	v := &visiting{storm: s}
	if s.p.Requests == 0 {
		return v, nil
	}
	rate := float64(s.p.Requests)
	phase := loadgen.Phase{Time: s.p.visited(), From: rate, To: rate, Poisson: true}
	err := s.load.Call(ctx, "Prepare", role.OpenArgs{
		Request: &role.RequestArgs{Edge: s.entrance(), Ask: loadgen.Ask{Hosts: s.hosts, Path: "/bytes/1024", Down: 1024}, Concurrency: visitorsOfFleet},
		Phases:  []loadgen.Phase{phase}, Seed: s.r.manifest.Seed,
	}, &role.None{})
	if err != nil {
		return v, err
	}
	v.done = make(chan error, 1)
	go func() {
		v.done <- s.load.Call(context.WithoutCancel(ctx), "Open", s.r.clock.Now()+int64(lead), &v.reply)
	}()
	return v, nil
}

// end halts the requests and waits for those in flight.
func (v *visiting) end(ctx context.Context) (role.TrialReply, error) {
	if v.done == nil {
		return role.TrialReply{}, nil
	}
	if err := v.storm.load.Call(ctx, "Halt", role.None{}, &role.None{}); err != nil {
		return role.TrialReply{}, err
	}
	select {
	case err := <-v.done:
		return v.reply, err
	case <-ctx.Done():
		return role.TrialReply{}, ctx.Err()
	}
}

// abandon ends the requests of a storm that came to nothing.
func (v *visiting) abandon() error {
	if v.done == nil {
		return nil
	}
	v.storm.load.Kill()
	<-v.done
	return nil
}
