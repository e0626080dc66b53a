package main

type reportCommand struct {
	Run_    string `arg:"" name:"run" help:"A run folder." type:"existingdir"`
	Format  string `enum:"text,json,csv,gobench" default:"text" help:"What to print: ${enum}."`
	NoColor bool   `help:"No colour in the tables (also NO_COLOR)."`
}

// Help is printed below the flags.
func (reportCommand) Help() string {
	return `Examples:
  pqbench report results/runs/20261122T221500Z-standard
  pqbench report results/runs/20261122T221500Z-standard --format csv > rows.csv`
}
