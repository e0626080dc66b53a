package compare

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"pqbench/bench/role"
	"pqbench/loadgen"
)

// live is the Source that measures.
type live struct {
	programs []role.Program // by arm
	plan     Plan
	clock    loadgen.Clock
	chains   map[string]chain // by the kind of experiment
	order    *rand.Rand
	rounds   map[string]int // made of each experiment
}

// newLive measures programs; the seed draws the orders.
func newLive(programs []role.Program, plan Plan, seed uint64) (*live, error) {
	l := &live{programs: programs, plan: plan, clock: loadgen.NewClock(), chains: map[string]chain{},
		order: rand.New(rand.NewPCG(seed, 0x70716265)), rounds: map[string]int{}}
	usual, err := newChain("ecdsa-p256")
	if err != nil {
		return nil, err
	}
	// An Ed25519 signature has always the same length, an ECDSA one has not: a byte more must be a byte more.
	fixed, err := newChain("ed25519")
	for kind := range kinds {
		l.chains[kind] = usual
	}
	l.chains["wire"] = fixed
	return l, err
}

// A sideError is a failure of one arm's program.
type sideError struct {
	arm Arm
	err error
}

func (e sideError) Error() string { return fmt.Sprintf("%s: %v", e.arm, e.err) }
func (e sideError) Unwrap() error { return e.err }

// Round measures one round of three arms.
func (l *live) Round(ctx context.Context, experiment string) (Round, error) {
	start := l.clock.Now()
	values, err := l.measure(ctx, l.plan.experiment(experiment), l.programs)
	if err != nil {
		return Round{}, err
	}
	r := Round{Experiment: experiment, Number: l.rounds[experiment], Cost: time.Duration(l.clock.Now() - start)}
	copy(r.Arms[:], values)
	l.rounds[experiment]++
	return r, nil
}

// measure makes one round of these programs. One that lacks what it takes is a lackError; anything else that fails is
// tried once more, since a time-out may be the machine's, and then ends the comparison.
func (l *live) measure(ctx context.Context, e Experiment, programs []role.Program) ([]Values, error) {
	values, err := l.once(ctx, e, programs)
	var side sideError
	if ctx.Err() == nil && errors.As(err, &side) {
		if lacks(side.err) {
			return nil, lackError(side)
		}
		values, err = l.once(ctx, e, programs)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.Name, err)
	}
	return values, nil
}

func (l *live) once(ctx context.Context, e Experiment, programs []role.Program) (values []Values, err error) {
	subjects := make([]subject, len(programs))
	defer func() {
		for _, s := range subjects {
			if s != nil {
				s.stop()
			}
		}
	}()
	for _, a := range l.order.Perm(len(programs)) {
		if subjects[a], err = begin(ctx, e, programs[a], l.clock, l.chains[e.kind()]); err != nil {
			return nil, sideError{Arm(a), err}
		}
	}
	if values, err = l.slices(ctx, e, subjects); err != nil {
		return nil, err
	}
	for a, s := range subjects {
		maps.Copy(values[a], s.last())
	}
	return values, nil
}

// slices lets the arms take turns: in a random order, and then in its mirror image, so that a steady drift meets all
// alike.
func (l *live) slices(ctx context.Context, e Experiment, subjects []subject) ([]Values, error) {
	means := make([]Values, len(subjects))
	for a := range means {
		means[a] = Values{}
	}
	var order []int
	for i := range e.Slices {
		if i%2 == 0 {
			order = l.order.Perm(len(subjects))
		} else {
			slices.Reverse(order)
		}
		for _, a := range order {
			values, err := subjects[a].slice(ctx)
			if err != nil {
				return nil, sideError{Arm(a), err}
			}
			for name, v := range values {
				means[a][name] += v / float64(e.Slices)
			}
		}
	}
	return means, nil
}
