package compare

import (
	"context"
	"time"

	"pqbench/bench/role"
	"pqbench/kex"
)

// agreement is key agreement alone, no network: the group's two sides.
type agreement struct {
	*processes
	proc *role.Proc
	args role.KexArgs
}

func beginKex(e Experiment, p *processes) (subject, error) {
	group, err := kex.ByName(e.Group)
	if err != nil {
		return nil, err
	}
	proc, err := p.start(role.Kex, e.Provider)
	return &agreement{processes: p, proc: proc, args: role.KexArgs{Group: group.Label(), Time: time.Duration(e.Time)}}, err
}

// slice replies with every operation of the group; the plan names those that are judged.
func (a *agreement) slice(ctx context.Context) (Values, error) {
	var ns map[string]float64
	err := a.proc.Call(ctx, "Measure", a.args, &ns)
	return ns, err
}
