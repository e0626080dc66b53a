package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pqbench/bench/compare"
	"pqbench/results"
)

type compareCommand struct {
	Base string `arg:"" optional:"" help:"A git revision, a pqbench binary, a run folder, or . for the working tree."`
	Head string `arg:"" optional:"" help:"Another one."`

	Replace    map[string]string `placeholder:"MODULE=DIR" help:"Build the head with a folder in place of a module; the head is then the base's revision."`
	Go         string            `placeholder:"GOROOT" help:"Build the head with another Go installation."`
	Budget     time.Duration     `default:"5m" help:"Time to measure, builds not included."`
	Thresholds string            `placeholder:"FILE" help:"YAML with what is measured and what counts as a difference, in place of the default."`
	Seed       uint64            `default:"1" help:"Seed of the order of arms."`
	Cache      string            `placeholder:"DIR" help:"Folder that revisions are built in; default in the user's cache."`
	Output     string            `short:"o" default:"results/runs" help:"Folder that run folders are made in."`
	Label      map[string]string `help:"Note to keep with the run, k=v; repeatable."`
	Format     string            `enum:"${findingformats}" default:"text" help:"What to print: ${enum}."`
	Quiet      bool              `short:"q" help:"No progress."`

	SelfTest     bool          `help:"Measure the gate itself: false alarms, and what it finds of known slowdowns."`
	SelfTestFor  time.Duration `default:"1h" help:"How long the self-test records; an interrupted one goes on where it stopped."`
	SelfTestLive int           `default:"2" placeholder:"N" help:"Comparisons of the self-test that are made live and not drawn, each of --budget."`
}

// Help is printed below the flags.
func (compareCommand) Help() string {
	return `Examples:
  pqbench compare origin/main .                two revisions, the head a working tree
  pqbench compare v1.2.0 HEAD --budget 1m      finds 5 % within a minute
  pqbench compare old/pqbench new/pqbench      two binaries
  pqbench compare . --replace github.com/quic-go/quic-go=../quic-go
                                               a changed QUIC stack under the same benchmark
  pqbench compare . --go /usr/local/go1.27     another toolchain
  pqbench compare results/runs/A results/runs/B
  pqbench compare --self-test --self-test-for 10m
                                               false alarms and detections of this gate on this host

Exit status: 0 nothing regressed; 99 something did, and again when it was measured a second time;
98 inconclusive: more time, or a quieter host, would tell.`
}

// Run compares and prints the verdicts.
func (c *compareCommand) Run(ctx context.Context, o out) error {
	plan, err := compare.OpenPlan(c.Thresholds)
	if err != nil {
		return badArguments{err}
	}
	progress := c.progress(o)
	if c.SelfTest {
		return c.selfTest(ctx, o, plan, progress)
	}
	options := compare.Options{
		Base: c.Base, Head: c.Head, Toolchain: compare.Toolchain{GOROOT: c.Go, Replace: c.Replace}, Plan: plan,
		Budget: c.Budget, Seed: c.Seed, Cache: c.Cache, Output: c.Output, Labels: c.Label, Progress: progress,
	}
	dir, findings, err := compare.Run(ctx, options)
	if len(findings.Findings) > 0 {
		if tellErr := tell(o, c.Format, findings); tellErr != nil {
			return errors.Join(err, tellErr)
		}
	}
	if dir != "" && !c.Quiet {
		fmt.Fprintf(o.stderr, "%s/%s\n", dir, compare.FindingsFile)
	}
	if err != nil {
		return err
	}
	return statusOf(findings.Verdict())
}

// progress prints lines with the time since the start.
func (c *compareCommand) progress(o out) func(string) {
	if c.Quiet {
		return nil
	}
	start := time.Now()
	return func(line string) {
		_, _ = fmt.Fprintf(o.stderr, "compare: %s (%v)\n", line, time.Since(start).Round(time.Second))
	}
}

// selfTest measures the gate.
func (c *compareCommand) selfTest(ctx context.Context, o out, plan compare.Plan, progress func(string)) error {
	if c.Base != "" || c.Head != "" || c.Go != "" || len(c.Replace) > 0 {
		return badArguments{errors.New("--self-test compares this program with itself: leave base, head, --replace and --go out")}
	}
	report, err := compare.SelfTest{
		For: c.SelfTestFor, Budget: c.Budget, Live: c.SelfTestLive, Seed: c.Seed, Plan: plan, Output: c.Output, Progress: progress,
	}.Run(ctx)
	if len(report.Rows) > 0 {
		err = errors.Join(err, report.Write(o.stdout))
	}
	if err != nil {
		return err
	}
	return statusOf(report.Verdict())
}

// statusOf is a verdict as an exit status.
func statusOf(v string) error {
	switch v {
	case results.VerdictRegressed:
		return verdict(exitRegressed)
	case results.VerdictInconclusive:
		return verdict(exitInconclusive)
	}
	return nil
}
