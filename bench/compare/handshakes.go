package compare

import (
	"context"
	"crypto/tls"
	"maps"
	"slices"

	"pqbench/bench/role"
	"pqbench/kex"
	"pqbench/results"
	"pqbench/wire"
)

// handshakes dial and close: an edge and the load that dials it.
type handshakes struct {
	*processes
	edge, load *role.Proc
	args       role.HandshakeArgs
}

func beginHandshakes(ctx context.Context, e Experiment, p *processes, c chain) (subject, error) {
	h, err := newHandshakes(ctx, e, p, c)
	if err != nil || e.Warmup == 0 {
		return h, err
	}
	warm := h.args
	warm.Count = e.Warmup
	var reply role.TrialReply
	if err := h.load.Call(ctx, "Handshakes", warm, &reply); err != nil {
		return nil, err
	}
	return h, failures(reply.Samples, reply.Dropped)
}

func newHandshakes(ctx context.Context, e Experiment, p *processes, c chain) (*handshakes, error) {
	h := &handshakes{processes: p}
	var err error
	if h.edge, err = p.start(ctx, role.Edge, e.Provider); err != nil {
		return nil, err
	}
	if h.load, err = p.start(ctx, role.Load, e.Provider); err != nil {
		return nil, err
	}
	var listening role.ListenReply
	if err := h.edge.Call(ctx, "Listen", role.ListenArgs{LeafPEM: c.leaf, Initial: initial}, &listening); err != nil {
		return nil, err
	}
	group, err := kex.ByName(e.Group)
	h.args = role.HandshakeArgs{
		Edge: listening.Tunnel, RootPEM: c.root, Groups: []tls.CurveID{group.ID}, Want: group.ID,
		Initial: initial, Concurrency: max(e.Concurrency, 1), Count: e.Count, Timeout: timeout,
	}
	return h, err
}

func (h *handshakes) slice(ctx context.Context) (Values, error) {
	var before, after role.Drained
	var load role.TrialReply
	if err := h.edge.Call(ctx, "Rest", drain, &before); err != nil {
		return nil, err
	}
	if err := h.load.Call(ctx, "Handshakes", h.args, &load); err != nil {
		return nil, err
	}
	if err := failures(load.Samples, load.Dropped); err != nil {
		return nil, err
	}
	done := len(load.Samples)
	wait := role.DrainArgs{Timeout: drain, Handshakes: before.Handshakes + int64(done)}
	if err := h.edge.Call(ctx, "Drain", wait, &after); err != nil {
		return nil, err
	}
	n := float64(done)
	client, server := load.Usage, after.Usage.Sub(before.Usage)
	return Values{
		"client_cpu": float64(client.CPU) / n, "server_cpu": float64(server.CPU) / n, "total_cpu": float64(client.CPU+server.CPU) / n,
		"client_allocs": float64(client.Mallocs) / n, "server_allocs": float64(server.Mallocs) / n,
		"handshake_p50": medianTime(load.Samples),
	}, nil
}

// medianTime is how long the median sample took, ns.
func medianTime(samples []results.Sample) float64 {
	times := make([]int64, len(samples))
	for i, s := range samples {
		times[i] = s.Completed - s.Sent
	}
	slices.Sort(times)
	return float64(times[len(times)/2])
}

// last reads the peaks; where the system does not tell them, there are none.
func (h *handshakes) last() Values {
	values := Values{}
	for name, proc := range map[string]*role.Proc{"client_peak_memory": h.load, "server_peak_memory": h.edge} {
		if peak, err := role.PeakMemoryOf(proc.PID()); err == nil {
			values[name] = float64(peak)
		}
	}
	return values
}

// wired handshakes go through a tap, one at a time, for what they weigh.
type wired struct {
	*handshakes
	seen []Values
}

func beginWire(ctx context.Context, e Experiment, p *processes, c chain) (subject, error) {
	h, err := newHandshakes(ctx, e, p, c)
	if err != nil {
		return nil, err
	}
	return &wired{handshakes: h}, nil
}

// slice keeps what it saw for last: a mean of datagrams is no datagram.
func (w *wired) slice(ctx context.Context) (Values, error) {
	for range w.args.Count {
		var reply role.WireReply
		if err := w.load.Call(ctx, "Wire", w.args, &reply); err != nil {
			return nil, err
		}
		if err := failures([]results.Sample{reply.Sample}, 0); err != nil {
			return nil, err
		}
		w.seen = append(w.seen, weights(reply.Ledger))
	}
	return nil, nil
}

// weights are what a handshake weighs.
func weights(l wire.Ledger) Values {
	values := Values{
		"serverhello_bytes": float64(l.ServerHelloBytes), "certificate_bytes": float64(l.CertificateBytes),
		"client_share_bytes": float64(l.ClientShareBytes), "server_share_bytes": float64(l.ServerShareBytes),
		"client_initial_datagrams": float64(l.ClientInitialDatagrams), "hello_retry_requests": float64(l.HelloRetryRequests),
		"client_bytes": float64(l.ClientBytes), "server_bytes": float64(l.ServerBytes),
		"client_datagrams": float64(l.ClientDatagrams), "server_datagrams": float64(l.ServerDatagrams),
	}
	// The random GREASE parameter is the protocol's own dice. A program that does not tell its size has no number here.
	if grease := l.ClientHelloGreaseBytes; grease > 0 {
		values["clienthello_bytes"] = float64(l.ClientHelloBytes - grease)
	}
	// Nor has one that does not know a number: it comes as 0, which no size and no count of datagrams is.
	maps.DeleteFunc(values, func(name string, v float64) bool { return v == 0 && name != "hello_retry_requests" })
	return values
}

// last is the least of each number, see series.least.
func (w *wired) last() Values {
	values := Values{}
	for _, seen := range w.seen {
		for name, v := range seen {
			if least, ok := values[name]; !ok || v < least {
				values[name] = v
			}
		}
	}
	return values
}
