package bench

import (
	"context"
	"fmt"
	"math"
	"time"

	"pqbench/bench/knee"
	"pqbench/bench/role"
	"pqbench/loadgen"
	"pqbench/results"
	"pqbench/results/stats"
)

// Bounds are what keeping up with a rate means.
type Bounds struct {
	// MaxP99 is the longest that the 99th percentile of the latency may be, and MinCompleted the least share of the
	// offered load that must complete.
	MaxP99       Duration `yaml:"max_p99,omitempty"`
	MinCompleted float64  `yaml:"min_completed,omitempty"`
	// From is the first rate of the search, and Precision how near to each other it brings a rate that passes and one
	// that fails, as a share.
	From      Rate    `yaml:"from,omitempty"`
	Precision float64 `yaml:"precision,omitempty"`
}

// verifying is how long a probe that verifies a knee lasts at least.
func (e *Experiment) verifying() time.Duration {
	return max(time.Duration(e.Time), time.Duration(patience*float64(e.MaxP99)/e.Precision))
}

// fill takes over the defaults of what is not said.
func (b *Bounds) fill(d Bounds, drive string) {
	or := func(v *float64, def float64) {
		if *v == 0 {
			*v = def
		}
	}
	if b.MaxP99 == 0 {
		b.MaxP99 = d.MaxP99
	}
	or(&b.MinCompleted, d.MinCompleted)
	or(&b.Precision, d.Precision)
	if b.From == 0 {
		b.From = d.From
		if drive == driveRequests {
			b.From *= 5 // a request is cheaper than a handshake by about as much
		}
	}
}

func (b *Bounds) check() error {
	if b.MinCompleted <= 0 || b.MinCompleted > 1 || b.Precision < 0.005 || b.Precision > 1 {
		return fmt.Errorf("min_completed %g or precision %g is out of range: want a share up to 1, such as 0.999, and 0.005 to 1", b.MinCompleted, b.Precision)
	}
	return nil
}

// probes bounds the search of one trial, and enough is how many units a probe needs for its 99th percentile.
const (
	maxProbes = 40
	enough    = 1000
)

// A rate of x % more than is kept up with passes until the queue that it builds, x % of the time, is longer than the
// bound. The knee is verified for so long that a fifth of the search's precision shows, so many times.
const (
	verifications = 2
	patience      = 5
)

// knee searches for the highest rate that stays within the bounds, and measures the latency again below it: one search
// for each arm and block.
func (r *runner) knee(ctx context.Context, p part) error {
	if p.Drive == driveRequests {
		return r.overPaths(ctx, p, func(ctx context.Context, ps *paths, w *path, a arm, t *results.Trial) ([]results.Sample, error) {
			least, err := ps.leastEdge(ctx, w, a)
			if err != nil {
				return nil, err
			}
			s := kneeSearch{r: r, p: p, g: w.generator(p, a, w.listening.Eyeball), least: least}
			return nil, s.run(ctx, t)
		})
	}
	return r.overPairs(ctx, p, func(ctx context.Context, ps *pairs, pr *pair, a arm, t *results.Trial) ([]results.Sample, error) {
		s := kneeSearch{r: r, p: p, g: ps.generator(pr, a), rest: func(ctx context.Context) error {
			return pr.edge.Call(ctx, "Rest", drain, &role.Drained{})
		}}
		least, err := ps.leastEdge(ctx, pr, a)
		if err != nil {
			return nil, err
		}
		s.least = least
		return nil, s.run(ctx, t)
	})
}

// kneeSearch is one search.
type kneeSearch struct {
	r     *runner
	p     part
	g     generator
	least generator                   // the same at an edge that does the least possible
	rest  func(context.Context) error // between probes: what one left behind is not the next one's
}

func (s *kneeSearch) run(ctx context.Context, t *results.Trial) error {
	t.Started = s.r.clock.Now()
	search := knee.New(knee.Options{Start: float64(s.p.From), Precision: s.p.Precision, Probes: maxProbes, Most: loadgen.MaxArrivals / 60, Verify: verifications})
	for {
		rate, stage, ok := search.Next()
		if !ok {
			break
		}
		base := time.Duration(s.p.Time)
		if stage == knee.Verification {
			base = s.p.verifying()
		}
		probe, err := s.probe(ctx, s.g, rate, string(stage), base)
		if err != nil {
			t.Finished = s.r.clock.Now()
			s.r.warn(cutShort(s.g.arm.String(), t.Probes)...)
			return err
		}
		t.Probes = append(t.Probes, probe)
		search.Observe(probe.Pass)
	}
	found := search.Result()
	t.Values = map[string]float64{"knee_rate": found.Knee}
	if found.Verified {
		t.Values["knee_verified"] = 1
	} else {
		t.Values["knee_verified"] = 0
		s.r.warn(fmt.Sprintf("%s: %s: the knee is not verified: %s", s.p.Run, s.g.arm.Arm, found.Reason))
	}
	err := s.around(ctx, t, found)
	t.Finished = s.r.clock.Now()
	return err
}

// cutShort tells between which rates the knee of a search lies that was ended; nothing where there was no probe.
func cutShort(arm string, probes []results.Probe) []string {
	if len(probes) == 0 {
		return nil
	}
	passed, failed := 0.0, math.Inf(1)
	for _, p := range probes {
		if p.Pass {
			passed = max(passed, p.Rate)
		} else {
			failed = min(failed, p.Rate)
		}
	}
	return []string{fmt.Sprintf("knee: %s: the search was ended after %d probes: %.4g/s passed, %.4g/s did not (0 and +Inf: none was seen)", arm, len(probes), passed, failed)}
}

// around measures below the knee, if there is any, and tries at the edge that does the least what failed beyond it.
func (s *kneeSearch) around(ctx context.Context, t *results.Trial, found knee.Result) error {
	if last := t.Probes[len(t.Probes)-1]; last.GeneratorCPU > 0 {
		t.Values["generator_cpu_share"] = last.GeneratorCPU
		if s.g.edge != nil {
			t.Values["edge_cpu_share"] = last.EdgeCPU
		}
		if last.SharedCPU > 0 {
			t.Values["shared_cpu_share"] = last.SharedCPU
		}
	}
	for _, percent := range results.BelowKnee {
		if found.Knee == 0 {
			break
		}
		// As long as a verification: of a second, 99th percentiles are the second's own.
		probe, err := s.probe(ctx, s.g, found.Knee*float64(percent)/100, fmt.Sprintf("%d %%", percent), s.p.verifying())
		if err != nil {
			return err
		}
		t.Probes = append(t.Probes, probe)
		for name, v := range map[string]*float64{"p50": probe.P50, "p99": probe.P99, "sent_p50": probe.SentP50, "sent_p99": probe.SentP99, "lateness_p99": probe.Lateness} {
			if v != nil {
				t.Values[results.AtKnee(name, percent)] = *v
			}
		}
	}
	if math.IsInf(found.Beyond, 1) {
		return nil
	}
	// As long as what failed there may have been: a generator that is slow by a little needs the time to show it.
	probe, err := s.probe(ctx, s.least, found.Beyond, "least edge", s.p.verifying())
	if err != nil {
		return err
	}
	t.Probes = append(t.Probes, probe)
	t.Values["calibration_passed"] = 0
	if probe.Pass {
		t.Values["calibration_passed"] = 1
	}
	return nil
}

// probe offers a rate for the base time, or for as long as a 99th percentile needs, up to ten times that.
func (s *kneeSearch) probe(ctx context.Context, g generator, rate float64, stage string, base time.Duration) (results.Probe, error) {
	if s.rest != nil {
		if err := s.rest(ctx); err != nil {
			return results.Probe{}, err
		}
	}
	length := min(max(base, time.Duration(1.05*enough/rate*1e9)), 10*base)
	phases := []loadgen.Phase{{Name: stage, Time: length, From: rate, To: rate, Poisson: s.p.Arrivals == arrivalsPoisson}}
	if s.p.Lead > 0 {
		phases = append([]loadgen.Phase{{Name: "lead", Time: time.Duration(s.p.Lead), From: rate, To: rate, Poisson: phases[0].Poisson, Warmup: true}}, phases...)
	}
	// Another seed for each rate: a schedule that is unlucky must not be so in every repetition.
	s.r.probes++
	o, err := s.r.open(ctx, s.p, g, phases, s.r.manifest.Seed^s.r.probes<<20)
	if err != nil {
		return results.Probe{}, err
	}
	if ctx.Err() != nil {
		return results.Probe{}, ctx.Err() // a search cut short has no result
	}
	var t results.Trial
	samples := o.fill(&t, len(phases)-1, g)
	probe := results.Probe{
		Rate: rate, Stage: stage, Scheduled: t.Scheduled, Completed: t.Completed, Failed: t.Failed, Dropped: t.Dropped,
		MaxP99: float64(s.p.MaxP99), GeneratorCPU: t.Values["generator_cpu_share"], EdgeCPU: t.Values["edge_cpu_share"], SharedCPU: t.Values["shared_cpu_share"],
	}
	times, since := latencies(samples, intended), latencies(samples, sent)
	probe.P50, probe.P99 = finiteQuantile(times, 0.5), finiteQuantile(times, 0.99)
	probe.SentP50, probe.SentP99 = finiteQuantile(since, 0.5), finiteQuantile(since, 0.99)
	var late []time.Duration
	for _, s := range samples {
		if s.Class != results.ClassDropped {
			late = append(late, time.Duration(s.Sent-s.Intended))
		}
	}
	if v, ok := p99(late); ok {
		probe.Lateness = &v
	}
	probe.Pass = t.Scheduled > 0 && stats.Quantile(times, 0.99) <= float64(s.p.MaxP99) && float64(t.Completed) >= s.p.MinCompleted*float64(t.Scheduled)
	return probe, nil
}

// finiteQuantile is nil where it lies among the failures, or too few samples lie beyond it.
func finiteQuantile(sorted []float64, q float64) *float64 {
	v := stats.Quantile(sorted, q)
	if !stats.PrintableQuantile(len(sorted), q) || math.IsInf(v, 1) {
		return nil
	}
	return &v
}
