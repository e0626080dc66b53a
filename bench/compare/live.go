package compare

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"pqbench/bench/role"
	"pqbench/loadgen"
)

// live is the Source that measures.
type live struct {
	programs [arms]role.Program
	plan     Plan
	clock    loadgen.Clock
	chains   map[string]chain // by the kind of experiment
	order    *rand.Rand
	rounds   map[string]int // made of each experiment
}

// newLive measures programs; the seed draws the orders.
func newLive(programs [arms]role.Program, plan Plan, seed uint64) (*live, error) {
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

// Round measures one round. A program that lacks what it takes is an lackError; anything else that fails is tried
// once more, since a time-out may be the machine's, and then ends the comparison.
func (l *live) Round(ctx context.Context, experiment string) (Round, error) {
	start := l.clock.Now()
	r, err := l.once(ctx, experiment)
	var side sideError
	if ctx.Err() == nil && errors.As(err, &side) {
		if lacks(side.err) {
			return r, lackError(side)
		}
		r, err = l.once(ctx, experiment)
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", experiment, err)
	}
	r.Experiment, r.Number = experiment, l.rounds[experiment]
	l.rounds[experiment]++
	r.Cost = time.Duration(l.clock.Now() - start)
	return r, nil
}

func (l *live) once(ctx context.Context, experiment string) (r Round, err error) {
	e := l.plan.experiment(experiment)
	var subjects [arms]subject
	defer func() {
		for _, s := range subjects {
			if s != nil {
				s.stop()
			}
		}
	}()
	for _, a := range l.order.Perm(int(arms)) {
		if subjects[a], err = begin(ctx, e, l.programs[a], l.clock, l.chains[e.kind()]); err != nil {
			return r, sideError{Arm(a), err}
		}
		r.Arms[a] = Values{}
	}
	if err := l.slices(ctx, e, subjects, &r); err != nil {
		return r, err
	}
	for a, s := range subjects {
		for name, v := range s.last() {
			r.Arms[a][name] = v
		}
	}
	return r, nil
}

// slices lets the arms take turns: in a random order, and then in its mirror image, so that a steady drift meets all
// alike.
func (l *live) slices(ctx context.Context, e Experiment, subjects [arms]subject, r *Round) error {
	var order []int
	for i := range e.Slices {
		if i%2 == 0 {
			order = l.order.Perm(int(arms))
		}
		for k := range order {
			a := order[k]
			if i%2 == 1 {
				a = order[len(order)-1-k]
			}
			values, err := subjects[a].slice(ctx)
			if err != nil {
				return sideError{Arm(a), err}
			}
			for name, v := range values {
				r.Arms[a][name] += v / float64(e.Slices)
			}
		}
	}
	return nil
}
