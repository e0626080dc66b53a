package role

import (
	"cmp"
	"context"
	"errors"

	"pqbench/tunnel/edge"
	"pqbench/wire"
)

// EdgeState is what an edge process has done and holds.
type EdgeState struct {
	Stats edge.Stats
	Sent  wire.Traffic // where it is metered
	Usage Usage
}

// Add is both together, as far as a storm asks.
func (s EdgeState) Add(other EdgeState) EdgeState {
	s.Stats.InitialsRefused += other.Stats.InitialsRefused
	s.Stats.Retries += other.Stats.Retries
	s.Sent = s.Sent.Add(other.Sent)
	s.Usage = s.Usage.Add(other.Usage)
	return s
}

// State replies with the counters of the process's first edge.
func (r *EdgeRole) State(_ None, s *EdgeState) error {
	if len(r.edges) == 0 {
		return errors.New("the edge does not listen")
	}
	*s = EdgeState{Stats: r.edges[0].Stats(), Sent: r.sent.Sent(), Usage: ReadUsage()}
	return nil
}

// AdmitArgs are limits of handshakes in progress; see edge.Config. RetryAbove is never by default.
type AdmitArgs struct{ RetryAbove, RefuseAbove int }

func (a AdmitArgs) retryAbove() int { return cmp.Or(a.RetryAbove, -1) }

// Admit sets the admission control of the process's edges.
func (r *EdgeRole) Admit(args AdmitArgs, _ *None) error {
	for _, e := range r.edges {
		e.Admit(args.retryAbove(), args.RefuseAbove)
	}
	return nil
}

// Close ends the process's edges in good order: requests in flight are cut, and every connector is told at once.
func (r *EdgeRole) Close(_ None, _ *None) error {
	at, cancel := context.WithCancel(context.Background())
	cancel()
	for _, e := range r.edges {
		_ = e.Close(at) // the requests that it cuts are no error here
	}
	return nil
}
