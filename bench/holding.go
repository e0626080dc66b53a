package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"pqbench/bench/role"
	"pqbench/loadgen"
	fleets "pqbench/loadgen/fleet"
	"pqbench/tunnel"
)

// holding is the processes of one trial of a fleet: the edges, one for each data center, the connectors of all tunnels
// in one process, the origin, and the visitors.
type holding struct {
	r    *runner
	p    part
	a    arm
	cert chain

	edges                   []*role.Proc
	at                      []role.ListenReply // where each edge listens
	connector, origin, load *role.Proc
	creds                   []tunnel.Credentials
	hosts                   []string
	originURL               string
	leaks                   leaks
	heard                   []fleets.Event // since the fleet stood

	ctx context.Context // the part's
}

// hold starts the processes and brings the arm's fleet up. The caller must stop it, also after an error.
func (r *runner) hold(ctx context.Context, p part, cert chain, a arm, seed uint64) (*holding, role.FleetReply, error) {
	h := &holding{r: r, p: p, a: a, cert: cert, ctx: ctx}
	var up role.FleetReply
	err := h.start(ctx)
	if err == nil {
		err = h.connector.Call(ctx, "StartFleet", h.fleetArgs(seed), &up)
	}
	if err != nil {
		return h, up, fmt.Errorf("bringing up %d tunnels of %s: %w", a.Tunnels, a.Arm, err)
	}
	return h, up, nil
}

// open starts a process.
func (h *holding) open(ctx context.Context, kind role.Kind) (*role.Proc, error) {
	return h.r.procs.start(ctx, kind, h.a.provider)
}

func (h *holding) stop() {
	for _, proc := range append(h.edges, h.load, h.connector, h.origin) {
		if proc != nil {
			proc.Stop()
		}
	}
}

// settle ends the fleet in good order and looks for what it left behind.
func (h *holding) settle(ctx context.Context) error {
	if err := h.load.Call(ctx, "Leave", role.None{}, &role.None{}); err != nil {
		return err
	}
	if err := h.connector.Call(ctx, "StopFleet", role.None{}, &role.None{}); err != nil {
		return err
	}
	// Thousands of connections take a while to close, and a close that was lost in their crowd is found by its silence.
	for _, edge := range h.edges {
		if err := edge.Call(ctx, "Drain", role.DrainArgs{Timeout: drain + h.a.timers().Idle}, &role.Drained{}); err != nil {
			if ctx.Err() != nil || errors.As(err, new(*role.Lost)) {
				return err
			}
			h.r.warn(fmt.Sprintf("%s: at the end of %s: %v", h.p.Run, h.a.Arm, err)) // what was measured is measured
		}
	}
	warnings, err := h.leaks.end(ctx, append(h.edges, h.connector)...)
	h.r.warn(warnings...)
	return err
}

func (h *holding) start(ctx context.Context) error {
	for range h.a.Tunnels {
		c := tunnel.Credentials{AccountTag: "pqbench", TunnelSecret: make([]byte, 32), TunnelID: uuid.New()}
		_, _ = rand.Read(c.TunnelSecret) // never fails
		h.creds = append(h.creds, c)
		h.hosts = append(h.hosts, c.TunnelID.String()+tunnel.HostSuffix)
	}
	var err error
	for kind, proc := range map[role.Kind]**role.Proc{role.Origin: &h.origin, role.Connector: &h.connector, role.Load: &h.load} {
		if *proc, err = h.open(ctx, kind); err != nil {
			return err
		}
	}
	if err := h.origin.Call(ctx, "Listen", role.None{}, &h.originURL); err != nil {
		return err
	}
	h.at = make([]role.ListenReply, max(h.p.Colos, 1))
	for i := range h.at {
		if _, err := h.openEdge(ctx, i, role.AdmitArgs{}); err != nil { // a fleet comes up without limits: it is paced as it is
			return err
		}
	}
	if err := h.leaks.begin(ctx, append(slices.Clone(h.edges), h.connector)...); err != nil {
		return err
	}
	// The visitors enter where no edge goes away for good.
	visitors := role.EyeballArgs{Edge: h.entrance(), RootPEM: h.cert.root, Count: visitorsOfFleet, Timeout: time.Duration(h.p.Timeout)}
	return h.load.Call(ctx, "Eyeballs", visitors, &role.None{})
}

// entrance is where the visitors enter.
func (h *holding) entrance() string { return h.at[len(h.at)-1].Eyeball }

// visitorsOfFleet are the requests that may be in flight while a fleet is held.
const visitorsOfFleet = 64

// openEdge starts the process of edge i, where it was before if it was, and replies with what the process had used before it
// listened.
func (h *holding) openEdge(ctx context.Context, i int, limits role.AdmitArgs) (before role.Usage, err error) {
	edge, err := h.open(ctx, role.Edge)
	if err != nil {
		return before, err
	}
	if i < len(h.edges) {
		h.edges[i] = edge
	} else {
		h.edges = append(h.edges, edge)
	}
	if err := errors.Join(edge.Call(ctx, "Authorize", h.creds, &role.None{}), edge.Call(ctx, "Usage", role.None{}, &before)); err != nil {
		return before, err
	}
	return before, edge.Call(ctx, "Listen", role.ListenArgs{
		LeafPEM: h.cert.leaf, Initial: int(h.p.Initial[0]), Eyeball: true, At: h.at[i], Unwatched: true,
		Idle: h.a.timers().Idle, Metered: true, Fleet: true, Admit: limits,
	}, &h.at[i])
}

// vanish ends edge i on purpose.
func (h *holding) vanish(i int) {
	edge := h.edges[i]
	h.edges[i] = nil
	edge.Kill()
}

// limits are those of the arm's admission control, which an edge has during a storm.
func (h *holding) limits() (role.AdmitArgs, error) {
	retry, refuse, err := Admission(h.a.Admission).limits()
	return role.AdmitArgs{RetryAbove: retry, RefuseAbove: refuse}, err
}

// How long a fleet may take to come up: on two slow cores a handshake and a registration take both ends 5 ms.
const (
	setUpFleet      = 60 * time.Second
	setUpConnection = 30 * time.Millisecond
)

func (h *holding) fleetArgs(seed uint64) role.FleetArgs {
	connections := h.a.Tunnels * h.p.Conns
	args := role.FleetArgs{
		RootPEM: h.cert.root, Origin: h.originURL, Initial: int(h.p.Initial[0]), Connections: h.p.Conns, Tunnels: h.creds,
		Offers:    []role.FleetOffer{{Groups: h.a.offer.IDs(), Want: h.a.offer.Expected().ID}},
		OfferOf:   make([]int, len(h.creds)),
		KeepAlive: h.a.timers().KeepAlive, Idle: h.a.timers().Idle, Seed: seed,
		Timeout: setUpFleet + time.Duration(connections)*setUpConnection,
	}
	if h.p.Sockets == socketsShared {
		args.Sockets = sharedSockets(connections)
	}
	if h.a.Share != "" {
		args.Offers = append(args.Offers, role.FleetOffer{Groups: h.p.Control.IDs(), Want: h.p.Control.Expected().ID})
		for i := range args.OfferOf {
			if !h.p.Share.of(i) {
				args.OfferOf[i] = 1
			}
		}
	}
	for _, at := range h.at {
		args.Edges = append(args.Edges, at.Tunnel)
	}
	return args
}

// sharedSockets is how many sockets a fleet shares: enough that the buffer of each holds what its connections receive
// in one burst, few enough that they cost nothing.
func sharedSockets(connections int) int { return min(max(connections/250, 4), 64) }

// probe sends a few requests through the fleet's tunnels: they stand, and they answer.
func (h *holding) probe(ctx context.Context) (role.TrialReply, error) {
	var reply role.TrialReply
	err := h.load.Call(ctx, "Requests", role.RequestArgs{
		Edge: h.entrance(),
		Ask:  loadgen.Ask{Hosts: spread(h.hosts, probes), Path: "/bytes/1024", Down: 1024}, Concurrency: 8, Count: probes,
	}, &reply)
	return reply, err
}

// probes are the requests of a probe: each through another tunnel, where there are so many.
const probes = 64

// spread is n of a list, evenly over it; all where there are no more.
func spread(list []string, n int) []string {
	if len(list) <= n {
		return list
	}
	out := make([]string, n)
	for i := range out {
		out[i] = list[i*len(list)/n]
	}
	return out
}
