package bench

import (
	"context"
	"fmt"
	"math"
	"slices"
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
	// groups are the negotiated ones of all probes so far, see results.Trial.
	groups map[string]int
}

// most is the highest rate that a search tries: the schedule of its longest probe must be one that can be kept.
func (s *kneeSearch) most() float64 {
	return loadgen.MaxArrivals / (max(s.p.verifying(), 2*longest) + time.Duration(s.p.Lead)).Seconds()
}

func (s *kneeSearch) negotiated(groups map[string]int) {
	for group, n := range groups {
		if s.groups == nil {
			s.groups = map[string]int{}
		}
		s.groups[group] += n
	}
}

func (s *kneeSearch) run(ctx context.Context, t *results.Trial) error {
	t.Started = s.r.clock.Now()
	search := knee.New(knee.Options{Start: float64(s.p.From), Precision: s.p.Precision, Probes: maxProbes, Most: s.most(), Verify: verifications})
	for {
		rate, stage, ok := search.Next()
		if !ok {
			break
		}
		base := time.Duration(s.p.Time)
		if stage == knee.Verification || stage == knee.Recheck {
			base = s.p.verifying()
		}
		probe, err := s.probe(ctx, s.g, rate, string(stage), base)
		if err != nil {
			t.Finished = s.r.clock.Now()
			s.r.warn(cutShort(s.g.arm.String(), t.Probes)...)
			return err
		}
		t.Probes = append(t.Probes, probe)
		s.tell(probe)
		search.Observe(probe.Pass)
	}
	found := search.Result()
	t.Values = map[string]float64{"knee_rate": found.Knee, "knee_verified": 1}
	if !found.Verified {
		s.doubt(t, found.Reason)
	}
	s.crowded(t, found)
	s.atTheKnee(t, found)
	err := s.around(ctx, t, found)
	t.Negotiated, t.Finished = s.groups, s.r.clock.Now()
	return err
}

// tell tells a probe as progress.
func (s *kneeSearch) tell(p results.Probe) {
	outcome := "failed"
	if p.Pass {
		outcome = "passed"
	}
	who := s.g.arm.Group
	if s.g.arm.KEM != "" {
		who += " (" + s.g.arm.KEM + ")"
	}
	s.r.progress.Step(fmt.Sprintf("%s: %s, %.4g/s %s", who, p.Stage, p.Rate, outcome))
}

// doubt says that a knee is not verified, and why.
func (s *kneeSearch) doubt(t *results.Trial, why string) {
	t.Values["knee_verified"] = 0
	s.r.warn(fmt.Sprintf("%s: %s: the knee is not verified: %s", s.p.Run, s.g.arm.Arm, why))
}

// idle is the share of its cores below which neither side is what a knee is made of.
const idle = 0.5

// atTheKnee takes over what the CPU did in the last probe at the knee, and tells a knee at which it had little to do.
func (s *kneeSearch) atTheKnee(t *results.Trial, found knee.Result) {
	for _, p := range slices.Backward(t.Probes) {
		if p.Rate != found.Knee || p.GeneratorCPU == 0 {
			continue
		}
		t.Values["generator_cpu_share"] = p.GeneratorCPU
		if p.SharedCPU > 0 {
			t.Values["shared_cpu_share"] = p.SharedCPU
		}
		if s.g.edge == nil {
			return
		}
		t.Values["edge_cpu_share"] = p.EdgeCPU
		if max(p.GeneratorCPU, p.EdgeCPU, p.SharedCPU) < idle && !math.IsInf(found.Beyond, 1) {
			s.r.warn(fmt.Sprintf("%s: %s: at a knee of %.4g/s the edge was busy for %.0f %% and the generator for %.0f %% of their cores: CPU is not what broke the bound beyond it (the bound is tight, the host was disturbed, or something waits)",
				s.p.Run, s.g.arm.Arm, found.Knee, 100*p.EdgeCPU, 100*p.GeneratorCPU))
		}
		return
	}
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
	text := fmt.Sprintf("knee: %s: the search was ended after %d probes: ", arm, len(probes))
	switch {
	case passed == 0:
		return []string{text + fmt.Sprintf("no rate had passed, the lowest that was tried was %.4g/s", failed)}
	case math.IsInf(failed, 1):
		return []string{text + fmt.Sprintf("%.4g/s had passed, and none had failed", passed)}
	case failed <= passed:
		return []string{text + fmt.Sprintf("%.4g/s had passed, after %.4g/s had failed at first", passed, failed)}
	}
	return []string{text + fmt.Sprintf("%.4g/s had passed, %.4g/s had not", passed, failed)}
}

// around measures below the knee, if there is any, and tries at the edge that does the least what failed beyond it.
func (s *kneeSearch) around(ctx context.Context, t *results.Trial, found knee.Result) error {
	for _, percent := range results.BelowKnee {
		if found.Knee == 0 {
			break
		}
		if err := s.below(ctx, t, found.Knee, percent); err != nil {
			return err
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

// below measures at a share of the knee. What breaks the bound there twice was no knee.
func (s *kneeSearch) below(ctx context.Context, t *results.Trial, knee float64, percent int) error {
	// As long as a verification: of a second, 99th percentiles are the second's own.
	level := func() (results.Probe, error) {
		probe, err := s.probe(ctx, s.g, knee*float64(percent)/100, fmt.Sprintf("%d %%", percent), s.p.verifying())
		if err == nil {
			t.Probes = append(t.Probes, probe)
			s.tell(probe)
		}
		return probe, err
	}
	probe, err := level()
	if err != nil {
		return err
	}
	// The first one counts, whatever the second says: to choose the better of two would be to choose the result.
	for name, v := range map[string]*float64{"p50": probe.P50, "p99": probe.P99, "sent_p50": probe.SentP50, "sent_p99": probe.SentP99, "lateness_p99": probe.Lateness} {
		if v != nil {
			t.Values[results.AtKnee(name, percent)] = *v
		}
	}
	if probe.Pass {
		return nil
	}
	again, err := level()
	if err == nil && !again.Pass {
		s.doubt(t, fmt.Sprintf("at %d %% of %.4g/s the bounds were not kept either, twice", percent, knee))
	}
	return err
}

// How long a probe may last to have the units that its 99th percentile needs. The margin is five standard deviations of a
// Poisson process's thousand.
const (
	margin  = 1.16
	longer  = 10 // times the base
	longest = 30 * time.Second
)

// crowd is how many units may be in flight in a probe: twice as many as there are when all take as long as the bound, so that
// none is dropped before that. A knee that the limit had made would be the generator's.
func (s *kneeSearch) crowd(rate float64) int {
	most := mostInFlight
	if s.p.Drive == driveRequests {
		most = mostVisitors
	}
	return max(s.p.InFlight, min(int(2*s.atTheBound(rate)), most))
}

// atTheBound is how many units are in flight when all take as long as the bound allows.
func (s *kneeSearch) atTheBound(rate float64) float64 {
	return rate * time.Duration(s.p.MaxP99).Seconds()
}

// crowded tells a knee beyond which units were dropped before they could take as long as the bound.
func (s *kneeSearch) crowded(t *results.Trial, found knee.Result) {
	limit := s.crowd(found.Beyond)
	if math.IsInf(found.Beyond, 1) || s.atTheBound(found.Beyond) <= float64(limit) {
		return
	}
	if slices.ContainsFunc(t.Probes, func(p results.Probe) bool { return p.Rate == found.Beyond && !p.Pass && p.Dropped > 0 }) {
		s.doubt(t, fmt.Sprintf("at %.4g/s units were dropped because no more than %d may be in flight, which are fewer than the bound of %v allows: lower the bound", found.Beyond, limit, time.Duration(s.p.MaxP99)))
	}
}

// What bounds crowd: each unit holds a file descriptor, and each request a visitor's connection beside it.
const (
	mostInFlight = 4096
	mostVisitors = 1024
)

// A first look of so many units says of a rate that is far too high that it fails: nobody waits for a thousand of them.
const (
	firstLook = 20
	clearly   = 0.05 // of the units, five times what the bound allows
)

// probe offers a rate for the base time, or for as long as a 99th percentile needs, within bounds. Where that is longer than
// the base, it begins with a first look.
func (s *kneeSearch) probe(ctx context.Context, g generator, rate float64, stage string, base time.Duration) (results.Probe, error) {
	whole := min(max(base, time.Duration(margin*enough/rate*1e9)), max(longer*base, longest))
	if look := max(base, time.Duration(firstLook/rate*1e9)); look < whole/2 {
		first, beyond, err := s.try(ctx, g, rate, stage, look)
		if err != nil || float64(beyond) > firstLook*clearly+clearly*float64(first.Scheduled) {
			return first, err
		}
	}
	probe, _, err := s.try(ctx, g, rate, stage, whole)
	return probe, err
}

// try offers a rate for so long; beyond is how many units failed or took longer than the bound.
func (s *kneeSearch) try(ctx context.Context, g generator, rate float64, stage string, length time.Duration) (probe results.Probe, beyond int, err error) {
	if s.rest != nil {
		if err := s.rest(ctx); err != nil {
			return results.Probe{}, 0, err
		}
	}
	phases := []loadgen.Phase{{Name: stage, Time: length, From: rate, To: rate, Poisson: s.p.Arrivals == arrivalsPoisson}}
	if s.p.Lead > 0 {
		phases = append([]loadgen.Phase{{Name: "lead", Time: time.Duration(s.p.Lead), From: rate, To: rate, Poisson: phases[0].Poisson, Warmup: true}}, phases...)
	}
	// Another seed for each rate: a schedule that is unlucky must not be so in every repetition.
	s.r.probes++
	o, err := s.r.open(ctx, s.crowd(rate), g, phases, s.r.manifest.Seed^s.r.probes<<20)
	if err != nil {
		return results.Probe{}, 0, err
	}
	if ctx.Err() != nil {
		return results.Probe{}, 0, ctx.Err() // a search cut short has no result
	}
	var t results.Trial
	samples := o.fill(&t, len(phases)-1, g)
	s.negotiated(t.Negotiated)
	probe = results.Probe{
		Rate: rate, Stage: stage, Scheduled: t.Scheduled, Completed: t.Completed, Failed: t.Failed, Dropped: t.Dropped,
		MaxP99: float64(s.p.MaxP99), GeneratorCPU: t.Values["generator_cpu_share"], EdgeCPU: t.Values["edge_cpu_share"], SharedCPU: t.Values["shared_cpu_share"],
	}
	times, since := latencies(samples, intended), latencies(samples, sent)
	probe.P50, probe.P99 = finiteQuantile(times, 0.5), finiteQuantile(times, 0.99)
	probe.SentP50, probe.SentP99 = finiteQuantile(since, 0.5), finiteQuantile(since, 0.99)
	if v, ok := p99(lateness(samples)); ok {
		probe.Lateness = &v
	}
	probe.Pass = t.Scheduled > 0 && stats.Quantile(times, 0.99) <= float64(s.p.MaxP99) && float64(t.Completed) >= s.p.MinCompleted*float64(t.Scheduled)
	for _, t := range times {
		if t > float64(s.p.MaxP99) {
			beyond++
		}
	}
	return probe, beyond, nil
}

// finiteQuantile is nil where it lies among the failures, or too few samples lie beyond it.
func finiteQuantile(sorted []float64, q float64) *float64 {
	v := stats.Quantile(sorted, q)
	if !stats.PrintableQuantile(len(sorted), q) || math.IsInf(v, 1) {
		return nil
	}
	return &v
}
