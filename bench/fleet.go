package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pqbench/bench/role"
	fleets "pqbench/loadgen/fleet"
	"pqbench/results"
	"pqbench/wire"
)

// fleet holds fleets of several sizes that have nothing to do: what a tunnel takes in memory, in CPU time and in keep-alive
// traffic. Every trial has processes of its own, since memory that an earlier one left behind could not be told apart.
func (r *runner) fleet(ctx context.Context, p part) error {
	cert, err := newChain(string(p.Certs[0]))
	if err != nil {
		return err
	}
	r.uncounted(p)
	none := func(context.Context) error { return nil }
	return r.blocks(ctx, p, none, func(ctx context.Context, a arm, t *results.Trial) ([]results.Sample, error) {
		h, up, err := r.hold(ctx, p, cert, a, r.trialSeed(t.Block))
		defer h.stop()
		if err != nil {
			return nil, err
		}
		samples, err := h.rest(t, up)
		return samples, err
	})
}

// rest lets a fleet stand idle, and asks it a little at the end.
func (h *holding) rest(t *results.Trial, up role.FleetReply) ([]results.Sample, error) {
	ctx, r, p, a := h.ctx, h.r, h.p, h.a
	came, err := h.read(ctx)
	if err != nil {
		return nil, err
	}
	atRest, err := h.quiet(ctx, came)
	if err != nil {
		return nil, err
	}
	t.Started = r.clock.Now()
	before, after, err := h.idle(ctx, time.Duration(p.Time))
	if err != nil {
		return nil, err
	}
	t.Values = map[string]float64{}
	if atRest {
		before.until(after, float64(a.Tunnels), t.Values)
	}
	if lost := after.fleet.Losses; lost > 0 {
		r.warn(fmt.Sprintf("fleet: %d connections of %s were lost while nothing happened, and made again: %s", lost, a.Arm, losses(slices.Concat(up.Events, h.heard))))
	}
	if err := h.memory(ctx, t.Values); err != nil {
		return nil, err
	}
	reply, err := h.probe(ctx)
	if err != nil {
		return nil, err
	}
	t.Values["lost_connections"] = float64(after.fleet.Losses)
	t.Values["connections_per_tunnel"] = float64(p.Conns)
	t.Values["ramp_time"] = float64(rampTime(up))
	// Since the processes began: what they spent without a tunnel goes out by a line through the sizes.
	t.Values["edge_ramp_cpu"] = float64(came.edge.Usage.CPU)
	t.Values["connector_ramp_cpu"] = float64(came.fleet.Usage.CPU)
	tally(t, reply.Samples, reply.Scheduled, reply.Dropped)
	t.Finished = r.clock.Now()
	return reply.Samples, h.settle(ctx)
}

// losses are why connections were lost, each reason once, and in which stretch of the run.
func losses(events []fleets.Event) string {
	var why []string
	first, last := int64(0), int64(0)
	for _, e := range events {
		if e.Kind != fleets.Lost {
			continue
		}
		if last = e.At; first == 0 {
			first = e.At
		}
		if !slices.Contains(why, e.Detail) {
			why = append(why, e.Detail)
		}
	}
	return fmt.Sprintf("%s (from %v to %v of the run)", strings.Join(why, "; "), time.Duration(first).Round(time.Second), time.Duration(last).Round(time.Second))
}

// trialSeed fixes the dice of a block: all of its arms have the same.
func (r *runner) trialSeed(block int) uint64 {
	return r.manifest.Seed*1_000_003 + uint64(block)*1_009 + 1
}

// rampTime is from the first dial to the last registration, ns.
func rampTime(up role.FleetReply) int64 {
	if len(up.Events) == 0 {
		return 0
	}
	first, last := up.Events[0].Start, int64(0)
	for _, e := range up.Events {
		first, last = min(first, e.Start), max(last, e.At)
	}
	return last - first
}

// reading is what both ends of a fleet have used by an instant.
type reading struct {
	at    int64 // on the run's clock
	edge  role.EdgeState
	fleet role.FleetReply
}

func (h *holding) read(ctx context.Context) (r reading, err error) {
	if err := h.edges[0].Call(ctx, "State", role.None{}, &r.edge); err != nil {
		return r, err
	}
	err = h.connector.Call(ctx, "Fleet", role.None{}, &r.fleet)
	h.heard = append(h.heard, r.fleet.Events...)
	r.at = h.r.clock.Now()
	return r, err
}

// idle lets some time pass over a fleet at rest.
func (h *holding) idle(ctx context.Context, span time.Duration) (before, after reading, err error) {
	for _, proc := range append(h.edges, h.connector) { // what coming up left behind is not idling
		if err := proc.Call(ctx, "Rested", role.None{}, &role.Usage{}); err != nil {
			return before, after, err
		}
	}
	if before, err = h.read(ctx); err != nil {
		return before, after, err
	}
	if err := pauseFor(ctx, span); err != nil {
		return before, after, err
	}
	after, err = h.read(ctx)
	return before, after, err
}

// until adds the CPU time and the traffic between two readings.
func (b reading) until(a reading, tunnels float64, values map[string]float64) {
	seconds := time.Duration(a.at - b.at).Seconds()
	perTunnel := func(v float64) float64 { return v / tunnels / seconds }
	edge, connector := a.edge.Usage.Sub(b.edge.Usage), a.fleet.Usage.Sub(b.fleet.Usage)
	client, server := a.fleet.Sent.Sub(b.fleet.Sent), a.edge.Sent.Sub(b.edge.Sent)
	// A thousand tunnels, in shares of a core.
	values["edge_cpu_per_1000"] = perTunnel(1000 * edge.CPU.Seconds())
	values["connector_cpu_per_1000"] = perTunnel(1000 * connector.CPU.Seconds())
	for side, sent := range map[string]wire.Traffic{"client": client, "server": server} {
		values[side+"_keepalive_datagrams"] = perTunnel(float64(sent.Datagrams))
		values[side+"_keepalive_bytes"] = perTunnel(float64(sent.Bytes))
	}
}

// A fleet that came up goes on sending: quic-go searches the path's MTU with a probe in about every keep-alive period.
const (
	// quietBelow is the mean UDP payload of a datagram, bytes, of a fleet that does nothing but keep itself alive: a PING
	// takes some 30, a probe 1,300 and more.
	quietBelow = 100
	// quietInARow is how many periods must pass without a probe: the last one of the search can be late.
	quietInARow = 2
	// quietPeriods bounds the wait; the search takes about six.
	quietPeriods = 12
	// countedPeriods is the least number of keep-alive periods over which CPU time and traffic are counted.
	countedPeriods = 2
)

// countsKeepAlives reports whether fleets with those timers stand long enough for what they do at rest to be counted.
func (e *Experiment) countsKeepAlives(of Timers) bool {
	return time.Duration(e.Time) >= countedPeriods*of.KeepAlive
}

// quiet waits, from a reading on, until the fleet sends keep-alives alone, where they are to be counted; false: they cannot be.
func (h *holding) quiet(ctx context.Context, before reading) (bool, error) {
	period := h.a.timers().KeepAlive
	if !h.p.countsKeepAlives(h.a.timers()) {
		return false, nil
	}
	inARow := 0
	for range quietPeriods {
		if err := pauseFor(ctx, period); err != nil {
			return false, err
		}
		after, err := h.read(ctx)
		if err != nil {
			return false, err
		}
		if sent := after.sent().Sub(before.sent()); sent.Datagrams == 0 || sent.Bytes >= quietBelow*sent.Datagrams {
			inARow = 0
		} else if inARow++; inARow == quietInARow {
			return true, nil
		}
		before = after
	}
	h.r.warn(fmt.Sprintf("fleet: %s still sent large datagrams after %d keep-alive periods: no CPU and traffic of idle tunnels", h.a.Arm, quietPeriods))
	return false, nil
}

// sent is the traffic of both ends.
func (r reading) sent() wire.Traffic {
	return r.edge.Sent.Add(r.fleet.Sent)
}

// uncounted warns of fleets that stand for too short in every experiment of the plan.
func (r *runner) uncounted(p part) {
	for _, a := range p.arms {
		timers := a.timers()
		if !slices.ContainsFunc(r.parts, func(o part) bool {
			return o.Run == p.Run && o.countsKeepAlives(timers) && slices.ContainsFunc(o.arms, func(b arm) bool { return b.Timers == a.Timers })
		}) {
			r.warn(fmt.Sprintf("fleet: no CPU and traffic of idle tunnels with a keep-alive of %v: that takes fleets which are held for %v at least, not %v",
				timers.KeepAlive, countedPeriods*timers.KeepAlive, time.Duration(p.Time)))
		}
	}
}

// memory adds what both processes hold: resident as they are, and live once the garbage is gone.
func (h *holding) memory(ctx context.Context, values map[string]float64) error {
	for side, proc := range map[string]*role.Proc{"edge": h.edges[0], "connector": h.connector} {
		m, err := role.MemoryOf(proc.PID())
		if err != nil {
			return err
		}
		var v role.Vitals
		if err := proc.Call(ctx, "Vitals", role.None{}, &v); err != nil {
			return err
		}
		values[side+"_rss"] = float64(m.Resident)
		values[side+"_live"] = float64(v.Heap + v.Stacks)
		values[side+"_goroutines"] = float64(v.Goroutines)
	}
	values["both_rss"] = values["edge_rss"] + values["connector_rss"]
	values["both_live"] = values["edge_live"] + values["connector_live"]
	return nil
}
