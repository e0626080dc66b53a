package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"pqbench/results"
	"pqbench/results/export"
	"pqbench/results/report"
)

type reportCommand struct {
	Folder  string `arg:"" name:"run" help:"A run folder."`
	Format  string `enum:"text,json,csv,gobench,${exportformats}" default:"text" help:"What to print: ${enum}."`
	NoColor bool   `help:"No colour in the tables (also NO_COLOR)."`
}

// Help is printed below the flags.
func (reportCommand) Help() string {
	return `Examples:
  pqbench report results/runs/20261122T221500Z-standard
  pqbench report results/runs/20261122T221500Z-standard --format csv > rows.csv
  pqbench report results/runs/20261122T221500Z-standard --format openmetrics > pqbench.prom

Formats: text; json (summary.json); csv; gobench (Go benchmark format); summary (Markdown for GITHUB_STEP_SUMMARY);
annotations (GitHub workflow commands); junit; openmetrics; gab-smaller and gab-bigger (github-action-benchmark);
bmf (Bencher Metric Format).`
}

// Run makes the folder's report again and prints it in one of the formats.
func (c *reportCommand) Run(o out) error {
	if _, err := os.Stat(c.Folder); errors.Is(err, fs.ErrNotExist) {
		return badArguments{err}
	}
	if c.Format == "text" {
		return show(c.Folder, o, c.NoColor)
	}
	if err := report.Write(c.Folder); err != nil {
		return err
	}
	if c.Format != "json" && c.Format != "gobench" {
		return c.export(o)
	}
	file := map[string]string{"json": "summary.json", "gobench": "bench.txt"}[c.Format]
	text, err := os.ReadFile(filepath.Join(c.Folder, file))
	if err != nil {
		return err
	}
	_, err = o.stdout.Write(text)
	return err
}

// export prints what is made from the summary.
func (c *reportCommand) export(o out) error {
	s, err := report.ReadSummary(c.Folder)
	if err != nil {
		return err
	}
	if c.Format == "csv" {
		return report.WriteCSV(o.stdout, s)
	}
	run, err := results.Open(c.Folder)
	if err != nil {
		return err
	}
	return export.Write(o.stdout, c.Format, export.OfRun(run.Manifest, s))
}
