package compare

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
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
	rounds   map[string]int    // made of each experiment
	texts    map[string][]byte // the programs' files, by their paths
	failed   *failed
}

// newLive measures programs; the seed draws the orders.
func newLive(programs []role.Program, plan Plan, seed uint64) (*live, error) {
	l := &live{programs: programs, plan: plan, clock: loadgen.NewClock(), chains: map[string]chain{},
		order: rand.New(rand.NewPCG(seed, 0x70716265)), rounds: map[string]int{}, texts: map[string][]byte{}, failed: &failed{}}
	tidy(os.TempDir())
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
	r := Round{Experiment: experiment, Number: l.rounds[experiment], Started: l.clock.Now()}
	values, places, err := l.measure(ctx, l.plan.experiment(experiment), l.programs)
	if err != nil {
		return Round{}, err
	}
	r.Finished = l.clock.Now()
	r.Cost = time.Duration(r.Finished - r.Started)
	copy(r.Arms[:], values)
	copy(r.Places[:], places)
	l.rounds[experiment]++
	return r, nil
}

// measure makes one round of these programs. One that lacks what it takes is a lackError; anything else that fails is
// tried once more, since a time-out may be the machine's, counted, and then ends the comparison.
func (l *live) measure(ctx context.Context, e Experiment, programs []role.Program) (values []Values, places []int, err error) {
	for range 2 {
		if values, places, err = l.once(ctx, e, programs); err == nil {
			return values, places, nil
		}
		var side sideError
		if ctx.Err() != nil || !errors.As(err, &side) {
			break
		}
		if lacks(side.err) {
			return nil, nil, lackError{side.arm, side.err, l.otherLacks(ctx, e, programs, side.arm)}
		}
		l.failed.add(e.Name, side)
	}
	return nil, nil, fmt.Errorf("%s: %w", e.Name, err)
}

// otherLacks reports whether the program on the other side of an arm's lacks an experiment as well: which of them is heard
// of first is chance.
func (l *live) otherLacks(ctx context.Context, e Experiment, programs []role.Program, arm Arm) bool {
	other := Head
	if arm == Head {
		other = Base
	}
	if int(other) >= len(programs) {
		return false
	}
	_, _, err := l.once(ctx, e, programs[other:other+1])
	return err != nil && lacks(err)
}

// once makes a round, or fails. Places are the arms' in the order in which they began.
func (l *live) once(ctx context.Context, e Experiment, programs []role.Program) (values []Values, places []int, err error) {
	programs, remove, err := l.copies(programs)
	if err != nil {
		return nil, nil, err
	}
	defer remove()
	subjects := make([]subject, len(programs))
	defer func() {
		for _, s := range subjects {
			if s != nil {
				s.stop()
			}
		}
	}()
	order := l.order.Perm(len(programs))
	err = each(e, order, func(a int) error {
		return within(ctx, e, func(ctx context.Context) (err error) {
			subjects[a], err = begin(ctx, e, programs[a], l.clock, l.chains[e.kind()])
			return err
		})
	})
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil, fmt.Errorf("%w: the programs are copied to %s; set TMPDIR to a folder that programs may be run from", err, os.TempDir())
	}
	if err != nil {
		return nil, nil, err
	}
	if values, err = l.slices(ctx, e, subjects); err != nil {
		return nil, nil, err
	}
	places = make([]int, len(programs))
	for i, a := range order {
		maps.Copy(values[a], subjects[a].last())
		if !e.apart() { // else all began together
			places[a] = i
		}
	}
	return values, places, nil
}

// within bounds a turn by what it cannot take, unless the program hangs.
func within(ctx context.Context, e Experiment, do func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, e.patience())
	defer cancel()
	err := do(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("it hangs: no end after %v: %w", e.patience(), err)
	}
	return err
}

// copies gives each arm a file of its own for the round.
//
// Note: processes of one file share the pages of its code, and so warm the processor's caches for each other: with one file
// for base and base again, an equal head with another one took 3 % more CPU where arms work at once. And where the pages
// of a file lie decides which of them get in each other's way, for as long as the file is in memory: the next round has
// others.
func (l *live) copies(programs []role.Program) (own []role.Program, remove func(), err error) {
	dir, err := os.MkdirTemp("", copiesPattern)
	if err != nil {
		return nil, nil, fmt.Errorf("copies of the programs: %w", err)
	}
	remove = func() { _ = os.RemoveAll(dir) }
	for a, program := range programs {
		if program.Path, err = l.copy(program, filepath.Join(dir, Arm(a).String())); err != nil {
			remove()
			return nil, nil, fmt.Errorf("copies of the programs: %w", err)
		}
		own = append(own, program)
	}
	return own, remove, nil
}

// tidy removes what a comparison that was killed left in a folder: no round takes an hour.
func tidy(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, copiesPattern+"*")) // the pattern is well formed
	for _, path := range left {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > time.Hour {
			_ = os.RemoveAll(path) // may be somebody else's
		}
	}
}

// copiesPattern is how the names of folders with copies begin.
const copiesPattern = "pqbench-round-"

// copy puts a program's file into a new folder. It is read once: what becomes of it later is of no concern.
func (l *live) copy(program role.Program, dir string) (path string, err error) {
	from, err := program.Executable()
	if err != nil {
		return "", err
	}
	if l.texts[from] == nil {
		if l.texts[from], err = os.ReadFile(from); err != nil {
			return "", err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	path = filepath.Join(dir, filepath.Base(from))
	return path, os.WriteFile(path, l.texts[from], 0o700)
}

// slices lets the arms take turns: in a random order, and then in its mirror image, so that a steady drift meets all
// alike. Those of an experiment that says so have theirs at once.
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
		err := each(e, order, func(a int) error {
			return within(ctx, e, func(ctx context.Context) error {
				values, err := subjects[a].slice(ctx)
				for name, v := range values {
					means[a][name] += v / float64(e.Slices)
				}
				return err
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return means, nil
}

// each does something for every arm: in this order, or for all at once. The error is a sideError.
func each(e Experiment, order []int, do func(arm int) error) error {
	errs := make([]error, len(order))
	var together sync.WaitGroup
	for i, a := range order {
		if e.apart() {
			together.Go(func() { errs[i] = do(a) })
		} else if errs[i] = do(a); errs[i] != nil {
			break
		}
	}
	together.Wait()
	for i, err := range errs {
		if err != nil {
			return sideError{Arm(order[i]), err}
		}
	}
	return nil
}
