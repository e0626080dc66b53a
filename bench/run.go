package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"pqbench/bench/role"
	"pqbench/loadgen"
	"pqbench/results"
)

// Options of a run. The zero value runs the plan as it is, into results/runs, without a word.
type Options struct {
	// Output is the folder that run folders are made in; default results/runs.
	Output string
	// Seed replaces the plan's seed when it is not zero.
	Seed   uint64
	Labels map[string]string
	// Warnings are known before the run and stand in its report.
	Warnings []string
	// Progress is told how far the run is; nil for silence.
	Progress Progress
}

// Progress hears how far a run is. Calls come from one goroutine.
type Progress interface {
	// Start announces an experiment of so many blocks; skipped is why it, or an arm of it, is left out.
	Start(experiment string, blocks int, skipped []string)
	// Step tells what a block in progress has just done, where a block takes minutes.
	Step(what string)
	// Block says that one more block is done.
	Block()
	// End ends the experiment, whole or not.
	End()
	// Close is called last, before anything else is written to the terminal.
	Close()
}

// ErrInterrupted is returned, with the folder, by a run that was ended early: what was measured is saved and marked.
var ErrInterrupted = errors.New("interrupted; what was measured so far is saved and marked incomplete")

// errNothing is an ErrInterrupted that came too early.
var errNothing = nothingMeasured{}

type nothingMeasured struct{}

func (nothingMeasured) Error() string {
	return "interrupted before anything was measured; nothing is saved"
}
func (nothingMeasured) Is(target error) bool { return target == ErrInterrupted }

// ConfigError is an error that came before anything was measured: the plan cannot be run here as it is asked for.
type ConfigError struct{ error }

// Misconfigured marks an error as one that came before anything was measured.
func Misconfigured(err error) ConfigError { return ConfigError{err} }

// Unwrap returns the cause.
func (e ConfigError) Unwrap() error { return e.error }

// Run runs a plan and writes its run folder, without the report. When the context ends, the run abandons the trial in
// progress, saves what was measured and returns the folder with ErrInterrupted; likewise with any other error that
// comes after the first measurement. Before it, no folder is left.
func Run(ctx context.Context, plan *Plan, opts Options) (dir string, err error) {
	r, err := newRunner(plan, opts)
	if err != nil {
		return "", ConfigError{err}
	}
	err = r.experiments(ctx)
	r.progress.Close()
	if errors.Is(err, context.Canceled) {
		err = ErrInterrupted
	}
	if err != nil && r.trials == 0 && !errors.As(err, new(*role.Lost)) { // a death is told by a report, also without any number
		if errors.Is(err, ErrInterrupted) {
			err = errNothing
		}
		return "", errors.Join(err, r.writer.Discard()) // nothing was measured, so there is nothing to keep
	}
	dir, finishErr := r.finish(err)
	if finishErr != nil && errors.Is(err, finishErr) {
		finishErr = nil // the failure to write that ended the run: what there was room for is a whole run all the same
	}
	if finishErr == nil {
		finishErr = account(dir)
	}
	return dir, errors.Join(err, finishErr)
}

// account checks what was written against itself: scheduled = completed + failed + dropped in every trial, samples
// that agree with it, times in order.
func account(dir string) error {
	m, samples, trials, err := results.Load(dir)
	if err != nil {
		return err
	}
	return results.Check(m, samples, trials)
}

// runner is a run in progress.
type runner struct {
	plan     *Plan
	clock    loadgen.Clock
	manifest results.Manifest
	writer   *results.Writer
	progress Progress
	steal    stealMeter
	procs    *watched // of the part in progress
	parts    []part
	skipped  [][]string // of each part: why arms were left out
	trials   int        // recorded so far
	probes   uint64     // made so far
	warned   sync.Mutex // over the manifest's warnings: trials may run side by side
}

// part is one entry of the plan's experiments with its arms.
type part struct {
	*Experiment
	index int // into Manifest.Experiments
	arms  []arm
	first int // number of its first block: entries of the same kind do not share block numbers
}

func newRunner(plan *Plan, opts Options) (*runner, error) {
	r := &runner{plan: plan, progress: opts.Progress}
	if r.progress == nil {
		r.progress = silent{}
	}
	if opts.Output == "" {
		opts.Output = "results/runs"
	}
	r.manifest = results.Manifest{
		Schema: results.Schema, Plan: plan.Name, PlanText: plan.Text(), Seed: plan.Seed, Started: time.Now().UTC(),
		Labels: opts.Labels, Versions: versions(), Host: host(), Warnings: opts.Warnings,
	}
	if opts.Seed != 0 {
		r.manifest.Seed = opts.Seed
	}
	if err := r.layOut(); err != nil {
		return nil, err
	}
	if err := r.checkLimits(); err != nil {
		return nil, err
	}
	var err error
	r.writer, err = results.Create(opts.Output, plan.Name, r.manifest)
	if err != nil {
		return nil, err
	}
	r.manifest.Noise.Load = loadAverage()
	r.manifest.Noise.Before, r.steal.median = noiseProbe()
	r.steal.start()
	r.clock = loadgen.NewClock()
	return r, nil
}

// layOut numbers the arms. Equal arms of two entries of the same kind are one arm.
func (r *runner) layOut() error {
	m := &r.manifest
	ids := map[results.ArmOf]int{}
	blocks := map[string]int{}
	for i := range r.plan.Experiments {
		e := &r.plan.Experiments[i]
		arms, skipped := e.arms()
		for k := range arms {
			key := results.ArmOf{Experiment: e.Run, Arm: arms[k].Arm, Note: arms[k].note}
			id, ok := ids[key]
			if !ok {
				id = len(m.Arms)
				ids[key] = id
				m.Arms = append(m.Arms, key)
			}
			arms[k].id = id
		}
		m.Pairs = append(m.Pairs, e.pairs(arms)...)
		m.Experiments = append(m.Experiments, results.Experiment{
			Name: e.Run, Blocks: e.Blocks, Note: e.method(), Target: e.Target.address(),
		})
		r.skipped = append(r.skipped, skipped)
		if len(arms) == 0 {
			m.Experiments[i].Skipped = strings.Join(skipped, "; ")
		}
		for _, s := range skipped {
			m.Warnings = append(m.Warnings, e.Run+": left out: "+s)
		}
		if slices.ContainsFunc(arms, func(a arm) bool { return a.Stack == string(realCloudflared) }) {
			m.Versions.Modules["cloudflared"] = cloudflaredVersion()
		}
		r.parts = append(r.parts, part{Experiment: e, index: i, arms: arms, first: blocks[e.Run]})
		blocks[e.Run] += e.Blocks
	}
	m.Warnings = unique(m.Warnings)
	if len(m.Arms) == 0 {
		return fmt.Errorf("plan %q: nothing is left to measure: %s", r.plan.Name, strings.Join(m.Warnings, "; "))
	}
	return nil
}

// experiments runs the parts in order. An error ends the run: it means that its numbers would be worth nothing.
func (r *runner) experiments(ctx context.Context) error {
	for _, p := range r.parts {
		if len(p.arms) == 0 {
			r.progress.Start(p.Run, 0, r.skipped[p.index])
			r.progress.End()
			continue
		}
		run := map[string]func(context.Context, part) error{
			"kex": r.kex, "handshake": r.handshake, "overhead": r.handshake, "wire": r.wire,
			"requests": r.requests, "goodput": r.goodput, "idle": r.idle, "policy": r.policy,
			"rate": r.rate, "knee": r.knee, "fleet": r.fleet, "storm": r.storm,
		}[p.Run]
		r.progress.Start(p.Run, p.Blocks, r.skipped[p.index])
		r.procs = watchOver(ctx, r.clock)
		err := r.procs.why(run(r.procs.ctx, p))
		r.procs.close()
		r.progress.End()
		if err != nil {
			return fmt.Errorf("%s: %w", p.Run, err)
		}
	}
	return nil
}

// blocks runs a part's blocks: in each, every arm once, in the block's own random order. fresh is called before the
// blocks that want new processes.
func (r *runner) blocks(ctx context.Context, p part, fresh func(ctx context.Context) error, trial func(ctx context.Context, a arm, t *results.Trial) ([]results.Sample, error)) error {
	for b := range p.Blocks {
		if b%p.Fresh == 0 {
			if err := fresh(ctx); err != nil {
				return err
			}
		}
		for position, i := range order(r.manifest.Seed, p.index, b, len(p.arms)) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			t := results.Trial{Experiment: p.Run, Arm: p.arms[i].id, Block: p.first + b, Order: position}
			samples, err := trial(ctx, p.arms[i], &t)
			if err != nil && len(samples)+len(t.Probes) == 0 {
				return err
			}
			if err := errors.Join(r.record(t, samples), err); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err() // a trial that saved what it had
			}
		}
		if err := r.blockDone(p); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) blockDone(p part) error {
	if err := r.writer.Sync(); err != nil {
		return err
	}
	r.manifest.Experiments[p.index].Done++
	r.progress.Block()
	return nil
}

// warn adds to what stands on top of the report, once.
func (r *runner) warn(warnings ...string) {
	r.warned.Lock()
	defer r.warned.Unlock()
	r.manifest.Warnings = unique(append(r.manifest.Warnings, warnings...))
}

// record writes a trial and its samples.
func (r *runner) record(t results.Trial, samples []results.Sample) error {
	for i := range samples {
		s := &samples[i]
		s.Experiment, s.Arm, s.Block = t.Experiment, t.Arm, t.Block
		if err := r.writer.Write(results.Record{Sample: s}); err != nil {
			return err
		}
	}
	r.trials++
	return r.writer.Write(results.Record{Trial: &t})
}

// finish closes the run folder, whole or not.
func (r *runner) finish(cause error) (dir string, err error) {
	m := &r.manifest
	m.Complete = cause == nil
	if cause != nil {
		m.Reason = cause.Error()
	} else {
		after, median := noiseProbe()
		m.Noise.After, m.Noise.Drift = after, median/r.steal.median-1
	}
	m.Noise.Steal = r.steal.share()
	now := time.Now()
	elapsed := now.Sub(m.Started)
	if warning := stepped(elapsed, now.Round(0).Sub(m.Started.Round(0))); warning != "" {
		r.warn(warning)
	}
	m.Finished = m.Started.Add(elapsed).Round(0)
	return r.writer.Finish(*m)
}

// stepped tells that the host's clock was set during a run that took so long by the monotonic clock, and so long by the
// one on the wall. What a time service corrects in passing (500 ppm at most on Linux) is no step.
func stepped(monotonic, wall time.Duration) string {
	const slew, least = 0.0005, 100 * time.Millisecond
	by := wall - monotonic
	if by.Abs() <= least+time.Duration(slew*float64(monotonic)) {
		return ""
	}
	return fmt.Sprintf("the host's clock was set by %v during the run: durations are not affected (they are read from the monotonic clock), the time of day in the manifest is that of the start", by.Round(time.Millisecond))
}

// pauseFor lets time pass; a time that is over already is none.
func pauseFor(ctx context.Context, span time.Duration) error {
	timer := time.NewTimer(max(span, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tally fills a trial's counts: what was scheduled and dropped as the load counted it, the rest from the samples.
func tally(t *results.Trial, samples []results.Sample, scheduled, dropped int) {
	t.Scheduled, t.Dropped = scheduled, dropped
	for _, s := range samples {
		if s.Class == "" {
			t.Completed++
		} else {
			t.Failed++
		}
	}
}

// silent is the Progress of nobody watching.
type silent struct{}

func (silent) Start(string, int, []string) {}
func (silent) Step(string)                 {}
func (silent) Block()                      {}
func (silent) End()                        {}
func (silent) Close()                      {}
