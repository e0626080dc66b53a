package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pqbench/bench"
)

type soakCommand struct {
	Duration time.Duration `short:"d" default:"30m" help:"How long tunnels come and go."`
	Tunnels  int           `default:"8" help:"That come and go in each round."`
	Seed     uint64        `default:"1" help:"Seed of the waits and of the resampling."`
	Quiet    bool          `short:"q" help:"No progress."`
}

// Help is printed below the flags.
func (soakCommand) Help() string {
	return `Exit status 99 when goroutines, descriptors or heap grow at either end.

Examples:
  pqbench soak
  pqbench soak -d 5m --tunnels 32`
}

// Run soaks and prints what both ends hold.
func (c *soakCommand) Run(ctx context.Context, o out) error {
	if c.Duration <= 0 || c.Tunnels < 1 {
		return badArguments{errors.New("--duration is a time above zero, and --tunnels at least 1")}
	}
	options := bench.SoakOptions{Time: c.Duration, Tunnels: c.Tunnels, Seed: c.Seed}
	if begun := time.Now(); !c.Quiet && isTerminal(o.stderr) {
		options.Round = func(n int) {
			fmt.Fprintf(o.stderr, "\rsoak: %d rounds, %v of %v ", n, time.Since(begun).Round(time.Second), c.Duration)
		}
	}
	vitals, err := bench.Soak(ctx, options)
	if len(vitals) > 0 {
		if writeErr := bench.WriteSoak(o.stdout, vitals); writeErr != nil {
			return writeErr
		}
	}
	switch {
	case ctx.Err() != nil && len(vitals) > 0:
		return soakInterrupted("interrupted; the table is of the rounds until then")
	case ctx.Err() != nil:
		return soakInterrupted("interrupted before there were rounds enough to judge")
	}
	return err
}

// soakInterrupted is an interrupt of a soak, which has no folder to save anything in.
type soakInterrupted string

func (s soakInterrupted) Error() string { return string(s) }

// Is makes it an interrupt.
func (soakInterrupted) Is(target error) bool { return target == bench.ErrInterrupted }
