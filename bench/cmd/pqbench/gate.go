package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"pqbench/bench/gate"
	"pqbench/kex"
	"pqbench/results"
	"pqbench/results/export"
)

type gateCommand struct {
	Accept   string `placeholder:"REASON" help:"Make what was measured the baseline, and keep the reason in it."`
	Baseline string `default:"results/baseline" placeholder:"DIR" help:"Folder of the baselines."`
	Format   string `enum:"${findingformats}" default:"text" help:"What to print: ${enum}."`
}

// Help is printed below the flags.
func (gateCommand) Help() string {
	return `Examples:
  pqbench gate                                  exact numbers against results/baseline: any difference fails
  pqbench gate --accept "X25519MLKEM768 is preferred now"
  pqbench gate --format junit > gate.xml

Exit status: 0 nothing changed, or the versions of Go and quic-go are new; 99 something changed; 98 this build
cannot have all numbers of the baseline; 104 the baseline was edited.
In a GitHub workflow the step summary and annotations are written, too.`
}

// Run measures, judges and prints.
func (c *gateCommand) Run(ctx context.Context, o out) error {
	if err := kex.Fix(labProvider()); err != nil {
		return err
	}
	r, err := gate.Run(ctx, gate.Options{Dir: c.Baseline, Accept: c.Accept})
	if err != nil && !errors.Is(err, gate.ErrChanged) {
		return err
	}
	if tellErr := tell(o, c.Format, r.Findings); tellErr != nil {
		return errors.Join(err, tellErr)
	}
	if r.Accepted >= 0 {
		fmt.Fprintf(o.stderr, "accepted: %d numbers are new in %s; commit it\n", r.Accepted, r.Path)
	}
	if err != nil {
		fmt.Fprintf(o.stderr, "pqbench: %v\n", err)
		return verdict(exitRegressed)
	}
	if r.Accepted >= 0 || r.New {
		return nil
	}
	return statusOf(r.Findings.Verdict())
}

// tell prints findings in a format, and says them to GitHub where a workflow runs this.
func tell(o out, format string, f results.Findings) error {
	if err := export.Write(o.stdout, format, f); err != nil {
		return err
	}
	switch format {
	case "annotations", "summary":
		return nil // what GitHub shall read was asked for
	}
	return toGitHub(o, f)
}

// toGitHub says findings in the step summary, and as annotations, which GitHub reads from any output.
func toGitHub(o out, f results.Findings) error {
	if os.Getenv("GITHUB_ACTIONS") == "true" {
		if err := export.Annotations(o.stderr, f); err != nil {
			return err
		}
	}
	path := os.Getenv("GITHUB_STEP_SUMMARY")
	if path == "" {
		return nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write the step summary: %w", err)
	}
	return errors.Join(export.Summary(file, f), file.Close())
}
