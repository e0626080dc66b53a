package role

import (
	"fmt"
	"runtime"
	"time"

	"pqbench/kex"
)

// KexRole measures key agreement alone, on the KEM provider of its process.
type KexRole struct {
	*Control
	Provider kex.Provider
	groups   map[string][]kex.Operation
}

// MeasureCPU is Measure in CPU time of the process, collector included: what others do on the same core is not in it.
func (r *KexRole) MeasureCPU(args KexArgs, nsPerOp *map[string]float64) error {
	return r.measure(args, processTime, nsPerOp)
}

// KexArgs name a group, by its label, and how long each of its operations is repeated.
type KexArgs struct {
	Group string
	Time  time.Duration
}

// Measure times every operation of a group and replies with nanoseconds per operation.
func (r *KexRole) Measure(args KexArgs, nsPerOp *map[string]float64) error {
	began := time.Now()
	return r.measure(args, func() time.Duration { return time.Since(began) }, nsPerOp)
}

func (r *KexRole) measure(args KexArgs, clock func() time.Duration, nsPerOp *map[string]float64) error {
	ops, err := r.operations(args.Group)
	if err != nil {
		return err
	}
	*nsPerOp = make(map[string]float64, len(ops))
	for _, op := range ops {
		ns, err := timed(op, args.Time, clock)
		if err != nil {
			return fmt.Errorf("%s of %s: %w", op.Name, args.Group, err)
		}
		(*nsPerOp)[op.Name] = ns
	}
	return nil
}

func (r *KexRole) operations(label string) ([]kex.Operation, error) {
	if ops, ok := r.groups[label]; ok {
		return ops, nil
	}
	g, err := kex.ByName(label)
	if err != nil {
		return nil, err
	}
	ops, err := g.Operations(r.Provider)
	if err != nil {
		return nil, err
	}
	if r.groups == nil {
		r.groups = map[string][]kex.Operation{}
	}
	r.groups[label] = ops
	return ops, nil
}

// timed repeats an operation for about d, in batches that double until the clock's own cost is lost in them, as
// package testing does. The garbage that other operations left is collected before, not charged here.
func timed(op kex.Operation, d time.Duration, clock func() time.Duration) (nsPerOp float64, err error) {
	runtime.GC()
	for n := 1; ; n *= 2 {
		start := clock()
		for range n {
			if err := op.Run(); err != nil {
				return 0, err
			}
		}
		if took := clock() - start; took >= d/2 {
			return float64(took) / float64(n), nil
		}
	}
}
