package bench

import (
	"context"
	"time"

	"pqbench/bench/role"
	"pqbench/kex"
	"pqbench/results"
)

// kex measures key agreement alone: the operations of the KEM, and the whole group's two sides. One process for each
// provider, because a provider is fixed when a process starts.
func (r *runner) kex(ctx context.Context, p part) error {
	live := map[kex.Provider]*role.Proc{}
	stop := func() {
		for _, proc := range live {
			proc.Stop()
		}
		clear(live)
	}
	defer stop()
	fresh := func(ctx context.Context) error {
		stop()
		for _, a := range p.arms {
			if live[a.provider] != nil {
				continue
			}
			proc, err := r.procs.start(ctx, role.Kex, a.provider)
			if err != nil {
				return err
			}
			live[a.provider] = proc
		}
		return nil
	}
	return r.blocks(ctx, p, fresh, func(ctx context.Context, a arm, t *results.Trial) ([]results.Sample, error) {
		args := role.KexArgs{Group: a.offer[0].Label(), Time: time.Duration(p.Time)}
		t.Started = r.clock.Now()
		err := live[a.provider].Call(ctx, "Measure", args, &t.Values)
		t.Finished = r.clock.Now()
		return nil, err
	})
}
