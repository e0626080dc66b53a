package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"pqbench/bench"
	"pqbench/kex"
	"pqbench/results/report"
)

type loadCommand struct {
	Rate       string         `short:"r" placeholder:"N[/s]" help:"Offered load: 50/s, 3000/m; two of them for a ramp or a staircase: 10/s..100/s."`
	Duration   *time.Duration `short:"d" placeholder:"TIME" help:"How long the load is offered, for each arm and block; default 10s, and 1s for each probe of --knee."`
	Arrivals   string         `default:"poisson" help:"How units of load come: poisson, constant, ramp, staircase, or trace=FILE with an instant a line."`
	Steps      int            `default:"5" help:"Of a staircase."`
	Phases     []string       `placeholder:"NAME=TIME@RATE" help:"Named stretches in place of --rate and --duration: low=10s@20/s,high=10s@50/s. One that is called warmup is left out of the numbers."`
	Warmup     time.Duration  `help:"Load in front, at the first rate, that is left out of the numbers."`
	Knee       bool           `xor:"loop" help:"Search for the highest rate whose p99 stays within --max-p99 (default 50ms) and of which --min-completed (99.9%) completes."`
	OpenLoop   bool           `xor:"loop" help:"Units start when the schedule says, whatever became of those before; latency runs from then. The default."`
	ClosedLoop bool           `xor:"loop" help:"Keep --connections in flight instead: how fast it can go."`

	Connections []int    `short:"c" placeholder:"N" help:"In flight at once, in a closed loop; default 8."`
	InFlight    int      `default:"256" help:"Units that may be in flight in an open loop; one on top is dropped and counted."`
	Requests    bool     `help:"Drive requests through tunnels, instead of handshakes."`
	Body        string   `default:"1KiB" help:"Of each answer to a request."`
	Groups      []string `help:"Named groups; default X25519 and X25519MLKEM768."`
	Policy      string   `placeholder:"NAME" help:"What a connector lists: strict (the group alone), or prefer (P-256 behind it)."`
	Providers   []string `help:"Who computes the KEMs: go, circl-asm, circl-generic; default go."`
	Cert        string   `default:"ecdsa-p256" help:"Kind of the local edge's certificate."`
	EdgeCores   []int    `placeholder:"N" help:"Processor cores for the edge; the generator has the others."`
	Procs       int      `default:"1" help:"Processes that the generator is spread over."`

	targetFlags `embed:""`
	thresholds  `embed:""`
	fleetFlags  `embed:""`

	Blocks int `default:"1" help:"Interleaved rounds of all arms; comparisons between arms need six."`

	Timeout time.Duration     `default:"5s" help:"Of one handshake or request."`
	Output  string            `short:"o" default:"results/runs" help:"Folder that run folders are made in."`
	Format  string            `default:"text" enum:"text,json,gobench" help:"What is printed: text, json (summary.json) or gobench."`
	Seed    uint64            `default:"1" help:"Seed of the schedule and the order of arms."`
	Label   map[string]string `help:"Note to keep with the run, k=v; repeatable."`
	Quiet   bool              `short:"q" help:"No progress."`
	NoColor bool              `help:"No colour in the tables (also NO_COLOR)."`

	given []string // the names of the flags on the command line
}

// Help is printed below the flags.
func (loadCommand) Help() string {
	return `Examples:
  pqbench load --rate 50/s -d 30s                         handshakes with a local edge, classical and post-quantum
  pqbench load --rate 10/s..500/s --arrivals staircase -d 50s --groups X25519MLKEM768
  pqbench load --requests --rate 2000/s --warmup 2s
  pqbench load --phases warmup=2s@50/s,low=10s@50/s,high=10s@400/s
  pqbench load --knee --max-p99 20ms --edge-cores 1       the highest rate within bounds
  pqbench load --closed-loop -c 8,64                      how fast it can go
  pqbench load --rate 20/s --target example.org:443 --alpn h3
  pqbench load --tunnels 100,200,400 --blocks 6           what an idle tunnel takes
  pqbench load --tunnels 200 --outage 5s --rate 50/s --admission none,cap-64
                                                          how a fleet returns after an outage
  pqbench load --rate 50/s --blocks 6 --max-p99 50ms      exit status 99 when it takes longer`
}

// Run runs the plan that the flags make.
func (c *loadCommand) Run(ctx context.Context, o out) error {
	plan, err := c.plan()
	if err != nil {
		return badArguments{err}
	}
	var progress bench.Progress
	if !c.Quiet {
		progress = newProgress(o.stderr)
	}
	dir, err := bench.Run(ctx, plan, bench.Options{Output: c.Output, Labels: c.Label, Progress: progress})
	if dir == "" {
		return err
	}
	if reportErr := c.show(dir, o); reportErr != nil {
		return errors.Join(err, fmt.Errorf("the run is in %s, but its report failed: %w", dir, reportErr))
	}
	if err != nil {
		return err
	}
	if c.Knee {
		return nil // the thresholds are what the search went by
	}
	return c.judge(dir)
}

// formats are the files of a run folder that --format prints.
var formats = map[string]string{"json": report.SummaryFile, "gobench": report.BenchFile}

// show writes the report, and prints its tables or a file of it.
func (c *loadCommand) show(dir string, o out) error {
	file, ok := formats[c.Format]
	if !ok {
		return show(dir, o, c.NoColor)
	}
	if err := report.Write(dir); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return err
	}
	_, err = o.stdout.Write(text)
	return err
}

// plan is one experiment, checked as one from a file would be.
func (c *loadCommand) plan() (*bench.Plan, error) {
	e := bench.Experiment{
		Run: "rate", Blocks: c.Blocks, Fresh: 3, Time: bench.Duration(c.duration()), Timeout: bench.Duration(c.Timeout),
		Load: bench.Load{Procs: c.Procs, EdgeCores: c.EdgeCores, Lead: bench.Duration(c.Warmup), InFlight: c.InFlight},
	}
	for name, n := range map[string]int{"--blocks": c.Blocks, "--in-flight": c.InFlight, "--procs": c.Procs, "--steps": c.Steps} {
		if n < 1 {
			return nil, fmt.Errorf("%s %d: want at least 1", name, n)
		}
	}
	if err := errors.Join(c.check(), c.checkMeant()); err != nil {
		return nil, err
	}
	if c.duration() <= 0 || c.Timeout <= 0 || c.Warmup < 0 {
		return nil, errors.New("--duration, --warmup and --timeout are times above zero, such as 300ms or 10s")
	}
	if len(c.Tunnels) > 0 {
		return c.fleetPlan()
	}
	if c.Requests {
		e.Drive, e.Conns = "requests", c.Conns
	}
	if c.Target == "" {
		e.Certs = []bench.Cert{bench.Cert(c.Cert)}
	}
	for _, step := range []func(*bench.Experiment) error{c.offers, c.schedule, c.at, c.body} {
		if err := step(&e); err != nil {
			return nil, err
		}
	}
	return onePlan("load", c.Seed, e)
}

// onePlan is a plan of one experiment, checked as one from a file would be.
func onePlan(name string, seed uint64, e bench.Experiment) (*bench.Plan, error) {
	p := &bench.Plan{Name: name, Seed: seed, Experiments: []bench.Experiment{e}}
	checked, err := bench.ParsePlan(name, []byte(p.Text()))
	if err != nil { // where in the plan it is says nothing to whoever gave flags
		return nil, errors.New(placeInPlan.ReplaceAllString(err.Error(), ""))
	}
	return checked, nil
}

var placeInPlan = regexp.MustCompile(`^plan "\w+": line \d+: \w+: `)

// duration is that of the load, or of a probe.
func (c *loadCommand) duration() time.Duration {
	switch {
	case c.Duration != nil:
		return *c.Duration
	case c.Knee:
		return time.Second
	}
	return 10 * time.Second
}

func (c *loadCommand) body(e *bench.Experiment) error {
	if !c.Requests {
		return nil
	}
	n, err := bench.ParseSize(c.Body)
	if err != nil {
		return fmt.Errorf("--body: %w", err)
	}
	e.Body = bench.Size(n)
	return nil
}

// offers are the groups, as the policy lists them.
func (c *loadCommand) offers(e *bench.Experiment) error {
	names := c.Groups
	if len(names) == 0 {
		names = []string{"X25519", "X25519MLKEM768"}
	}
	policy := kex.Strict
	if c.Policy != "" {
		var err error
		if policy, err = kex.ParsePolicy(c.Policy); err != nil {
			return fmt.Errorf("--policy: %w", err)
		}
	}
	for _, name := range names {
		g, err := kex.ByName(name)
		if err != nil {
			return fmt.Errorf("--groups: %w", err)
		}
		offer := bench.Offer{g}
		if g.Hybrid() {
			if offer, err = policy.Groups(g); err != nil {
				return fmt.Errorf("--policy: %w", err)
			}
		}
		e.Groups = append(e.Groups, offer)
	}
	for _, name := range c.Providers {
		p, err := kex.ParseProvider(name)
		if err != nil {
			return fmt.Errorf("--providers: %w", err)
		}
		e.Providers = append(e.Providers, bench.Provider(p))
	}
	return nil
}

func (c *loadCommand) at(e *bench.Experiment) (err error) {
	e.Target, err = c.target()
	return err
}

// schedule fills in when units of load start.
func (c *loadCommand) schedule(e *bench.Experiment) error {
	kind, file, isTrace := strings.Cut(c.Arrivals, "=")
	switch {
	case c.Knee:
		return c.knee(e)
	case c.ClosedLoop:
		if c.Rate != "" || len(c.Phases) > 0 {
			return errors.New("--closed-loop has no rate: leave --rate and --phases out")
		}
		e.Loop, e.Concurrency, e.InFlight = "closed", c.Connections, 0
		return nil
	case len(c.Connections) > 0:
		return errors.New("--connections is how many a --closed-loop keeps in flight; an open loop has --rate, and --in-flight as its limit")
	case kind == "trace":
		if !isTrace || file == "" || c.Rate != "" || len(c.Phases) > 0 {
			return errors.New("--arrivals trace=FILE takes the instants from the file: name one, and leave --rate and --phases out")
		}
		e.Arrivals, e.Trace = "trace", file
		return nil
	case len(c.Phases) > 0:
		e.Arrivals, e.Time = kind, 0
		return c.phases(e)
	case c.Rate == "":
		return errors.New("--rate is missing: how much to offer, such as 50/s (or --closed-loop)")
	}
	low, high, isRange := strings.Cut(c.Rate, "..")
	from, err := bench.ParseRate(low)
	if err != nil {
		return fmt.Errorf("--rate: %w", err)
	}
	to := from
	if isRange {
		if to, err = bench.ParseRate(high); err != nil {
			return fmt.Errorf("--rate: %w", err)
		}
	}
	return c.shape(e, kind, from, to, isRange)
}

// knee searches from --rate, within the thresholds.
func (c *loadCommand) knee(e *bench.Experiment) (err error) {
	if len(c.Phases) > 0 || c.Arrivals != "poisson" && c.Arrivals != "constant" {
		return errors.New("--knee chooses its rates itself: leave --phases out, and --arrivals is poisson or constant")
	}
	if err := c.only("--knee", "--max-p99", "--min-completed"); err != nil {
		return err
	}
	e.Run, e.Arrivals, e.Bounds.MaxP99 = "knee", c.Arrivals, bench.Duration(c.MaxP99)
	if e.Bounds.MinCompleted, err = c.minCompleted(); err != nil || c.Rate == "" {
		return err
	}
	if e.Bounds.From, err = bench.ParseRate(c.Rate); err != nil {
		return fmt.Errorf("--rate: %w", err)
	}
	return nil
}

// shape is a schedule from one rate to another.
func (c *loadCommand) shape(e *bench.Experiment, kind string, from, to bench.Rate, isRange bool) error {
	if kinds := []string{"poisson", "constant", "ramp", "staircase"}; !slices.Contains(kinds, kind) {
		return fmt.Errorf("--arrivals: unknown %q; one of %s, trace=FILE", kind, strings.Join(kinds, ", "))
	}
	steps := kind == "ramp" || kind == "staircase"
	if steps != isRange {
		return fmt.Errorf("--arrivals %s with --rate %s: a ramp and a staircase go from one rate to another, as 10/s..100/s, the others keep one", kind, c.Rate)
	}
	switch kind {
	case "poisson", "constant":
		e.Arrivals, e.Rates = kind, []bench.Rate{from}
	case "ramp":
		e.Arrivals, e.Time = "constant", 0
		e.Phases = []bench.Phase{{Name: "ramp", Time: bench.Duration(c.duration()), Rate: from, To: to}}
	case "staircase":
		e.Arrivals, e.Time = "constant", 0
		for i := range c.Steps {
			rate := from
			if c.Steps > 1 {
				rate += (to - from) * bench.Rate(i) / bench.Rate(c.Steps-1)
			}
			e.Phases = append(e.Phases, bench.Phase{Name: fmt.Sprintf("step-%d", i+1), Time: bench.Duration(c.duration() / time.Duration(c.Steps)), Rate: rate})
		}
	}
	return nil
}

// phases reads NAME=TIME@RATE, or @RATE..RATE.
func (c *loadCommand) phases(e *bench.Experiment) error {
	for _, text := range c.Phases {
		name, rest, ok := strings.Cut(text, "=")
		span, rates, also := strings.Cut(rest, "@")
		if !ok || !also {
			return fmt.Errorf("--phases: %q is no NAME=TIME@RATE, such as low=10s@50/s", text)
		}
		d, err := time.ParseDuration(span)
		if err != nil || d <= 0 {
			return fmt.Errorf("--phases: %s: %q is not a time above zero, such as 10s", name, span)
		}
		low, high, isRange := strings.Cut(rates, "..")
		p := bench.Phase{Name: name, Time: bench.Duration(d), Warmup: name == "warmup"}
		if p.Rate, err = bench.ParseRate(low); err == nil && isRange {
			p.To, err = bench.ParseRate(high)
		}
		if err != nil {
			return fmt.Errorf("--phases: %s: %w", name, err)
		}
		e.Phases = append(e.Phases, p)
	}
	return nil
}
