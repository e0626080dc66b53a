package bench

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pqbench/bench/role"
	"pqbench/kex"
	"pqbench/loadgen"
	"pqbench/results"
	"pqbench/tunnel/ca"
	"pqbench/tunnel/edge"
)

// pair is an edge and the load that dials it, on one KEM provider.
type pair struct {
	edge, load *role.Proc
	loads      []*role.Proc        // load and, where the generator is spread over several processes, the others
	listeners  map[listener]string // its address
	calibrated map[int]bool        // arms, by their ids
}

// place is what a pair's processes cannot change: their KEM provider, and the cores that the edge is confined to, 0 for
// no confinement.
type place struct {
	provider  kex.Provider
	edgeCores int
}

func (a arm) place() place { return place{a.provider, a.EdgeCores} }

// listener is what an edge must listen with; each has a port of its own.
type listener struct {
	cert    string
	initial int
	bare    bool
	accept  string // edge.ParseAccept; empty is all
}

// pairs are the processes of a part, one pair for each provider, replaced every few blocks.
type pairs struct {
	r     *runner
	p     part
	certs map[string]chain
	// targetCA is what a server of the user's own is trusted by, PEM; nil for the system's roots. completed says that
	// a handshake with it has been.
	targetCA  []byte
	completed bool
	live      map[place]*pair
	leaks     leaks

	// Handshakes that the load saw complete, and those of them that the edge did.
	atClient, atEdge int64
}

// newPairs makes the certificates of a part, once: an RSA key takes a second.
func newPairs(r *runner, p part) (*pairs, error) {
	ps := &pairs{r: r, p: p, certs: map[string]chain{}, live: map[place]*pair{}}
	for _, kind := range p.Certs {
		c, err := newChain(string(kind))
		if err != nil {
			return nil, err
		}
		ps.certs[string(kind)] = c
	}
	var err error
	ps.targetCA, err = p.Target.roots()
	return ps, err
}

// chain is an edge's certificates and key, and the root that its peers trust, PEM: they cross to other processes.
type chain struct{ leaf, root []byte }

func newChain(kind string) (chain, error) {
	authority, err := ca.New(kind)
	if err != nil {
		return chain{}, err
	}
	leaf, root, err := authority.PEM()
	return chain{leaf, root}, err
}

func (ps *pairs) stop() {
	for _, pr := range ps.live {
		for _, load := range pr.loads {
			load.Stop()
		}
		pr.edge.Stop()
	}
	clear(ps.live)
}

// fresh replaces all processes and warms the new ones up.
func (ps *pairs) fresh(ctx context.Context) error {
	if err := ps.settle(ctx); err != nil {
		return err
	}
	ps.stop()
	for _, a := range ps.p.arms {
		if _, err := ps.pair(ctx, a); err != nil {
			return err
		}
	}
	if err := ps.warmUp(ctx); err != nil {
		return err
	}
	for _, pr := range ps.live {
		if err := pr.edge.Call(ctx, "Drain", role.DrainArgs{Timeout: drain}, &role.Drained{}); err != nil {
			return err
		}
		if err := ps.leaks.begin(ctx, pr.edge, pr.load); err != nil {
			return err
		}
	}
	return nil
}

// settle looks for goroutines that the trials left behind.
func (ps *pairs) settle(ctx context.Context) error {
	for _, pr := range ps.live {
		warnings, err := ps.leaks.end(ctx, pr.edge, pr.load)
		if err != nil {
			return err
		}
		ps.r.warn(warnings...)
	}
	return nil
}

// pair is the arm's pair, started when it is not there, listening with what the arm asks for.
func (ps *pairs) pair(ctx context.Context, a arm) (*pair, error) {
	pr, ok := ps.live[a.place()]
	if !ok {
		var err error
		if pr, err = ps.start(ctx, a); err != nil {
			return nil, err
		}
	}
	l := ps.listener(a)
	if err := ps.listen(ctx, pr, l); err != nil {
		return nil, err
	}
	if a.Resumed {
		l.accept = edge.AcceptAll // issues the ticket
		return pr, ps.listen(ctx, pr, l)
	}
	return pr, nil
}

// start starts the processes of an arm, and confines them where the arm says so.
func (ps *pairs) start(ctx context.Context, a arm) (*pair, error) {
	server, err := ps.r.procs.start(ctx, role.Edge, a.provider)
	if err != nil {
		return nil, err
	}
	pr := &pair{edge: server, listeners: map[listener]string{}, calibrated: map[int]bool{}}
	ps.live[a.place()] = pr // from here on stop ends them
	for range max(ps.p.Procs, 1) {
		load, err := ps.r.procs.start(ctx, role.Load, a.provider)
		if err != nil {
			return nil, err
		}
		pr.loads = append(pr.loads, load)
	}
	pr.load = pr.loads[0]
	if err := ps.r.giveWay(ctx, a, server); err != nil {
		return pr, err
	}
	return pr, confine(ctx, a.EdgeCores, []*role.Proc{server}, pr.loads)
}

func (ps *pairs) listen(ctx context.Context, pr *pair, l listener) error {
	if _, ok := pr.listeners[l]; ok {
		return nil
	}
	var reply role.ListenReply
	args := role.ListenArgs{LeafPEM: ps.certs[l.cert].leaf, Initial: l.initial, Bare: l.bare, Accept: l.accept}
	if err := pr.edge.Call(ctx, "Listen", args, &reply); err != nil {
		return err
	}
	pr.listeners[l] = reply.Tunnel
	return nil
}

func (ps *pairs) listener(a arm) listener {
	l := listener{cert: cmp.Or(a.Cert, string(ps.p.Certs[0])), initial: a.Initial, bare: slices.Contains([]Stack{bare, closedLoads, openLoads}, Stack(a.Stack)), accept: strings.ReplaceAll(a.Accept, "+", ",")}
	if l.initial == 0 {
		l.initial = defaultInitial
	}
	return l
}

func (ps *pairs) args(pr *pair, a arm, count int) role.HandshakeArgs {
	if ps.p.Target != nil {
		return ps.p.Target.args(ps.targetCA, a, count, time.Duration(ps.p.Timeout))
	}
	return ps.local(pr, a, ps.listener(a), count)
}

// local are the arguments of handshakes with the edge process's listener l.
func (ps *pairs) local(pr *pair, a arm, l listener, count int) role.HandshakeArgs {
	return role.HandshakeArgs{
		Edge: pr.listeners[l], RootPEM: ps.certs[l.cert].root, Groups: a.offer.IDs(), Want: a.offer.Expected().ID,
		Initial: l.initial, Concurrency: max(a.Concurrency, 1), Count: count, Timeout: time.Duration(ps.p.Timeout), Bare: a.Stack == string(bare),
	}
}

// warmUp runs handshakes of every arm that are not counted: first use of code and heap is not what is compared.
func (ps *pairs) warmUp(ctx context.Context) error {
	if ps.p.Warmup == 0 {
		return nil
	}
	var last results.Sample // that failed at a target
	for _, a := range ps.p.arms {
		pr, err := ps.pair(ctx, a)
		if err != nil {
			return err
		}
		if a.Accept != "" && a.Accept != edge.AcceptAll {
			continue // a refusal warms nothing up, and the same handshakes come with an edge that accepts all
		}
		for _, load := range pr.loads {
			failed, of, err := ps.warm(ctx, pr, load, a)
			switch {
			case err != nil:
				return fmt.Errorf("warming up %s: %w", a.Arm, err)
			case len(failed) == 0:
			case ps.p.Target == nil:
				return fmt.Errorf("warming up %s: %s: %s", a.Arm, failed[0].Class, failed[0].Detail)
			default: // at a foreign server failures are what is measured
				last = failed[len(failed)-1]
				ps.r.warn(fmt.Sprintf("%s: warming up %s: %d of %d handshakes failed: %s: %s", ps.p.Run, a.Arm, len(failed), of, last.Class, last.Detail))
			}
		}
	}
	switch {
	case ps.p.Target == nil || ps.completed:
		return nil
	case last.Class == results.ClassTimeout || last.Class == results.ClassIdle:
		return fmt.Errorf("warming up: no answer from %s within %v: %s (does a QUIC server listen there?)", ps.p.Target.Address, time.Duration(ps.p.Timeout), last.Detail)
	}
	return fmt.Errorf("warming up: no handshake with %s is complete, with any group: %s: %s", ps.p.Target.Address, last.Class, last.Detail)
}

// gentle is how many handshakes warm up at a server of the user's own, all at once: one that does not answer is noticed
// after a single time-out.
const gentle = 8

// warm warms one process up, and returns which of how many handshakes failed.
func (ps *pairs) warm(ctx context.Context, pr *pair, load *role.Proc, a arm) (failed []results.Sample, of int, err error) {
	args := ps.args(pr, a, ps.p.Warmup)
	if ps.p.Target != nil {
		args.Count = min(args.Count, gentle)
		args.Concurrency = args.Count
	}
	var reply role.TrialReply
	if err := load.Call(ctx, "Handshakes", args, &reply); err != nil {
		return nil, 0, err
	}
	for _, s := range reply.Samples {
		if s.Class != "" {
			failed = append(failed, s)
		}
		ps.completed = ps.completed || s.Class == ""
	}
	return failed, len(reply.Samples), nil
}

// handshake dials and closes: the handshake alone, and what each side's process spends on it. The overhead experiment
// is the same with another factor: whose code dials and accepts.
func (r *runner) handshake(ctx context.Context, p part) error {
	return r.overPairs(ctx, p, func(ctx context.Context, ps *pairs, pr *pair, a arm, t *results.Trial) ([]results.Sample, error) {
		args := ps.args(pr, a, p.Count)
		run := func(ctx context.Context, reply *role.TrialReply) error {
			return pr.load.Call(ctx, "Handshakes", args, reply)
		}
		if a.Stack == string(openLoads) {
			run = func(ctx context.Context, reply *role.TrialReply) error { return ps.flood(ctx, pr, args, reply) }
		}
		return ps.handshakes(ctx, pr, a, run, t)
	})
}

// overPairs runs a part's blocks over pairs of edge and load: trial is given the pair of the arm's provider.
func (r *runner) overPairs(ctx context.Context, p part, trial func(ctx context.Context, ps *pairs, pr *pair, a arm, t *results.Trial) ([]results.Sample, error)) error {
	ps, err := newPairs(r, p)
	if err != nil {
		return err
	}
	defer ps.stop()
	err = r.blocks(ctx, p, ps.fresh, func(ctx context.Context, a arm, t *results.Trial) ([]results.Sample, error) {
		pr, err := ps.pair(ctx, a)
		if err != nil {
			return nil, err
		}
		return trial(ctx, ps, pr, a, t)
	})
	if err != nil {
		return err
	}
	ps.tellBothEnds()
	return ps.settle(ctx)
}

// drain bounds the wait until the edge has closed what was opened. A connection whose close was lost ends by its silence: a
// handshake after 10 s, twice tunnel.HandshakeIdleTimeout, and what has connected after 5 s or three probe time-outs (RFC 9002,
// section 6.2), which at an edge that was overloaded are many seconds.
const drain = time.Minute

// handshakes runs one trial.
func (ps *pairs) handshakes(ctx context.Context, pr *pair, a arm, run func(context.Context, *role.TrialReply) error, t *results.Trial) ([]results.Sample, error) {
	var before, after role.Drained
	var load role.TrialReply
	if err := pr.edge.Call(ctx, "Rest", drain, &before); err != nil {
		return nil, err
	}
	if err := run(ctx, &load); err != nil {
		return nil, err
	}
	t.Started, t.Finished, t.Negotiated = load.Started, load.Finished, ps.p.Target.negotiated(load.Samples)
	completed := ps.p.Count // of a bare loop, which keeps no samples to tally
	switch Stack(a.Stack) {
	case bare:
	case openLoads:
		completed, load.Samples = succeeded(load.Samples), nil // what was dropped on purpose is no failure to report
	default:
		tally(t, load.Samples, load.Scheduled, load.Dropped)
		completed = t.Completed
	}
	wait := role.DrainArgs{Timeout: drain, Handshakes: before.Handshakes + int64(completed)}
	if ps.p.Target != nil {
		wait.Handshakes = 0
	}
	if err := pr.edge.Call(ctx, "Drain", wait, &after); err != nil {
		return nil, err
	}
	if ps.p.Target == nil {
		ps.atClient += int64(completed)
		ps.atEdge += after.Handshakes - before.Handshakes
	}
	done := float64(completed + t.Failed)
	if done == 0 {
		return load.Samples, nil
	}
	server, client := after.Usage.Sub(before.Usage), load.Usage
	t.Values = map[string]float64{
		"client_cpu": float64(client.CPU) / done, "server_cpu": float64(server.CPU) / done,
		"total_cpu":     float64(client.CPU+server.CPU) / done,
		"client_allocs": float64(client.Mallocs) / done, "server_allocs": float64(server.Mallocs) / done,
		"client_alloc_bytes": float64(client.AllocBytes) / done, "server_alloc_bytes": float64(server.AllocBytes) / done,
		"handshakes_per_second": float64(completed) / (float64(t.Finished-t.Started) / 1e9),
	}
	if ps.p.Target != nil { // what its server spends is not ours to read
		maps.DeleteFunc(t.Values, func(name string, _ float64) bool { return strings.HasPrefix(name, "server_") || name == "total_cpu" })
	}
	return load.Samples, nil
}

// flooding is what an open loop is offered for the comparison of generators: far more than two processes can do.
const flooding = 20_000

// flood runs an open loop at a rate that keeps all that may be in flight in flight, for about as long as the experiment's
// count of handshakes takes. What finds none free is dropped.
func (ps *pairs) flood(ctx context.Context, pr *pair, args role.HandshakeArgs, reply *role.TrialReply) error {
	length := time.Duration(ps.p.Count) * time.Second / 1000
	phase := loadgen.Phase{Name: "flood", Time: length, From: flooding, To: flooding}
	if err := pr.load.Call(ctx, "Prepare", role.OpenArgs{Handshake: &args, Phases: []loadgen.Phase{phase}, Of: 1}, &role.None{}); err != nil {
		return err
	}
	start := ps.r.clock.Now() + int64(lead)
	err := pr.load.Call(ctx, "Open", start, reply)
	reply.Started = start
	return err
}

func succeeded(samples []results.Sample) (n int) {
	for _, s := range samples {
		if s.Class == "" {
			n++
		}
	}
	return n
}

// tolerated is the share of handshakes that the edge may not have seen complete before that is a warning: with so few,
// the CPU that they spared it is far below what can be told apart.
const tolerated = 0.02

// tellBothEnds compares the two ends' counts. The load closes a connection as soon as its side is complete, and the
// close can overtake the client's own Finished: the edge has then done all of the handshake but its last step.
func (ps *pairs) tellBothEnds() {
	if ps.atClient == 0 {
		return // the experiment does not count them
	}
	missing := ps.atClient - ps.atEdge
	note := fmt.Sprintf("Of %d handshakes complete at the client the edge saw %d complete (a close can overtake the client's Finished).", ps.atClient, ps.atEdge)
	ps.r.manifest.Experiments[ps.p.index].Note += " " + note
	if float64(missing) > tolerated*float64(ps.atClient) {
		ps.r.warn(ps.p.Run + ": " + note)
	}
}
