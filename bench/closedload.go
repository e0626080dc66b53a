package bench

import (
	"context"
	"errors"
	"sync"
	"time"

	"pqbench/bench/role"
	"pqbench/results"
)

// closed keeps the arm's number of units in flight for the experiment's time. Nothing arrives: it tells how fast it can
// go, and its latency says nothing about load.
func (r *runner) closed(ctx context.Context, p part, g generator, t *results.Trial) ([]results.Sample, error) {
	before := g.read()
	reply, err := closedLoops(ctx, g, time.Duration(p.Time))
	if err != nil {
		return nil, err
	}
	after := g.read()
	t.Started, t.Finished, t.Negotiated = reply.Started, reply.Finished, g.target.negotiated(reply.Samples)
	tally(t, reply.Samples, reply.Scheduled, reply.Dropped)
	ns := float64(t.Finished - t.Started)
	t.Values = map[string]float64{"achieved_rate": float64(t.Completed) / (ns / 1e9)}
	if t.Scheduled > 0 {
		t.Values["completed_share"] = float64(t.Completed) / float64(t.Scheduled)
	}
	cpuValues(t, before, after, ns, g)
	if dead := lost(ctx); dead != nil { // what was seen until then is kept, beside the reason
		return reply.Samples, dead
	}
	return reply.Samples, nil
}

// closedLoops shares what is kept in flight among the generator's processes.
func closedLoops(ctx context.Context, g generator, d time.Duration) (role.TrialReply, error) {
	n := len(g.loads)
	replies, failed := make([]role.TrialReply, n), make([]error, n)
	var loops sync.WaitGroup
	for i, load := range g.loads {
		args := g.unit((g.arm.Concurrency + i) / n)
		loops.Go(func() { replies[i], failed[i] = closedLoop(ctx, load, args, d) })
	}
	loops.Wait()
	if err := errors.Join(failed...); err != nil {
		return role.TrialReply{}, err
	}
	return role.Merge(replies), nil
}

// closedLoop runs until the time is over, or the context ends: what was seen until then counts.
func closedLoop(ctx context.Context, load *role.Proc, args role.OpenArgs, d time.Duration) (reply role.TrialReply, err error) {
	stop := context.AfterFunc(ctx, func() { _ = load.Call(context.Background(), "Halt", role.None{}, &role.None{}) })
	defer stop()
	if args.Handshake != nil {
		args.Handshake.Sockets = 0 // a socket for each worker, as each connection of a connector has
		return reply, load.Call(context.WithoutCancel(ctx), "Closed", role.ClosedArgs{HandshakeArgs: *args.Handshake, Duration: d}, &reply)
	}
	args.Request.Duration = d
	return reply, load.Call(context.WithoutCancel(ctx), "Requests", *args.Request, &reply)
}
