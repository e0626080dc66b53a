package bench

import (
	"context"
	"time"

	"pqbench/bench/role"
	"pqbench/loadgen"
	"pqbench/results"
)

// calibration bounds how long a generator is calibrated, for each arm and set of processes.
const calibration = time.Second

// calibrate drives the arm's load, evenly and for a second, at an edge that does the least possible (quic-go's accept
// loop alone), once for each set of processes. What the generator shows there is its own: an edge with more to do can
// only be slower. It returns nothing when the arm has been calibrated.
func (ps *pairs) calibrate(ctx context.Context, pr *pair, a arm) (map[string]float64, error) {
	if pr.calibrated[a.id] || ps.p.Loop == loopClosed {
		return nil, nil
	}
	pr.calibrated[a.id] = true
	rate, _ := ParseRate(a.Rate)
	phases, err := ps.p.phases(rate)
	if err != nil {
		return nil, err
	}
	phases = steady(phases)
	g, err := ps.leastEdge(ctx, pr, a)
	if err != nil {
		return nil, err
	}
	o, err := ps.r.open(ctx, ps.p, g, phases, 1)
	if err != nil {
		return nil, err
	}
	return calibrationValues(o.byPhase[0]), nil
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

// steady is a phase of even load at the greatest mean rate of those measured.
func steady(phases []loadgen.Phase) []loadgen.Phase {
	most := loadgen.Phase{Name: "calibration", Time: calibration}
	for _, p := range phases {
		if rate := p.Units() / p.Time.Seconds(); !p.Warmup && rate > most.From {
			most.From, most.To = rate, rate
		}
		most.Time = min(most.Time, max(p.Time, calibration/4))
	}
	return []loadgen.Phase{most}
}

func calibrationValues(samples []results.Sample) map[string]float64 {
	var latency, late []time.Duration
	completed := 0
	for _, s := range samples {
		if s.Class == results.ClassDropped {
			continue
		}
		late = append(late, time.Duration(s.Sent-s.Intended))
		if s.Class == "" {
			completed++
			latency = append(latency, time.Duration(s.Completed-s.Intended))
		}
	}
	if len(samples) == 0 {
		return nil
	}
	values := map[string]float64{"calibration_completed_share": float64(completed) / float64(len(samples))}
	for name, times := range map[string][]time.Duration{"calibration_p99": latency, "calibration_lateness_p99": late} {
		if v, ok := p99(times); ok {
			values[name] = v
		}
	}
	return values
}
