package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pqbench/results"
	"pqbench/results/history"
	"pqbench/results/report"
	"pqbench/results/stats"
)

type historyCommand struct {
	Show historyShow `cmd:"" default:"withargs" help:"The trend of every metric, and where it changed (default)."`
	Add  historyAdd  `cmd:"" help:"Append a run's numbers to the history, a line for each."`
}

type historyAdd struct {
	Runs []string `arg:"" name:"run" help:"Run folders."`
	File string   `default:"results/history.jsonl" help:"The history: JSON lines, to be kept in git."`
}

// Run appends.
func (c *historyAdd) Run(o out) error {
	for _, dir := range c.Runs {
		run, err := results.Open(dir)
		if err != nil {
			return badArguments{err}
		}
		s, err := report.ReadSummary(dir)
		if err != nil {
			return badArguments{err}
		}
		lines, err := history.Lines(filepath.Base(filepath.Clean(dir)), run.Manifest, s)
		if err != nil {
			return badArguments{err}
		}
		if err := history.Append(c.File, lines); err != nil {
			return badArguments{err}
		}
		fmt.Fprintf(o.stdout, "%s: %d numbers of %s, commit %s\n", c.File, len(lines), lines[0].Run, lines[0].Commit)
		if lines[0].Dirty {
			fmt.Fprintln(o.stderr, "warning: the run was of a tree with changes: no commit names what ran")
		}
	}
	return nil
}

type historyShow struct {
	File       string   `default:"results/history.jsonl" help:"The history."`
	Experiment []string `help:"Only these experiments."`
	Metric     []string `help:"Only these metrics."`
	Groups     []string `help:"Only these named groups."`
	MixHosts   bool     `help:"Put the runs of all hosts into one series. Their levels differ: use it for what does not depend on the host."`
	Recent     int      `default:"10" placeholder:"N" help:"A change within so many runs counts as one of now."`
	P          float64  `default:"0.0001" placeholder:"P" help:"The p-value that a change point has to reach."`
	Magnitude  float64  `default:"0" placeholder:"X" help:"The least change, in per cent."`
	All        bool     `help:"Show series without a change, too."`
	Plot       string   `placeholder:"DIR" help:"Draw each series that is shown, SVG and PNG."`
	Format     string   `enum:"${findingformats}" default:"text" help:"What to print: ${enum}."`
	Fail       bool     `help:"Exit with 99 when a recent change is a regression."`
}

// Help is printed below the flags.
func (historyShow) Help() string {
	return `Examples:
  pqbench history add results/runs/20261122T221500Z-standard
  pqbench history                                  what changed, at which commit, by how much
  pqbench history --metric total_cpu --all --plot trends
  pqbench history --fail --format summary          for a scheduled job`
}

// Run reads, searches and prints.
func (c *historyShow) Run(o out) error {
	lines, err := c.lines()
	if err != nil {
		return badArguments{err}
	}
	f, all := history.Findings(lines, history.Options{Recent: c.Recent, MixHosts: c.MixHosts,
		Divisive: stats.DivisiveOptions{P: c.P, Magnitude: c.Magnitude / 100}})
	if err := c.print(o, f, all); err != nil {
		return err
	}
	if err := c.plot(o, all); err != nil {
		return err
	}
	if n := f.Count(results.VerdictRegressed); c.Fail && n > 0 {
		fmt.Fprintf(o.stderr, "pqbench: %d metrics regressed within the last %d runs\n", n, c.Recent)
		return verdict(exitRegressed)
	}
	return nil
}

// lines are those of the history that are asked for. Asking for what is not there is an error.
func (c *historyShow) lines() ([]history.Line, error) {
	if c.Recent < 1 || c.P <= 0 || c.P >= 1 || c.Magnitude < 0 {
		return nil, errors.New("--recent must be at least 1, --p between 0 and 1, and --magnitude not negative")
	}
	lines, err := history.Open(c.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: start one with pqbench history add RUN", err)
	}
	if err != nil {
		return nil, err
	}
	for _, filter := range []struct {
		flag string
		want []string
		of   func(history.Line) string
	}{
		{"--experiment", c.Experiment, func(l history.Line) string { return l.Experiment }},
		{"--metric", c.Metric, func(l history.Line) string { return l.Metric }},
		{"--groups", c.Groups, func(l history.Line) string { return l.Arm.Group }},
	} {
		if len(filter.want) == 0 {
			continue
		}
		lines = slices.DeleteFunc(lines, func(l history.Line) bool { return !slices.Contains(filter.want, filter.of(l)) })
		if len(lines) == 0 {
			return nil, fmt.Errorf("%s %s: the history %s has nothing of it", filter.flag, strings.Join(filter.want, ","), c.File)
		}
	}
	return lines, nil
}

func (c *historyShow) print(o out, f results.Findings, all []history.Analysis) error {
	if c.Format != "text" {
		return tell(o, c.Format, f)
	}
	for _, warning := range f.Warnings {
		if _, err := fmt.Fprintln(o.stdout, "warning: "+warning); err != nil {
			return err
		}
	}
	if err := history.WriteTable(o.stdout, all, c.All); err != nil {
		return err
	}
	return toGitHub(o, f)
}

// plot draws what the table shows.
func (c *historyShow) plot(o out, all []history.Analysis) error {
	if c.Plot == "" {
		return nil
	}
	if err := os.MkdirAll(c.Plot, 0o755); err != nil {
		return err
	}
	for i, a := range all {
		if !c.All && len(a.Changes) == 0 && !a.Beyond() {
			continue
		}
		svg, png, err := report.Trend(a)
		if err != nil {
			return err
		}
		name := filepath.Join(c.Plot, fmt.Sprintf("%03d-%s-%s", i+1, a.Lines[0].Experiment, a.Lines[0].Metric))
		if err := errors.Join(os.WriteFile(name+".svg", svg, 0o644), os.WriteFile(name+".png", png, 0o644)); err != nil {
			return err
		}
		fmt.Fprintln(o.stderr, name+".svg")
	}
	return nil
}
