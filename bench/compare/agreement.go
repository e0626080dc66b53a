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
	proc   *role.Proc
	method string
	args   role.KexArgs
}

func beginKex(ctx context.Context, e Experiment, p *processes) (subject, error) {
	group, err := kex.ByName(e.Group)
	if err != nil {
		return nil, err
	}
	proc, err := p.start(ctx, role.Kex, e.Provider)
	method := "Measure"
	if e.apart() { // time would be that of all arms
		method = "MeasureCPU"
	}
	return &agreement{processes: p, proc: proc, method: method, args: role.KexArgs{Group: group.Label(), Time: time.Duration(e.Time)}}, err
}

// slice replies with every operation of the group; the plan names those that are judged.
func (a *agreement) slice(ctx context.Context) (Values, error) {
	var ns map[string]float64
	err := a.proc.Call(ctx, a.method, a.args, &ns)
	return ns, err
}
