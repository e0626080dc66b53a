package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"pqbench/bench"
	"pqbench/results/report"
	"pqbench/tunnel/cloudflared"
)

type runCommand struct {
	Plans  []string `arg:"" optional:"" name:"plan" help:"A plan's name (${plans}) or a path to a YAML file; default standard."`
	Output string   `short:"o" default:"results/runs" help:"Folder that run folders are made in."`
	Seed   uint64   `help:"Seed of the order of arms and of the resampling, instead of the plan's."`
	Groups []string `help:"Only these named groups of the plan."`
	// Connector is a map, so that another implementation can join.
	Connector   map[string]string `help:"A real connector to measure beside ours: cloudflared=/path/to/cloudflared (also PQBENCH_CLOUDFLARED)."`
	targetFlags `embed:""`
	Label       map[string]string `help:"Note to keep with the run, k=v; repeatable."`
	Quiet       bool              `short:"q" help:"No progress."`
	NoColor     bool              `help:"No colour in the tables (also NO_COLOR)."`
}

// Help is printed below the flags.
func (runCommand) Help() string {
	return `Examples:
  pqbench run                      the standard set, about four minutes on two cores
  pqbench run quick                a first look within a minute
  pqbench run overhead             the harness against a bare quic-go dial loop
  pqbench run cloudflared --connector cloudflared=/usr/bin/cloudflared
                                   our connector beside a real one
  pqbench run handshake --target example.org:443 --alpn h3
                                   a QUIC server of your own
  pqbench run my.yaml -o /tmp/runs --label ticket=17`
}

func (c *runCommand) Run(ctx context.Context, o out) error {
	if len(c.Plans) == 0 {
		c.Plans = []string{"standard"}
	}
	if err := c.connectors(); err != nil {
		return badArguments{err}
	}
	target, err := c.target()
	if err != nil {
		return badArguments{err}
	}
	var plans []*bench.Plan
	for _, name := range c.Plans {
		p, err := bench.OpenPlan(name) // all of them before the first one runs
		if err != nil {
			return badArguments{err}
		}
		if err := p.Only(c.Groups); err != nil {
			return badArguments{err}
		}
		if err := p.At(target); err != nil {
			return badArguments{err}
		}
		plans = append(plans, p)
	}
	alone, err := inside(plans)
	if err != nil {
		return badArguments{err}
	}
	for _, p := range plans {
		if ctx.Err() != nil {
			return bench.ErrInterrupted
		}
		if err := c.one(ctx, p, o, alone); err != nil {
			return err
		}
	}
	return nil
}

// connectors tells the roles where the real connectors are, by the variable that they read.
func (c *runCommand) connectors() error {
	for name, path := range c.Connector {
		if name != "cloudflared" {
			return fmt.Errorf("--connector %s: only cloudflared can be put beside ours, as cloudflared=/path/to/cloudflared", name)
		}
		if err := os.Setenv(cloudflared.Variable, path); err != nil {
			return err
		}
	}
	return nil
}

// inside runs the program again where there is only loopback when a plan needs a real cloudflared: that one looks
// names up when it starts. A host that does not allow it gets a warning for the report.
func inside(plans []*bench.Plan) (warnings []string, err error) {
	if !slices.ContainsFunc(plans, (*bench.Plan).RunsCloudflared) {
		// Named and not there is an error; not named at all leaves its arms out.
		if _, err := cloudflared.Path(); err != nil && !errors.Is(err, cloudflared.ErrNone) {
			return nil, err
		}
		return nil, nil
	}
	if err := cloudflared.Alone(); err != nil {
		return []string{"cloudflared ran with the network in reach, and may have looked names up: " + err.Error()}, nil
	}
	return nil, nil
}

func (c *runCommand) one(ctx context.Context, p *bench.Plan, o out, warnings []string) error {
	var progress bench.Progress
	if !c.Quiet {
		progress = newProgress(o.stderr)
	}
	dir, err := bench.Run(ctx, p, bench.Options{Output: c.Output, Seed: c.Seed, Labels: c.Label, Progress: progress, Warnings: warnings})
	if dir == "" {
		return err
	}
	if reportErr := show(dir, o, c.NoColor); reportErr != nil {
		err = errors.Join(err, fmt.Errorf("the run is in %s, but its report failed: %w", dir, reportErr))
	}
	return err
}

// show writes the report of a run folder and prints its tables.
func show(dir string, o out, noColor bool) error {
	if err := report.Write(dir); err != nil {
		return err
	}
	options := report.Options{Color: !noColor && os.Getenv("NO_COLOR") == "" && isTerminal(o.stdout), Width: width(o.stdout)}
	if err := report.Print(o.stdout, dir, options); err != nil {
		return err
	}
	_, err := fmt.Fprintf(o.stdout, "\n%s/report.html\n", strings.TrimSuffix(dir, "/"))
	return err
}

// width is that of the terminal in columns; 0 when it does not say, as that of a bare pseudo-terminal.
func width(w any) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
