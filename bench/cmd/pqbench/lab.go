package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"pqbench/bench"
	"pqbench/bench/lab"
	"pqbench/bench/lab/link"
	"pqbench/kex"
	"pqbench/tunnel/ca"
)

type labCommand struct {
	Plan string `arg:"" optional:"" help:"A lab plan's name (${labplans}) or a path to a YAML file; default lab, unless flags name a path."`

	Groups    []string          `help:"Named groups; default all of this build."`
	RTT       []string          `name:"rtt" help:"Round trips: 0,20ms,100ms."`
	Loss      []string          `help:"Shares of lost datagrams, each way: 0,1%,5%."`
	LossModel string            `help:"iid, or gilbert-elliott(p,r) in place of --loss: bursts."`
	Profile   []string          `help:"Named paths in place of --rtt and --loss: lan, cable, lte-m, 5g, geo, ..."`
	Rate      string            `help:"bit/s each way, such as 1Mbit; default infinite."`
	Queue     string            `help:"Bytes that may wait for the rate, such as 64KiB."`
	MTU       *int              `name:"mtu" placeholder:"BYTES" help:"UDP payload that passes, bytes."`
	Jitter    string            `help:"Uniform delay on top, such as 5ms."`
	Reorder   float64           `help:"Share of datagrams that later ones overtake."`
	Down      map[string]string `help:"What differs from the server to the client: delay=30ms,loss=1%,rate=5Mbit,..." mapsep:","`
	Middlebox []string          `help:"What stands on the path: none, drop-split-client-hello, limit-size(1280), ..."`
	Policy    []string          `help:"What stands beside a hybrid: strict, prefer."`
	Accept    string            `help:"What the edge accepts: all, pq, classical, or groups."`
	Cert      string            `help:"Kind of the edge's certificate."`
	Count     *int              `short:"n" placeholder:"N" help:"Trials of each cell."`
	Requests  []string          `help:"Sizes of first requests through new tunnels: 1kB,100kB."`

	CPU         string `name:"cpu" placeholder:"measured|FOLDER" help:"What computing takes: the CPU time that this machine is measured to spend first (half a minute), or that an earlier run's folder has; default nothing."`
	Clients     []int  `placeholder:"N" help:"Numbers of clients that dial at the same instant, with --cpu: 1,100."`
	ServerCores int    `placeholder:"K" help:"Cores of the server that they wait for, with --cpu; default 1."`

	Output  string            `short:"o" default:"results/runs" help:"Folder that run folders are made in."`
	Resume  string            `placeholder:"FOLDER" help:"Keep the finished cells of an interrupted run of the same plan."`
	Seed    uint64            `help:"Seed of all losses, instead of the plan's."`
	Label   map[string]string `help:"Note to keep with the run, k=v; repeatable."`
	Quiet   bool              `short:"q" help:"No progress."`
	NoColor bool              `help:"No colour in the tables (also NO_COLOR)."`
}

// Help is printed below the flags.
func (labCommand) Help() string {
	return `Examples:
  pqbench lab                                             the standard lab: every group, path and middlebox
  pqbench lab lab-quick                                   a first look within a minute
  pqbench lab --groups X25519,X25519MLKEM768 --rtt 100ms --loss 0,5% -n 200
  pqbench lab --profile lte-m,geo --requests 1kB
  pqbench lab --rtt 28ms --rate 1Mbit --down rate=5Mbit   two ways that differ
  pqbench lab --rtt 20ms --cpu measured --clients 1,200   and what computing adds, alone and in a crowd
  pqbench lab --resume results/runs/20260301T120000Z-lab

Lab numbers are network time only, unless --cpu adds what computing was measured to take.`
}

// Run runs a plan, or the one that the flags make.
func (c *labCommand) Run(ctx context.Context, o out) error {
	if err := kex.Fix(labProvider()); err != nil {
		return err
	}
	plan, err := c.plan()
	if err != nil {
		return badArguments{err}
	}
	var progress bench.Progress
	if !c.Quiet {
		progress = newProgress(o.stderr)
	}
	if c.CPU == "" && (c.Clients != nil || c.ServerCores != 0) {
		return badArguments{errors.New("--clients and --server-cores matter where computing takes time: add --cpu measured, or a run's folder")}
	}
	if c.CPU != "" {
		if err := c.charge(ctx, plan, progress); err != nil {
			return err
		}
	}
	dir, err := lab.Run(ctx, plan, lab.Options{Output: c.Output, Seed: c.Seed, Labels: c.Label, Progress: progress, Resume: c.Resume})
	if dir == "" {
		return err
	}
	if reportErr := show(dir, o, c.NoColor); reportErr != nil {
		err = errors.Join(err, fmt.Errorf("the run is in %s, but its report failed: %w", dir, reportErr))
	}
	return err
}

// labProvider is who computes the KEMs. It makes no difference to a network time, but only CIRCL has the Draft00 groups.
func labProvider() kex.Provider {
	if kex.Overlay {
		return kex.CIRCLAsm
	}
	return kex.Go
}

// plan is the named one, with the flags in place of what it says; or one of a single experiment, when flags alone are given.
func (c *labCommand) plan() (*lab.Plan, error) {
	switch {
	case c.Plan != "" && c.flags():
		return nil, errors.New("a plan says it all: leave the flags out, or the plan")
	case c.Plan != "":
		return lab.OpenPlan(c.Plan)
	case !c.flags():
		return lab.OpenPlan("lab")
	}
	e := lab.Experiment{
		Run: lab.Paths, Groups: c.Groups, Profiles: c.Profile, Loss: c.Loss, Reorder: c.Reorder,
		Middleboxes: c.Middlebox, Policies: c.Policy, Accept: c.Accept, Cert: c.Cert,
	}
	if len(c.Middlebox) > 0 || len(c.Policy) > 1 {
		e.Run = lab.Middleboxes
	}
	if err := c.values(&e); err != nil {
		return nil, err
	}
	p := &lab.Plan{Name: "lab", Seed: 1, Experiments: []lab.Experiment{e}}
	if c.CPU != "" {
		return p, nil // it is not complete without its costs, see charge
	}
	return p, p.Complete()
}

// charge gives the plan what computing costs: measured now, or by an earlier run.
func (c *labCommand) charge(ctx context.Context, plan *lab.Plan, progress bench.Progress) error {
	for i := range plan.Experiments {
		e := &plan.Experiments[i]
		e.Clients, e.Cores = append(e.Clients, c.Clients...), max(e.Cores, c.ServerCores)
	}
	dir := c.CPU
	if dir == "measured" {
		costs, err := bench.OpenPlan("cpu")
		if err != nil {
			return err
		}
		if dir, err = bench.Run(ctx, costs, bench.Options{Output: c.Output, Progress: progress}); err != nil {
			return fmt.Errorf("measure what computing costs: %w", err)
		}
	}
	costs, err := lab.ReadCosts(dir, cmp.Or(plan.Experiments[0].Cert, ca.ECDSAP256))
	if err != nil {
		return badArguments{fmt.Errorf("--cpu: %w", err)}
	}
	plan.CPU = costs
	if err := plan.Complete(); err != nil {
		return badArguments{err}
	}
	return nil
}

// flags reports whether any is given that says what to do; what computing costs goes with a plan, too. A list that is given and empty is one that is given.
func (c *labCommand) flags() bool {
	for _, list := range [][]string{c.Groups, c.RTT, c.Loss, c.Profile, c.Middlebox, c.Policy, c.Requests} {
		if list != nil {
			return true
		}
	}
	return c.LossModel != "" || c.Rate != "" || c.Queue != "" || c.MTU != nil || c.Jitter != "" || c.Reorder != 0 || len(c.Down) > 0 ||
		c.Accept != "" || c.Cert != "" || c.Count != nil
}

// values reads the flags that are more than text.
func (c *labCommand) values(e *lab.Experiment) error {
	if c.LossModel != "" && c.LossModel != "iid" {
		if len(e.Loss) > 0 {
			return errors.New("--loss-model says how much is lost, too: leave --loss out")
		}
		e.Loss = []string{c.LossModel}
	}
	down, err := lab.ParseWay(c.Down)
	if err != nil {
		return fmt.Errorf("--down: %w", err)
	}
	e.Down = down
	for _, text := range c.RTT {
		span, err := lab.ParseSpan(text)
		if err != nil {
			return fmt.Errorf("--rtt: %w", err)
		}
		e.RTT = append(e.RTT, span)
	}
	for name, n := range map[string]struct{ given, to *int }{"-n": {c.Count, &e.Count}, "--mtu": {c.MTU, &e.MTU}} {
		if n.given != nil {
			if *n.to = *n.given; *n.to < 1 {
				return fmt.Errorf("%s %d: want more than none", name, *n.to)
			}
		}
	}
	if c.RTT != nil && len(c.RTT) == 0 {
		return errors.New("--rtt: the list is empty: name at least one, or leave it out")
	}
	if c.Rate != "" {
		rate, err := link.ParseRate(c.Rate)
		if err != nil {
			return fmt.Errorf("--rate: %w", err)
		}
		e.Rate = lab.Rate(rate)
	}
	if c.Queue != "" {
		queue, err := link.ParseQueue(c.Queue)
		if err != nil {
			return fmt.Errorf("--queue: %w", err)
		}
		e.Queue = lab.Queue(queue)
	}
	for _, text := range c.Requests {
		n, err := bench.ParseSize(text)
		if err != nil {
			return fmt.Errorf("--requests: %w", err)
		}
		e.Requests = append(e.Requests, bench.Size(n))
	}
	if c.Jitter != "" {
		d, err := time.ParseDuration(c.Jitter)
		if err != nil {
			return fmt.Errorf("--jitter: %w", err)
		}
		e.Jitter = bench.Duration(d)
	}
	return nil
}

// labWorkerCommand is a process of a lab run: it makes trials until its standard input ends.
type labWorkerCommand struct {
	Provider string `arg:""`
}

// Run does not return.
func (c *labWorkerCommand) Run() error {
	provider, err := kex.ParseProvider(c.Provider)
	if err != nil {
		return badArguments{err}
	}
	if err := kex.Fix(provider); err != nil {
		return err
	}
	lab.Serve()
	return nil
}
