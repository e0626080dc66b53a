package bench

import (
	"context"
	"time"

	"pqbench/bench/role"
	"pqbench/loadgen"
	"pqbench/results"
)

// calibration bounds how long a generator is calibrated, for each arm and set of processes. What is intended within the
// grace before its end may still be in flight then: a generator that is too slow by 3 % is late by more than that.
const (
	calibration = 3 * time.Second
	grace       = 50 * time.Millisecond
)

// calibrate drives an arm's load, evenly and for a moment, at an edge that does the least possible: quic-go's accept loop
// alone for handshakes, a server of net/http for requests; once for each set of processes, which done keeps account of.
// What the generator shows there is its own: an edge with more to do can only be slower. Each phase that is measured is
// calibrated at its own rate, since a generator that cannot keep the last step of a staircase may well keep the first. The
// values are by phase; there are none when the arm has been calibrated.
func (r *runner) calibrate(ctx context.Context, p part, a arm, done map[int]bool, leastEdge func() (generator, error)) (values []map[string]float64, err error) {
	if done[a.id] || p.Loop == loopClosed {
		return nil, nil
	}
	done[a.id] = true
	g, err := leastEdge()
	if err != nil {
		return nil, err
	}
	rate, _ := ParseRate(a.Rate)
	phases, err := p.phases(rate)
	if err != nil {
		return nil, err
	}
	values = make([]map[string]float64, len(phases))
	for i, phase := range phases {
		if phase.Warmup {
			continue
		}
		o, err := r.open(ctx, p.InFlight, g, []loadgen.Phase{steady(phase)}, 1)
		if err != nil {
			return nil, err
		}
		values[i] = calibrationValues(o.byPhase[0], o.start+o.halted)
	}
	return values, nil
}

// leastEdge is the arm's generator, aimed at a server of net/http in the edge's process, which answers as the origin
// does. Its visitors are connected when it returns.
func (ps *paths) leastEdge(ctx context.Context, w *path, a arm) (generator, error) {
	if w.least == "" {
		var at role.ListenReply
		if err := w.edge.Call(ctx, "Listen", role.ListenArgs{LeafPEM: ps.cert.leaf, Bare: true, Eyeball: true}, &at); err != nil {
			return generator{}, err
		}
		if err := ps.visit(ctx, w, at.Eyeball); err != nil {
			return generator{}, err
		}
		if err := ps.warmUp(ctx, w, a, at.Eyeball); err != nil {
			return generator{}, err
		}
		w.least = at.Eyeball
	}
	return w.generator(ps.p, a, w.least), nil
}

// leastEdge is the arm's generator, aimed at quic-go's accept loop in the edge's process.
func (ps *pairs) leastEdge(ctx context.Context, pr *pair, a arm) (generator, error) {
	least := ps.listener(a)
	least.bare = true
	if err := ps.listen(ctx, pr, least); err != nil {
		return generator{}, err
	}
	g := ps.generator(pr, a)
	g.unit = func(inFlight int) role.OpenArgs {
		args := ps.local(pr, a, least, 0)
		args.Concurrency, args.Sockets = inFlight, min(inFlight, openSockets)
		return role.OpenArgs{Handshake: &args}
	}
	return g, nil
}

// steady is a phase of even load at a phase's greatest rate; of a recorded one, its busiest stretch.
func steady(p loadgen.Phase) loadgen.Phase {
	if p.Recorded != nil {
		return busiest(p, calibration)
	}
	rate := max(p.From, p.To)
	return loadgen.Phase{Name: "calibration", Time: min(calibration, max(p.Time, calibration/4)), From: rate, To: rate}
}

// busiest is the stretch of a recorded phase, of a length at most, that most units are in.
func busiest(p loadgen.Phase, length time.Duration) loadgen.Phase {
	at, from, most := p.Recorded, 0, 0
	for i, end := 0, 0; i < len(at); i++ {
		for end < len(at) && at[end]-at[i] < length {
			end++
		}
		if end-i > most {
			from, most = i, end-i
		}
	}
	stretch := loadgen.Phase{Name: "calibration"}
	for _, instant := range at[from : from+most] {
		stretch.Recorded = append(stretch.Recorded, instant-at[from])
	}
	// With the time to complete that a burst has: what comes after it is not more of the same.
	stretch.Time = at[from+most-1] - at[from] + length/4
	return stretch
}

// calibrationValues are of a calibration that ended at the instant end. What was scheduled and completes later counts as
// not got through: a generator with a backlog does not keep the rate.
func calibrationValues(samples []results.Sample, end int64) map[string]float64 {
	var latency, late []time.Duration
	due, completed := 0, 0
	for _, s := range samples {
		if s.Intended <= end-int64(grace) {
			due++
			if s.Class == "" && s.Completed <= end {
				completed++
			}
		}
		if s.Class == results.ClassDropped {
			continue
		}
		late = append(late, time.Duration(s.Sent-s.Intended))
		if s.Class == "" {
			latency = append(latency, time.Duration(s.Completed-s.Intended))
		}
	}
	if due == 0 {
		return nil
	}
	values := map[string]float64{"calibration_completed_share": float64(completed) / float64(due)}
	for name, times := range map[string][]time.Duration{"calibration_p99": latency, "calibration_lateness_p99": late} {
		if v, ok := p99(times); ok {
			values[name] = v
		}
	}
	return values
}
