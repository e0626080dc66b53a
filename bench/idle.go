package bench

import (
	"context"
	"time"

	"pqbench/bench/role"
	"pqbench/results"
)

// idle holds tunnels and asks nothing of them: what they cost in memory, and in keep-alives. Every trial has processes
// of its own, since memory that an earlier one left behind could not be told apart.
func (r *runner) idle(ctx context.Context, p part) error {
	none := func(context.Context) error { return nil }
	return r.blocks(ctx, p, none, func(ctx context.Context, a arm, t *results.Trial) ([]results.Sample, error) {
		ps, err := newPaths(r, p)
		if err != nil {
			return nil, err
		}
		defer ps.stop()
		w := newPath()
		ps.live[a.place()] = w
		if err := ps.start(ctx, w, a); err != nil {
			return nil, err
		}
		if err := ps.connect(ctx, w, a); err != nil {
			return nil, err
		}
		t.Started = r.clock.Now()
		held, err := w.hold(ctx, a, time.Duration(p.Time))
		if err != nil {
			return nil, err
		}
		t.Finished = r.clock.Now()
		t.Values = idleValues(held, float64(p.Tunnels), time.Duration(t.Finished-t.Started).Seconds())
		w.tellComingUp(t, a)
		return nil, ps.settle(ctx)
	})
}

// held is what edge and connector processes took while they held tunnels.
type held struct {
	spent
	edgeMemory, connectorMemory role.Memory // at the end
}

// hold lets some time pass.
func (w *path) hold(ctx context.Context, a arm, span time.Duration) (h held, err error) {
	before, err := w.meter(ctx, a, "Usage")
	if err != nil {
		return h, err
	}
	if err := pauseFor(ctx, span); err != nil {
		return h, err
	}
	after, err := w.meter(ctx, a, "Usage")
	if err != nil {
		return h, err
	}
	h.spent = spent{after.edge.Sub(before.edge), after.connector.Sub(before.connector)}
	if h.edgeMemory, err = role.MemoryOf(w.edge.PID()); err != nil {
		return h, err
	}
	h.connectorMemory, err = w.connectorMemory(a)
	return h, err
}

// connectorMemory is that of the process, or processes, that hold an arm's tunnels.
func (w *path) connectorMemory(a arm) (role.Memory, error) {
	if f, ok := w.fleets[a.id]; ok {
		return f.memory()
	}
	return role.MemoryOf(w.connector.PID())
}

// idleValues are the memory of all processes together, and for each tunnel its share and the CPU time of a second.
func idleValues(h held, tunnels, seconds float64) map[string]float64 {
	return map[string]float64{
		"connector_memory":            float64(h.connectorMemory.Proportional),
		"connector_resident":          float64(h.connectorMemory.Resident),
		"connector_memory_per_tunnel": float64(h.connectorMemory.Proportional) / tunnels,
		"edge_memory_per_tunnel":      float64(h.edgeMemory.Proportional) / tunnels,
		"connector_idle_cpu":          float64(h.connector.CPU) / tunnels / seconds,
		"edge_idle_cpu":               float64(h.edge.CPU) / tunnels / seconds,
	}
}
