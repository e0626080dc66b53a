package main

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"pqbench/daemon"
)

type connectorCommand struct {
	Config string `type:"path" env:"PQBENCH_CONFIG,TUNNEL_CONFIG" placeholder:"FILE" help:"Configuration file, with cloudflared's keys. Flags and variables come before it."`
	daemon.ConnectorSettings
}

// Help is printed below the flags.
func (connectorCommand) Help() string {
	return `Works like cloudflared tunnel run: keeps connections to an edge and passes its requests to origins. Each flag is also a key of the configuration file.

Examples:
  pqbench connector --config demo/config.yml --url http://127.0.0.1:8080
  pqbench connector --config demo/config.yml --post-quantum --compat today
  pqbench connector --token-file demo/token --edge edge.example:7844 --cacert demo/ca.pem --url http://127.0.0.1:8080`
}

func (c *connectorCommand) Run(ctx context.Context, o out) error {
	var file *daemon.File
	if c.Config != "" {
		var err error
		if file, err = daemon.ReadFile(c.Config); err != nil {
			return badArguments{err}
		}
	}
	s := c.ConnectorSettings
	if file != nil {
		s = s.Or(file.ConnectorSettings)
	}
	return logFlags{s.LogLevel, s.LogFile, s.Output}.logging(o, func(log *slog.Logger) error {
		return daemon.RunConnector(ctx, c.ConnectorSettings, file, log)
	})
}

// postQuantumMapper reads --post-quantum, which may stand alone.
type postQuantumMapper struct{}

func (postQuantumMapper) IsBoolFromValue(reflect.Value) bool { return true }

func (postQuantumMapper) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	value := "true"
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		value = fmt.Sprint(ctx.Scan.Pop().Value)
	}
	p, err := daemon.ParsePostQuantum(value)
	if err != nil {
		return err
	}
	target.SetString(string(p))
	return nil
}

// withAliases spells out cloudflared's -pq, which no flag parser would tell from -p with the value q.
func withAliases(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		if rest, ok := strings.CutPrefix(a, "-pq"); ok && (rest == "" || rest[0] == '=') {
			a = "--post-quantum" + rest
		}
		out[i] = a
	}
	return out
}
