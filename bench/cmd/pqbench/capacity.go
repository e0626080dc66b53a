package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"pqbench/bench"
	"pqbench/bench/capacity"
	"pqbench/kex"
)

type capacityCommand struct {
	File string `arg:"" optional:"" name:"target" help:"A YAML file with the fields of a target, by the names of the flags; flags go before it."`

	Tunnels       string `placeholder:"N" help:"Tunnels, one connector each."`
	Rps           string `name:"rps" placeholder:"N" help:"Requests a second through all of them."`
	Egress        string `placeholder:"RATE" help:"Response bodies to eyeballs, such as 40Gbit."`
	RecoverWithin string `placeholder:"TIME" help:"How soon connections must be back after an outage; default 1m."`
	RecoverShare  string `placeholder:"SHARE" help:"How many of them; default 99%."`
	Outage        string `placeholder:"TIME" help:"How long the edge is away; default 10s."`
	CoresPerHost  string `placeholder:"N" help:"Cores of a host; default 16."`
	MemoryPerHost string `placeholder:"SIZE" help:"Memory of a host; default 64GiB."`
	Nic           string `name:"nic" placeholder:"RATE" help:"Network of a host, each way; default 25Gbit."`
	Headroom      string `placeholder:"SHARE" help:"What stays free of each in normal operation; default 30%."`
	Connections   string `placeholder:"N" help:"Connections of a tunnel; default 4."`
	Keepalive     string `placeholder:"TIME" help:"PING period of an idle connection; default 1s."`
	Idle          string `placeholder:"TIME" help:"Idle time-out of a connection; default 5s."`
	RTT           string `name:"rtt" placeholder:"TIME" help:"Round trip between connectors and edge; default 30ms."`
	Loss          string `placeholder:"SHARE" help:"Datagrams lost, each way; default 0%."`
	Group         string `placeholder:"NAMES" help:"Named groups to compare, the control first; default X25519,X25519MLKEM768."`

	Run_    []string `name:"run" placeholder:"FOLDER" help:"Take unit costs from this run; repeatable. Without it they are measured."`
	Output  string   `short:"o" placeholder:"FOLDER" help:"Where capacity.md, capacity.json and plots go; default the (first) run's folder."`
	Runs    string   `default:"results/runs" placeholder:"FOLDER" help:"Where a run that is measured goes."`
	Format  string   `enum:"text,json" default:"text" help:"What to print: ${enum}."`
	Seed    uint64   `default:"1" help:"Of all draws and of the simulation."`
	Quiet   bool     `short:"q" help:"No progress."`
	NoColor bool     `hidden:"" help:"Accepted as elsewhere; there is no colour."`
}

// Help is printed below the flags.
func (capacityCommand) Help() string {
	return `Examples:
  pqbench capacity --tunnels 1000000 --rps 200000 --egress 40Gbit --recover-within 60s
                                   measure unit costs and storms here (a quarter of an hour), then say what is needed
  pqbench capacity --tunnels 100000 --run results/runs/20261122T221500Z-standard
  pqbench capacity target.yaml --cores-per-host 32 --headroom 20% --format json

A target file has one field a line, by the names of the flags:
  tunnels: 1000000
  rps: 200000
  egress: 40Gbit
  recover-within: 60s

A cost that no run has measured refuses its dimension; nothing is guessed.`
}

// Run reads or measures costs, computes and prints.
func (c *capacityCommand) Run(ctx context.Context, o out) error {
	target, err := c.target()
	if err != nil {
		return badArguments{err}
	}
	folders := c.Run_
	if len(folders) == 0 {
		dir, err := c.measure(ctx, &target, o)
		if err != nil {
			return err
		}
		folders = []string{dir}
	}
	for _, dir := range folders {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return badArguments{fmt.Errorf("--run: %w", err)}
		}
	}
	measured, err := capacity.Read(folders, &target)
	if err != nil {
		return badArguments{err}
	}
	if !c.Quiet {
		fmt.Fprintf(o.stderr, "computing what %d tunnels need, storms of that size included\n", target.Tunnels)
	}
	plan, err := capacity.Compute(ctx, target, measured)
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w (the measurements are in %v)", bench.ErrInterrupted, folders)
	}
	if err != nil {
		return err
	}
	return c.show(plan, cmp.Or(c.Output, folders[0]), o)
}

// target is what file and flags say together.
func (c *capacityCommand) target() (capacity.Target, error) {
	t := capacity.DefaultTarget()
	t.Seed = c.Seed
	if c.File != "" {
		if err := t.ReadFile(c.File); err != nil {
			return t, err
		}
	}
	for _, f := range []struct{ name, text string }{
		{"tunnels", c.Tunnels}, {"rps", c.Rps}, {"egress", c.Egress}, {"recover-within", c.RecoverWithin}, {"recover-share", c.RecoverShare},
		{"outage", c.Outage}, {"cores-per-host", c.CoresPerHost}, {"memory-per-host", c.MemoryPerHost}, {"nic", c.Nic}, {"headroom", c.Headroom},
		{"connections", c.Connections}, {"keepalive", c.Keepalive}, {"idle", c.Idle}, {"rtt", c.RTT}, {"loss", c.Loss}, {"group", c.Group},
	} {
		if f.text == "" {
			continue
		}
		if err := t.Set(f.name, f.text); err != nil {
			return t, fmt.Errorf("--%w", err)
		}
	}
	return t, t.Check()
}

// costPlan is the plan capacity with what the target has: its groups, and for what fleets cost its timers and connections.
// One provider computes all KEMs: Go's, or CIRCL where Go has not all of them.
func costPlan(t *capacity.Target) (*bench.Plan, error) {
	p, err := bench.OpenPlan("capacity")
	if err != nil {
		return nil, err
	}
	var offers []bench.Offer
	var providers []bench.Provider
	for _, name := range t.Groups {
		g, err := kex.ByName(name)
		if err != nil {
			return nil, err
		}
		if g.Hybrid() && g.InTLS(kex.Go) != nil {
			providers = []bench.Provider{bench.Provider(kex.CIRCLAsm)}
		}
		offers = append(offers, bench.Offer{g})
	}
	for i := range p.Experiments {
		e := &p.Experiments[i]
		e.Groups, e.Control = offers, nil
		if providers != nil {
			e.Providers = providers
		}
		if e.Run == "fleet" || e.Run == "storm" {
			e.Timers, e.Conns = []bench.Timers{{KeepAlive: t.KeepAlive, Idle: t.Idle}}, t.Connections
		}
		if e.Run == "fleet" {
			e.Time = max(e.Time, bench.Duration(2*t.KeepAlive)) // what is idle is counted over two periods
		}
	}
	return bench.ParsePlan(p.Name, []byte(p.Text()))
}

// measure runs it.
func (c *capacityCommand) measure(ctx context.Context, t *capacity.Target, o out) (string, error) {
	p, err := costPlan(t)
	if err != nil {
		return "", err
	}
	var progress bench.Progress
	if !c.Quiet {
		progress = newProgress(o.stderr)
	}
	dir, err := bench.Run(ctx, p, bench.Options{Output: c.Runs, Progress: progress})
	if err != nil && dir != "" {
		return "", fmt.Errorf("%w: %s", err, dir)
	}
	return dir, err
}

func (c *capacityCommand) show(plan *capacity.Plan, dir string, o out) error {
	write, last := plan.WriteText, fmt.Sprintf("\n%s/%s\n", dir, capacity.MarkdownFile)
	if c.Format == "json" {
		write, last = plan.WriteJSON, ""
	}
	if err := write(o.stdout); err != nil {
		return err
	}
	if err := plan.Write(dir); err != nil { // what was computed stands on the terminal all the same
		return fmt.Errorf("%w (choose another folder with -o)", err)
	}
	_, err := io.WriteString(o.stdout, last)
	return err
}
