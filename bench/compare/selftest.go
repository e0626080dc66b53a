package compare

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"pqbench/bench"
	"pqbench/bench/role"
	"pqbench/results"
	"pqbench/results/stats"
)

// SelfTest measures the gate itself: how often it cries wolf, and what it finds. The zero value takes an hour.
type SelfTest struct {
	// For is how long is recorded in all, earlier recordings that are resumed included; default an hour.
	For time.Duration
	// Budget of the comparisons that are made of the record; default five minutes.
	Budget time.Duration
	// Comparisons are how many are drawn of each kind; default 1000, which tells a rate of 2 % to within 1 %.
	Comparisons int
	// Live is how many comparisons are made live besides, half of them of an unchanged head and half of one that is 2 %
	// slower; 0 is none. Each takes the budget.
	Live int
	// Seed of orders and drawing; default 1.
	Seed uint64
	// Plan is what is measured; the zero value is the default plan.
	Plan Plan
	// Output is the folder of the record; default results/runs.
	Output string
	// Progress hears in a line what is going on; nil for nobody.
	Progress func(line string)
}

// burdens are how much slower the recorded heads are made, one each in a part of the rounds, and burdened the experiment.
//
// Note: rounds with all of these heads were tried. With six programs in turn instead of the three of a comparison the ratio
// of two scattered by 5.0 % instead of 3.9 %, so that what was drawn found less than a comparison does.
var burdens = []float64{0.01, 0.02, 0.05}

const burdened = "handshake"

func (s SelfTest) withDefaults() (SelfTest, error) {
	if len(s.Plan.Experiments) == 0 {
		plan, err := OpenPlan("")
		if err != nil {
			return s, err
		}
		s.Plan = plan
	}
	if s.For == 0 {
		s.For = time.Hour
	}
	if s.Budget == 0 {
		s.Budget = 5 * time.Minute
	}
	if s.Comparisons == 0 {
		s.Comparisons = 1000
	}
	if s.Seed == 0 {
		s.Seed = 1
	}
	if s.Output == "" {
		s.Output = "results/runs"
	}
	if s.Progress == nil {
		s.Progress = func(string) {}
	}
	return s, nil
}

// Run records, draws and reports. An end before the time leaves the record, to be resumed by the same call.
func (s SelfTest) Run(ctx context.Context) (Report, error) {
	s, err := s.withDefaults()
	if err != nil {
		return Report{}, bench.Misconfigured(err)
	}
	if err := os.MkdirAll(s.Output, 0o755); err != nil {
		return Report{}, bench.Misconfigured(err)
	}
	source, err := newLive(nil, s.Plan, s.Seed)
	if err != nil {
		return Report{}, err
	}
	head, err := newTapeHead(s.Plan)
	if err != nil {
		return Report{}, err
	}
	tape, err := openTape(filepath.Join(s.Output, "compare-selftest.jsonl"), head)
	if err != nil {
		return Report{}, bench.Misconfigured(err)
	}
	defer tape.close()
	err = s.record(ctx, source, tape)
	if ctx.Err() != nil {
		return Report{}, fmt.Errorf("%w: %v of %v are recorded in %s, and the same call goes on with it", bench.ErrInterrupted, tape.spent().Round(time.Second), s.For, tape.path)
	}
	if err != nil {
		return Report{}, err
	}
	report := s.resample(tape)
	err = s.live(ctx, source, tape, &report)
	report.Failed = source.failed.warnings()
	return report, err
}

// record fills the tape.
func (s SelfTest) record(ctx context.Context, source *live, tape *tape) error {
	if tape.head.Busy == nil {
		s.Progress("calibrating the work that is injected")
		busy, err := calibrate(ctx, source)
		if err != nil {
			return err
		}
		if err := tape.begin(busy); err != nil {
			return err
		}
	}
	spent := tape.spentOn()
	told := time.Now()
	for tape.spent() < s.For {
		e := furthestBehind(s.Plan.Experiments, spent)
		burden := tape.next(e)
		source.programs = []role.Program{{}, {}, tape.head.program(burden)}
		r, err := source.Round(ctx, e.Name)
		if err != nil {
			return err
		}
		if err := tape.add(taped{e.Name, burden, r.Arms, r.Cost}); err != nil {
			return err
		}
		spent[e.Name] += r.Cost
		if time.Since(told) > time.Minute {
			told = time.Now()
			s.Progress(fmt.Sprintf("recorded %v of %v", tape.spent().Round(time.Second), s.For))
		}
	}
	return nil
}

// calibrationRounds see a burden of half a handshake to some 2 % of it.
const calibrationRounds = 12

// calibrate finds how many hashes are a hundredth of what a handshake takes of each side, inside of the roles and under
// load: what a hash takes elsewhere is another thing.
func calibrate(ctx context.Context, source *live) ([]role.Busy, error) {
	e := source.plan.experiment(burdened)
	if e.Count == 0 {
		return nil, errors.New("the self-test needs a plan with the experiment handshake")
	}
	const probed = 4000 // hashes: half a millisecond of each side
	probe := role.Busy{Client: probed, Server: probed}
	programs := []role.Program{{}, {Env: []string{role.BusyVariable + "=" + probe.String()}}}
	ratios := map[string][]float64{}
	for range calibrationRounds {
		values, _, err := source.measure(ctx, e, programs)
		if err != nil {
			return nil, err
		}
		for _, side := range []string{"client_cpu", "server_cpu"} {
			ratios[side] = append(ratios[side], values[1][side]/values[0][side]-1)
		}
	}
	var busy []role.Busy
	for _, share := range burdens {
		hashes := func(side string) int {
			return int(math.Round(share / max(stats.Median(ratios[side]), 1e-3) * probed))
		}
		busy = append(busy, role.Busy{Client: hashes("client_cpu"), Server: hashes("server_cpu")})
	}
	return busy, nil
}

// live makes a few comparisons that are not drawn.
func (s SelfTest) live(ctx context.Context, source *live, tape *tape, report *Report) error {
	for i := range s.Live {
		burden, share := 0, 0.0
		if i%2 == 1 {
			burden, share = 2, burdens[1]
			if came := report.Realised[1].share(); !math.IsNaN(came) {
				share = came // it is this that its interval must hold
			}
		}
		s.Progress(fmt.Sprintf("live comparison %d of %d, head %s", i+1, s.Live, percent(share)))
		source.programs = []role.Program{{}, {}, tape.head.program(burden)}
		outcome, err := Procedure{Budget: s.Budget}.Run(ctx, s.Plan, source)
		if errors.Is(err, context.Canceled) {
			err = bench.ErrInterrupted
		}
		if err != nil {
			return err
		}
		report.Live = append(report.Live, liveResult{Share: share, Regressed: alarms(outcome), Error: errorOf(outcome), Fit: fits(outcome, share)})
	}
	return nil
}

// alarms are the metrics that regressed.
func alarms(o Outcome) (keys []string) {
	for _, f := range o.Findings {
		if f.Verdict == results.VerdictRegressed {
			keys = append(keys, f.Key)
		}
	}
	return keys
}

// main is the metric that the promises are about.
const mainMetric = "handshake/total_cpu"

// errorOf is the standard error of the CPU of a handshake that a comparison ended with.
func errorOf(o Outcome) float64 {
	for _, f := range o.Findings {
		if f.Key == mainMetric {
			return f.effect.Error
		}
	}
	return 0
}

// fits reports whether the interval of the CPU of a handshake holds the truth.
func fits(o Outcome, truth float64) bool {
	for _, f := range o.Findings {
		if f.Key == mainMetric {
			return f.Low <= truth && truth <= f.High
		}
	}
	return false
}
