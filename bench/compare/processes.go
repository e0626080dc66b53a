package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pqbench/bench/role"
	"pqbench/kex"
	"pqbench/loadgen"
	"pqbench/results"
	"pqbench/tunnel/ca"
)

// A subject is one arm's processes of a round.
type subject interface {
	// slice is one turn; its values are averaged with the other turns'.
	slice(ctx context.Context) (Values, error)
	// last are values that there is one of in a round, read when all turns are over.
	last() Values
	stop()
}

// processes are the roles of one program that a subject runs.
type processes struct {
	program role.Program
	clock   loadgen.Clock
	apart   bool // edges have a core, and all others another one
	started []*role.Proc
}

func (p *processes) start(ctx context.Context, kind role.Kind, provider kex.Provider) (*role.Proc, error) {
	program := p.program
	if p.apart {
		program.Cores = &role.CoresArgs{First: 1, Count: 1}
		if kind == role.Edge {
			program.Cores.First = 0
		}
	}
	proc, err := program.Start(ctx, kind, provider, p.clock)
	if err == nil {
		p.started = append(p.started, proc)
	}
	return proc, err
}

// stop ends them in the reverse order of their start: who depends on another goes first.
func (p *processes) stop() {
	for _, proc := range slices.Backward(p.started) {
		proc.Stop()
	}
}

func (p *processes) last() Values { return nil }

// A chain is the edge's certificate with its key, and the root that peers trust, PEM.
type chain struct{ leaf, root []byte }

func newChain(kind string) (chain, error) {
	authority, err := ca.New(kind)
	if err != nil {
		return chain{}, err
	}
	leaf, root, err := authority.PEM()
	return chain{leaf, root}, err
}

const (
	// timeout bounds a handshake or request, drain the wait until an edge has closed what a slice opened; setUp the
	// connecting of a tunnel.
	timeout = 5 * time.Second
	drain   = 8 * time.Second
	setUp   = 20 * time.Second
	// initial is the size of Initial datagrams, UDP payload bytes.
	initial = 1280
)

// begin starts the processes of an experiment.
func begin(ctx context.Context, e Experiment, program role.Program, clock loadgen.Clock, c chain) (s subject, err error) {
	p := &processes{program: program, clock: clock, apart: e.apart()}
	switch e.kind() {
	case "handshake":
		s, err = beginHandshakes(ctx, e, p, c)
	case "wire":
		s, err = beginWire(ctx, e, p, c)
	case "requests", "goodput":
		s, err = beginPath(ctx, e, p, c)
	case "kex":
		s, err = beginKex(ctx, e, p)
	default:
		err = fmt.Errorf("experiment %q is not known", e.Name)
	}
	if err != nil {
		p.stop()
		return nil, err
	}
	return s, nil
}

// failures is an error when any of a slice's samples failed: what was not done took no time.
func failures(samples []results.Sample, dropped int) error {
	failed, first := 0, ""
	for _, s := range samples {
		if s.Class != "" {
			if failed == 0 {
				first = strings.TrimSuffix(string(s.Class)+": "+s.Detail, ": ")
			}
			failed++
		}
	}
	if len(samples)+dropped == 0 {
		return errors.New("nothing was done in the time of a slice")
	}
	if failed+dropped == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d failed (%s)", failed+dropped, len(samples)+dropped, first)
}

// lacks reports whether an error means that a program is too old, or too new, or built in another way, to take part: it
// does not know the role, the method, the group or the provider, or means something else by their arguments.
func lacks(err error) bool {
	text := err.Error()
	return slices.ContainsFunc([]string{
		"rpc: can't find", "unknown role", "unknown provider", "unknown group", "gob: ", "unexpected argument role", "does not compute", "cannot negotiate",
	}, func(sign string) bool { return strings.Contains(text, sign) })
}
