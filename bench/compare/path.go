package compare

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/google/uuid"

	"pqbench/bench/role"
	"pqbench/kex"
	"pqbench/loadgen"
	"pqbench/tunnel"
)

// path is the whole way of a request, load → edge ⇐ tunnel ⇒ connector → origin, each a process.
type path struct {
	*processes
	e                             Experiment
	edge, connector, origin, load *role.Proc
	hosts                         []string
	entrance                      string // the edge's listener for visitors
}

func beginPath(ctx context.Context, e Experiment, p *processes, c chain) (subject, error) {
	w := &path{processes: p, e: e}
	for _, s := range []struct {
		kind role.Kind
		proc **role.Proc
	}{{role.Origin, &w.origin}, {role.Edge, &w.edge}, {role.Connector, &w.connector}, {role.Load, &w.load}} {
		var err error
		if *s.proc, err = p.start(ctx, s.kind, e.Provider); err != nil {
			return nil, err
		}
	}
	if err := w.connect(ctx, c); err != nil {
		return nil, err
	}
	_, err := w.slice(ctx) // first use of code, heap and windows is not what is compared
	return w, err
}

// connections is how many connections the one tunnel has, as a connector makes by default.
const connections = 4

// connect brings the tunnel up.
func (w *path) connect(ctx context.Context, c chain) error {
	var origin string
	if err := w.origin.Call(ctx, "Listen", role.None{}, &origin); err != nil {
		return err
	}
	var listening role.ListenReply
	if err := w.edge.Call(ctx, "Listen", role.ListenArgs{LeafPEM: c.leaf, Initial: initial, Eyeball: true}, &listening); err != nil {
		return err
	}
	creds := tunnel.Credentials{AccountTag: "pqbench", TunnelSecret: make([]byte, 32), TunnelID: uuid.New()}
	_, _ = rand.Read(creds.TunnelSecret) // never fails
	w.hosts = []string{creds.TunnelID.String() + tunnel.HostSuffix}
	if err := w.edge.Call(ctx, "Authorize", []tunnel.Credentials{creds}, &role.None{}); err != nil {
		return err
	}
	group, err := kex.ByName(w.e.Group)
	if err != nil {
		return err
	}
	args := role.TunnelsArgs{
		Edge: listening.Tunnel, RootPEM: c.root, Origin: origin, Groups: []tls.CurveID{group.ID}, Want: group.ID,
		Initial: initial, Connections: connections, Tunnels: []tunnel.Credentials{creds}, Timeout: setUp,
	}
	if err := w.connector.Call(ctx, "Connect", args, &role.TunnelsReply{}); err != nil {
		return err
	}
	w.entrance = listening.Eyeball
	visitors := role.EyeballArgs{Edge: listening.Eyeball, RootPEM: c.root, Count: w.e.Concurrency, Timeout: timeout}
	return w.load.Call(ctx, "Eyeballs", visitors, &role.None{})
}

// slice is a while of requests, or a transfer each way.
func (w *path) slice(ctx context.Context) (Values, error) {
	if w.e.kind() == "requests" {
		return w.requests(ctx)
	}
	return w.goodput(ctx)
}

// body is the size of a request's answer, bytes.
const body = 1024

func (w *path) requests(ctx context.Context) (Values, error) {
	reply, edge, connector, err := w.send(ctx, role.RequestArgs{
		Ask:         loadgen.Ask{Hosts: w.hosts, Path: fmt.Sprintf("/bytes/%d", body), Down: body},
		Concurrency: w.e.Concurrency, Duration: time.Duration(w.e.Time),
	})
	if err != nil {
		return nil, err
	}
	n := float64(len(reply.Samples))
	return Values{"edge_cpu": edge / n, "connector_cpu": connector / n, "service_p50": medianTime(reply.Samples)}, nil
}

func (w *path) goodput(ctx context.Context) (Values, error) {
	each := int64(w.e.Size) / int64(w.e.Concurrency)
	args := role.RequestArgs{Concurrency: w.e.Concurrency, Count: w.e.Concurrency}
	args.Ask = loadgen.Ask{Hosts: w.hosts, Path: fmt.Sprintf("/bytes/%d", each), Down: each}
	_, edgeDown, connectorDown, err := w.send(ctx, args)
	if err != nil {
		return nil, err
	}
	args.Ask = loadgen.Ask{Hosts: w.hosts, Path: "/sink", Up: each}
	_, edgeUp, connectorUp, err := w.send(ctx, args)
	gb := float64(2*each*int64(w.e.Concurrency)) / 1e9
	return Values{"cpu_per_gb": (edgeDown + connectorDown + edgeUp + connectorUp) / gb, "connector_cpu_per_gb": (connectorDown + connectorUp) / gb}, err
}

// send runs requests, and reads what they took of the edge's and the connector's CPU time, ns.
func (w *path) send(ctx context.Context, args role.RequestArgs) (reply role.TrialReply, edge, connector float64, err error) {
	var before, after [2]role.Usage
	meter := func(method string, usage *[2]role.Usage) error {
		if err := w.edge.Call(ctx, method, role.None{}, &usage[0]); err != nil {
			return err
		}
		return w.connector.Call(ctx, method, role.None{}, &usage[1])
	}
	if err := meter("Rested", &before); err != nil {
		return reply, 0, 0, err
	}
	args.Edge = w.entrance
	if err := w.load.Call(ctx, "Requests", args, &reply); err != nil {
		return reply, 0, 0, err
	}
	if err := meter("Usage", &after); err != nil {
		return reply, 0, 0, err
	}
	return reply, float64(after[0].CPU - before[0].CPU), float64(after[1].CPU - before[1].CPU), failures(reply.Samples, reply.Dropped)
}
