package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pqbench/bench"
	"pqbench/results"
)

// Options of a run.
type Options struct {
	Output   string // folder that run folders are made in; default results/runs
	Seed     uint64 // instead of the plan's, when not 0
	Labels   map[string]string
	Progress bench.Progress // nil for silence
	Resume   string         // an incomplete run folder of the same plan: its finished cells are kept
}

// batch is how many trials a worker makes before it tells: about a tenth of a second.
const batch = 50

// run is a run in progress.
type run struct {
	plan     *Plan
	manifest results.Manifest
	writer   *results.Writer
	cells    []cellOf
	kept     map[int]bool // arms that an earlier run has finished
	ended    int          // trials that ended their workers
}

// cellOf is a cell with its place in the results, and what came in of it.
type cellOf struct {
	Cell
	experiment int // into Plan.Experiments
	arm        int // into Manifest.Arms
	results    []Result
	requests   []Result
	missing    int // trials of both kinds
}

// Run runs a plan and writes its run folder, without the report. When the context ends, what is whole is saved: a cell
// with all its trials.
func Run(ctx context.Context, plan *Plan, opts Options) (dir string, err error) {
	r, err := newRun(plan, opts)
	if err != nil {
		return "", bench.Misconfigured(err)
	}
	saved, err := r.measure(ctx, opts)
	if errors.Is(err, context.Canceled) {
		err = bench.ErrInterrupted
	}
	if err != nil && saved == 0 {
		return "", errors.Join(err, r.writer.Discard())
	}
	r.manifest.Complete = err == nil
	if err != nil {
		r.manifest.Reason = err.Error()
	}
	r.manifest.Finished = time.Now().UTC()
	dir, finishErr := r.writer.Finish(r.manifest)
	return dir, errors.Join(err, finishErr)
}

func newRun(plan *Plan, opts Options) (*run, error) {
	r := &run{plan: plan, kept: map[int]bool{}}
	versions, host := bench.Here()
	r.manifest = results.Manifest{
		Schema: results.Schema, Plan: plan.Name, PlanText: plan.Text(), Seed: plan.Seed, Started: time.Now().UTC(),
		Labels: opts.Labels, Versions: versions, Host: host, Virtual: true,
	}
	if plan.CPU != nil {
		r.manifest.Computing = plan.CPU.From
	}
	if opts.Seed != 0 {
		r.manifest.Seed = opts.Seed
	}
	r.manifest.Noise.Steal, r.manifest.Noise.Load = -1, -1
	if err := r.layOut(); err != nil {
		return nil, err
	}
	var earlier []results.Record
	if opts.Resume != "" {
		var err error
		if earlier, err = r.resume(opts.Resume); err != nil {
			return nil, fmt.Errorf("resume %s: %w", opts.Resume, err)
		}
	}
	if opts.Output == "" {
		opts.Output = "results/runs"
	}
	var err error
	if r.writer, err = results.Create(opts.Output, plan.Name, r.manifest); err != nil {
		return nil, err
	}
	for _, record := range earlier {
		if err := r.writer.Write(record); err != nil {
			return nil, errors.Join(err, r.writer.Discard())
		}
	}
	return r, nil
}

// layOut numbers the cells as arms, and pairs each group with the control of its path: X25519, or the first group.
func (r *run) layOut() error {
	m := &r.manifest
	seen := map[results.ArmOf]bool{}
	for i := range r.plan.Experiments {
		e := &r.plan.Experiments[i]
		cells, skipped, err := e.Cells()
		if err != nil {
			return err
		}
		for _, s := range skipped {
			m.Warnings = append(m.Warnings, e.Run+": left out: "+s)
		}
		first := len(m.Arms)
		for _, c := range cells {
			arm := results.ArmOf{Experiment: e.Run, Arm: c.arm(e.Run)}
			if seen[arm] {
				return fmt.Errorf("two entries of %s share the arm %s; give them plans of their own", e.Run, arm.Arm)
			}
			seen[arm] = true
			r.cells = append(r.cells, cellOf{Cell: c, experiment: i, arm: len(m.Arms), missing: e.Count + e.RequestCount})
			m.Arms = append(m.Arms, arm)
		}
		if e.Run == Paths {
			m.Pairs = append(m.Pairs, pairs(m.Arms, first)...)
		}
		m.Experiments = append(m.Experiments, results.Experiment{Name: e.Run, Blocks: e.Count, Note: e.method(), Exact: exact(cells)})
	}
	slices.Sort(m.Warnings)
	m.Warnings = slices.Compact(m.Warnings)
	return nil
}

// control is the group that the others are held against, where it is measured.
const control = "X25519"

func pairs(arms []results.ArmOf, first int) (all []results.Pair) {
	for i := first; i < len(arms); i++ {
		base := -1
		for k := first; k < len(arms); k++ {
			same := arms[i].Arm
			same.Group = arms[k].Arm.Group
			if same == arms[k].Arm && (base < 0 || arms[k].Arm.Group == control) {
				base = k
			}
		}
		if base != i {
			all = append(all, results.Pair{Arm: i, Base: base, Kind: "group"})
		}
	}
	return all
}

// resume takes over the finished cells of an earlier run with the same plan and seed.
func (r *run) resume(dir string) (records []results.Record, err error) {
	m, samples, trials, err := results.Load(dir)
	if err != nil {
		return nil, err
	}
	switch {
	case m.Complete:
		return nil, errors.New("that run is complete")
	case m.PlanText != r.manifest.PlanText || m.Seed != r.manifest.Seed:
		return nil, errors.New("that run had another plan or seed")
	case m.Versions.Commit != r.manifest.Versions.Commit || m.Versions.Go != r.manifest.Versions.Go:
		return nil, fmt.Errorf("that run was made with commit %s and %s: its numbers need not be those of this program", m.Versions.Commit, m.Versions.Go)
	}
	r.manifest.Warnings = append(r.manifest.Warnings, m.Warnings...) // of the cells that are kept
	slices.Sort(r.manifest.Warnings)
	r.manifest.Warnings = slices.Compact(r.manifest.Warnings)
	for i := range samples {
		records = append(records, results.Record{Sample: &samples[i]})
	}
	for i := range trials {
		r.kept[trials[i].Arm] = true
		records = append(records, results.Record{Trial: &trials[i]})
	}
	return records, nil
}

// measure gives the workers all jobs, and records each cell when it is whole.
func (r *run) measure(ctx context.Context, opts Options) (saved int, err error) {
	progress := opts.Progress
	if progress != nil {
		defer progress.Close()
	}
	for i := range r.plan.Experiments {
		jobs, of := r.jobs(i)
		saved += len(r.kept)
		if progress != nil {
			progress.Start(r.plan.Experiments[i].Run, len(jobs), nil)
		}
		err := pool(ctx, hireWorker, jobs, Workers(), func(job int, results []Result) error {
			c := &r.cells[of[job]]
			whole, err := r.take(c, jobs[job], results)
			if whole {
				saved++
			}
			if progress != nil {
				progress.Block()
			}
			return err
		})
		if progress != nil {
			progress.End()
		}
		if err != nil {
			return saved, err
		}
		r.manifest.Experiments[i].Done = r.manifest.Experiments[i].Blocks
	}
	return saved, nil
}

// jobs are an experiment's batches, and the cell of each.
func (r *run) jobs(experiment int) (jobs []Job, of []int) {
	e := &r.plan.Experiments[experiment]
	for k := range r.cells {
		c := &r.cells[k]
		if c.experiment != experiment || r.kept[c.arm] {
			continue
		}
		// Those who share a server are made together.
		size := max(1, batch/c.clients()) * c.clients()
		add := func(count int, requests []int) {
			for from := 0; from < count; from += size {
				jobs = append(jobs, Job{Cell: c.Cell, Seed: r.manifest.Seed, From: from, Count: min(size, count-from), Requests: requests})
				of = append(of, k)
			}
		}
		if e.Run == Silence {
			c.results = make([]Result, e.Count)
			add(e.Count, []int{silenceSize})
			continue
		}
		add(e.Count, nil)
		var sizes []int
		for _, s := range e.Requests {
			sizes = append(sizes, int(s))
		}
		c.results, c.requests = make([]Result, e.Count), make([]Result, e.RequestCount)
		add(e.RequestCount, sizes)
	}
	return jobs, of
}

// take puts a batch into its cell and records the cell when that was the last.
func (r *run) take(c *cellOf, job Job, batch []Result) (whole bool, err error) {
	into := c.results
	if len(job.Requests) > 0 && len(c.requests) > 0 {
		into = c.requests
	}
	copy(into[job.From:], batch)
	c.missing -= len(batch)
	if c.missing > 0 {
		return false, nil
	}
	defer func() { c.results, c.requests = nil, nil }()
	name := r.plan.Experiments[c.experiment].Run
	for i, result := range slices.Concat(c.results, c.requests) {
		if err := r.note(c, i%len(c.results), result); err != nil {
			return false, err
		}
	}
	for i, result := range c.results {
		sample, trial := record(result)
		if i < len(c.requests) {
			answered(trial.Values, c.requests[i])
			if name == Middleboxes && result.Class == "" && c.requests[i].Registered == 0 {
				trial.Values["unregistered"], sample.Detail = 1, c.requests[i].Detail
			}
		}
		if name == Silence {
			afterSilence(trial.Values, result)
		}
		sample.Experiment, sample.Arm, sample.Block = name, c.arm, i
		trial.Experiment, trial.Arm, trial.Block = name, c.arm, i
		for _, rec := range []results.Record{{Sample: &sample}, {Trial: &trial}} {
			if err := r.writer.Write(rec); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// mostEnded is how many trials of a run may end their workers before it is the program that is broken, and not a trial.
const mostEnded = 10

// note warns of a trial that ended its worker.
func (r *run) note(c *cellOf, trial int, x Result) error {
	if x.Ended == "" {
		return nil
	}
	r.ended++
	arm := r.manifest.Arms[c.arm]
	text := fmt.Sprintf("%s, %s: trial %d has no result, its worker ended: %s", arm.Experiment, arm.Arm, trial, x.Ended)
	if r.ended > mostEnded {
		return errors.New(text)
	}
	r.manifest.Warnings = append(r.manifest.Warnings, text)
	return nil
}

// method says in a few sentences what an experiment does, for the report.
func (e *Experiment) method() string {
	text := fmt.Sprintf("Real quic-go and TLS in virtual time, with cloudflared's QUIC settings: %d handshakes for each cell, over a path that exists in memory alone. "+
		"%s All groups of a cell meet the same losses, drawn for each trial, direction and datagram number. "+
		"A handshake that failed counts as longer than all others in a quantile, and with the time until it failed in a mean.", e.Count, e.computing())
	if e.Run == Silence {
		text += fmt.Sprintf(" Each trial is a tunnel of one connection that is left alone for %v after it was registered, and then asked for 1 kB.", time.Duration(e.Silence))
	}
	if e.RequestCount > 0 {
		text += fmt.Sprintf(" First requests go through %d new tunnels for each cell, from the edge to an origin behind the connector.", e.RequestCount)
	}
	return text
}

// computing says what it takes.
func (e *Experiment) computing() string {
	if e.cpu == nil {
		return "Computing takes no time here: these are network times only."
	}
	text := "Computing takes the CPU time that run " + e.cpu.From + " measured."
	if slices.Max(e.Clients) > 1 {
		text += fmt.Sprintf(" Clients that dial at the same instant wait for one of the server's %d cores, first come, first served.", max(1, e.Cores))
	}
	return text
}
