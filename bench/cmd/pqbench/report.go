package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"pqbench/results/report"
)

type reportCommand struct {
	Folder  string `arg:"" name:"run" help:"A run folder."`
	Format  string `enum:"text,json,csv,gobench" default:"text" help:"What to print: ${enum}."`
	NoColor bool   `help:"No colour in the tables (also NO_COLOR)."`
}

// Help is printed below the flags.
func (reportCommand) Help() string {
	return `Examples:
  pqbench report results/runs/20261122T221500Z-standard
  pqbench report results/runs/20261122T221500Z-standard --format csv > rows.csv`
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
	if c.Format == "csv" {
		s, err := report.ReadSummary(c.Folder)
		if err != nil {
			return err
		}
		return report.WriteCSV(o.stdout, s)
	}
	file := map[string]string{"json": "summary.json", "gobench": "bench.txt"}[c.Format]
	text, err := os.ReadFile(filepath.Join(c.Folder, file))
	if err != nil {
		return err
	}
	_, err = o.stdout.Write(text)
	return err
}
