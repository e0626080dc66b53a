package bench

import (
	"cmp"
	"context"
	"errors"
	"time"

	"pqbench/bench/role"
	"pqbench/kex"
	"pqbench/loadgen"
)

// watched is a context that ends when one of the processes that were started under it ends and was not told to: waiting
// for the others would be for nothing then.
type watched struct {
	ctx     context.Context
	abandon context.CancelCauseFunc
	clock   loadgen.Clock
}

func watchOver(ctx context.Context, clock loadgen.Clock) *watched {
	w := &watched{clock: clock}
	w.ctx, w.abandon = context.WithCancelCause(ctx)
	return w
}

// start starts a process under watch.
func (w *watched) start(ctx context.Context, kind role.Kind, provider kex.Provider) (*role.Proc, error) {
	proc, err := role.Start(ctx, kind, provider, w.clock)
	if err != nil {
		return nil, err
	}
	go func() {
		proc.Watch(heartbeat, patient)
		if lost := proc.Lost(); lost != nil {
			w.abandon(lost)
		}
	}()
	return proc, nil
}

// How often a process is asked whether it is alive, and how long it may take to say so. On a host whose every core is taken an
// answer may take seconds.
const (
	heartbeat = 20 * time.Second
	patient   = time.Minute
)

// close ends the context.
func (w *watched) close() { w.abandon(nil) }

// why is the process that ended, where that is behind an error: what comes of it is told by whoever is asked next.
func (w *watched) why(err error) error {
	if err == nil {
		return nil
	}
	return cmp.Or(lost(w.ctx), err)
}

// lost is the process whose end ended a context; nil when there is none.
func lost(ctx context.Context) error {
	if cause := context.Cause(ctx); errors.As(cause, new(*role.Lost)) {
		return cause
	}
	return nil
}
