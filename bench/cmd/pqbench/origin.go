package main

import (
	"context"
	"log/slog"
	"os"

	"pqbench/daemon"
)

type originCommand struct {
	Listen string `env:"PQBENCH_ORIGIN_LISTEN" default:"127.0.0.1:8080" help:"Where to serve HTTP."`
	logFlags
}

// Help is printed below the flags.
func (originCommand) Help() string {
	return `Serves /bytes/{n}, /echo, /sink, /delay/{d} and /stats: an application whose answers can be checked.

Example:
  pqbench origin --listen 127.0.0.1:8080`
}

func (c *originCommand) Run(ctx context.Context, o out) error {
	return c.logging(o, func(log *slog.Logger) error {
		return daemon.RunOrigin(ctx, daemon.OriginSettings{Listen: c.Listen}, log)
	})
}

// logFlags are the flags by which the daemons log.
type logFlags struct {
	LogLevel string `name:"loglevel" env:"PQBENCH_LOGLEVEL,TUNNEL_LOGLEVEL" default:"info" help:"debug, info, warn or error."`
	LogFile  string `name:"logfile" env:"PQBENCH_LOGFILE,TUNNEL_LOGFILE" placeholder:"FILE" help:"Log to this file, too, as JSON lines."`
	Output   string `short:"o" env:"PQBENCH_LOG_OUTPUT,TUNNEL_LOG_OUTPUT" default:"default" enum:"default,json" help:"Format of log lines: ${enum}."`
}

// logging runs a daemon with the logger that the flags ask for.
func (f logFlags) logging(o out, run func(*slog.Logger) error) error {
	color := isTerminal(o.stderr) && os.Getenv("NO_COLOR") == ""
	log, release, err := daemon.NewLogger(o.stderr, color, daemon.LogSettings{Level: f.LogLevel, Output: f.Output, File: f.LogFile})
	if err != nil {
		return badArguments{err}
	}
	defer release()
	return run(log)
}
