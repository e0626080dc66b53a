package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"pqbench/bench/role"
	"pqbench/loadgen"
	"pqbench/results"
	"pqbench/tunnel"
	"pqbench/tunnel/cloudflared"
)

// path is the whole way of a request on one KEM provider, load → edge ⇐ tunnels ⇒ connector → origin, each a process.
type path struct {
	edge, connector, origin, load *role.Proc
	loads                         []*role.Proc // load and, where the generator is spread over several processes, the others
	listening                     role.ListenReply
	originURL                     string
	hosts                         map[int][]string // host names of an arm's tunnels, by the arm's id
	fleets                        map[int]fleet    // the real cloudflareds of the arms that they carry
	least                         string           // where the edge that does the least possible listens for visitors; empty until it does
	calibrated                    map[int]bool     // arms whose load it has had
	// comingUp holds how long an arm's connections took to come up, until a trial has told it.
	comingUp map[int]map[string]float64
}

func newPath() *path {
	return &path{hosts: map[int][]string{}, fleets: map[int]fleet{}, calibrated: map[int]bool{}, comingUp: map[int]map[string]float64{}}
}

func (w *path) stop() {
	for _, f := range w.fleets {
		_ = f.stop() // settle has told what went wrong
	}
	for _, proc := range append(w.loads, w.connector, w.edge, w.origin) {
		if proc != nil {
			proc.Stop()
		}
	}
}

// paths are the processes of a requests or goodput part.
type paths struct {
	r    *runner
	p    part
	cert chain
	live map[place]*path

	leaks      leaks
	generation int // of the processes
}

func newPaths(r *runner, p part) (*paths, error) {
	cert, err := newChain(string(p.Certs[0]))
	if err != nil {
		return nil, err
	}
	return &paths{r: r, p: p, cert: cert, live: map[place]*path{}}, nil
}

func (ps *paths) stop() {
	for _, w := range ps.live {
		w.stop()
	}
	clear(ps.live)
}

// fresh replaces all processes and connects the tunnels of all arms: they stand side by side while one arm after the
// other carries the load. Each arm has tunnels of its own, the control's second appearance too, and their order is
// drawn anew: a set of connections has a speed of its own, which is noise and must show as such.
func (ps *paths) fresh(ctx context.Context) error {
	if err := ps.settle(ctx); err != nil {
		return err
	}
	ps.stop()
	ps.generation++
	for _, i := range order(ps.r.manifest.Seed, ps.p.index, -ps.generation, len(ps.p.arms)) {
		a := ps.p.arms[i]
		w := ps.live[a.place()]
		if w == nil {
			w = newPath()
			ps.live[a.place()] = w
			if err := ps.start(ctx, w, a); err != nil {
				return err
			}
		}
		if err := ps.connect(ctx, w, a); err != nil {
			return err
		}
	}
	return nil
}

// settle ends the tunnels in good order (unregister, finish what is in flight, close) and looks for goroutines that
// they left behind.
func (ps *paths) settle(ctx context.Context) error {
	for _, w := range ps.live {
		for _, load := range w.loads {
			if err := load.Call(ctx, "Leave", role.None{}, &role.None{}); err != nil {
				return err
			}
		}
		var troubles []string
		if err := w.connector.Call(ctx, "Disconnect", role.None{}, &troubles); err != nil {
			return err
		}
		var said []string
		if err := w.edge.Call(ctx, "Complaints", role.None{}, &said); err != nil {
			return err
		}
		for _, s := range said {
			troubles = append(troubles, "the edge says: "+s)
		}
		for _, f := range w.fleets {
			if err := f.stop(); err != nil {
				troubles = append(troubles, err.Error())
			}
		}
		for _, t := range troubles {
			ps.r.warn(ps.p.Run + ": " + t)
		}
		if err := w.edge.Call(ctx, "Drain", role.DrainArgs{Timeout: drain}, &role.Drained{}); err != nil {
			return err
		}
		warnings, err := ps.leaks.end(ctx, w.edge, w.connector)
		if err != nil {
			return err
		}
		ps.r.warn(warnings...)
	}
	return nil
}

func (ps *paths) start(ctx context.Context, w *path, a arm) error {
	var err error
	w.loads = make([]*role.Proc, max(ps.p.Procs, 1))
	kinds := map[**role.Proc]role.Kind{&w.origin: role.Origin, &w.edge: role.Edge, &w.connector: role.Connector}
	for i := range w.loads {
		kinds[&w.loads[i]] = role.Load
	}
	for proc, kind := range kinds {
		if *proc, err = ps.r.procs.start(ctx, kind, a.provider); err != nil {
			return err
		}
	}
	w.load = w.loads[0]
	if err := ps.r.giveWay(ctx, a, w.edge, w.connector, w.origin); err != nil {
		return err
	}
	if err := confine(ctx, a.EdgeCores, []*role.Proc{w.edge}, append([]*role.Proc{w.origin, w.connector}, w.loads...)); err != nil {
		return err
	}
	if err := w.origin.Call(ctx, "Listen", role.None{}, &w.originURL); err != nil {
		return err
	}
	args := role.ListenArgs{LeafPEM: ps.cert.leaf, Initial: int(ps.p.Initial[0]), Eyeball: true}
	if err := w.edge.Call(ctx, "Listen", args, &w.listening); err != nil {
		return err
	}
	if err := ps.leaks.begin(ctx, w.edge, w.connector); err != nil {
		return err
	}
	return ps.visit(ctx, w, w.listening.Eyeball)
}

// visit opens the visitors of an edge, in each process of the generator.
func (ps *paths) visit(ctx context.Context, w *path, at string) error {
	visitors := role.EyeballArgs{Edge: at, RootPEM: ps.cert.root, Count: ps.visitors(), Timeout: time.Duration(ps.p.Timeout)}
	for _, load := range w.loads {
		if err := load.Call(ctx, "Eyeballs", visitors, &role.None{}); err != nil {
			return err
		}
	}
	return nil
}

// visitors are how many each process of the generator has: one for each request that may be in flight.
func (ps *paths) visitors() int {
	if ps.p.Run == "knee" {
		return (max(ps.p.InFlight, mostVisitors) + ps.p.Procs - 1) / ps.p.Procs
	}
	if slices.Contains(loads, ps.p.Run) && ps.p.Loop == loopOpen {
		return (ps.p.InFlight + ps.p.Procs - 1) / ps.p.Procs
	}
	return slices.Max(ps.p.Concurrency)
}

// setUp bounds the connecting of an arm's tunnels.
const setUp = 60 * time.Second

// connect brings up the tunnels of an arm.
func (ps *paths) connect(ctx context.Context, w *path, a arm) error {
	var creds []tunnel.Credentials
	for range ps.p.Tunnels {
		c := tunnel.Credentials{AccountTag: "pqbench", TunnelSecret: make([]byte, 32), TunnelID: uuid.New()}
		_, _ = rand.Read(c.TunnelSecret) // never fails
		creds = append(creds, c)
		w.hosts[a.id] = append(w.hosts[a.id], c.TunnelID.String()+tunnel.HostSuffix)
	}
	if err := w.edge.Call(ctx, "Authorize", creds, &role.None{}); err != nil {
		return err
	}
	values := map[string]float64{}
	w.comingUp[a.id] = values
	var err error
	if a.Stack == string(realCloudflared) {
		w.fleets[a.id], err = startFleet(ctx, creds, cloudflared.Config{
			Edges: slots(w.listening.Tunnel, ps.p.Conns), RootPEM: ps.cert.root, Origin: w.originURL, Connections: ps.p.Conns, PostQuantum: len(a.offer) == 1,
		})
	} else {
		values["registration_p50"], err = ps.connectOurs(ctx, w, a, creds)
	}
	if err != nil {
		return fmt.Errorf("connecting %d tunnels of %s: %w", ps.p.Tunnels, a.Arm, err)
	}
	var up []time.Duration
	if err := w.edge.Call(ctx, "Up", a.offer.Expected().ID, &up); err != nil {
		return fmt.Errorf("connecting %s: %w", a.Arm, err)
	}
	// More than wanted are some that were lost and came again: settle tells.
	if want := ps.p.Tunnels * ps.p.Conns; len(up) < want {
		return fmt.Errorf("connecting %s: %d connections are registered, want %d", a.Arm, len(up), want)
	}
	values["connection_up_p50"] = median(up)
	return ps.warmUp(ctx, w, a, w.listening.Eyeball)
}

// connectOurs brings the tunnels of an arm up in our connector, and returns the median time of a registration, ns.
func (ps *paths) connectOurs(ctx context.Context, w *path, a arm, creds []tunnel.Credentials) (registration float64, err error) {
	args := role.TunnelsArgs{
		Edge: w.listening.Tunnel, RootPEM: ps.cert.root, Origin: w.originURL, Groups: a.offer.IDs(), Want: a.offer.Expected().ID,
		Initial: int(ps.p.Initial[0]), Connections: ps.p.Conns, Tunnels: creds, Timeout: setUp, Today: a.Stack == string(pqbenchToday),
	}
	var reply role.TunnelsReply
	if err := w.connector.Call(ctx, "Connect", args, &reply); err != nil {
		return 0, err
	}
	return median(reply.Registration), nil
}

// median of durations, ns.
func median(list []time.Duration) float64 {
	slices.Sort(list)
	return float64(list[(len(list)-1)/2]+list[len(list)/2]) / 2
}

// tellComingUp adds to a trial how long its tunnels took to come up, once for each set of processes.
func (w *path) tellComingUp(t *results.Trial, a arm) {
	if values, ok := w.comingUp[a.id]; ok && t.Values != nil {
		maps.Copy(t.Values, values)
		delete(w.comingUp, a.id)
	}
}

// warmUp sends requests that are not counted over every tunnel of an arm, by all visitors of an edge; for goodput also a
// transfer each way, so that the flow-control windows have grown.
func (ps *paths) warmUp(ctx context.Context, w *path, a arm, at string) error {
	visitors := ps.visitors()
	hosts := w.hosts[a.id]
	requests := []role.RequestArgs{{
		Ask:         loadgen.Ask{Hosts: hosts, Path: "/bytes/1024", Down: 1024},
		Concurrency: visitors, Count: max(ps.p.Warmup, ps.p.Tunnels*ps.p.Conns, visitors),
	}}
	if ps.p.Run == "goodput" {
		each := int64(ps.p.Size) / 4
		requests = append(requests,
			role.RequestArgs{Ask: loadgen.Ask{Hosts: hosts, Path: fmt.Sprintf("/bytes/%d", each), Down: each}, Concurrency: visitors, Count: visitors},
			role.RequestArgs{Ask: loadgen.Ask{Hosts: hosts, Path: "/sink", Up: each}, Concurrency: visitors, Count: visitors})
	}
	for _, args := range requests {
		args.Edge = at
		for _, load := range w.loads {
			var reply role.TrialReply
			if err := load.Call(ctx, "Requests", args, &reply); err != nil {
				return err
			}
			for _, s := range reply.Samples {
				if s.Class != "" {
					return w.because(ctx, fmt.Errorf("warming up %s: %s: %s", a.Arm, s.Class, s.Detail))
				}
			}
		}
	}
	return nil
}

// spent is what a trial of requests took of the edge's and the connector's processes.
type spent struct{ edge, connector role.Usage }

// because adds what the edge knows of failed requests: visitors are told a status alone.
func (w *path) because(ctx context.Context, err error) error {
	var said []string
	if callErr := w.edge.Call(ctx, "Complaints", role.None{}, &said); callErr != nil || len(said) == 0 {
		return err
	}
	return fmt.Errorf("%w (the edge says: %s)", err, strings.Join(said, "; "))
}

// meter reads what the edge and the arm's connector have consumed so far, by a method of their processes: "Usage", or
// "Rested", which collects the garbage of earlier trials first.
//
// A cloudflared cannot be told to collect. Beside one, our connector is left to do it when it likes, too.
func (w *path) meter(ctx context.Context, a arm, method string) (s spent, err error) {
	if err := w.edge.Call(ctx, method, role.None{}, &s.edge); err != nil {
		return s, err
	}
	if f, ok := w.fleets[a.id]; ok {
		s.connector, err = f.usage()
		return s, err
	}
	if len(w.fleets) > 0 {
		method = "Usage"
	}
	return s, w.connector.Call(ctx, method, role.None{}, &s.connector)
}

// send runs one trial of requests over an arm's tunnels and meters both ends of them.
func (w *path) send(ctx context.Context, a arm, args role.RequestArgs) (reply role.TrialReply, s spent, err error) {
	before, err := w.meter(ctx, a, "Rested")
	if err != nil {
		return reply, s, err
	}
	args.Edge = w.listening.Eyeball
	if err := w.load.Call(ctx, "Requests", args, &reply); err != nil {
		return reply, s, err
	}
	after, err := w.meter(ctx, a, "Usage")
	return reply, spent{after.edge.Sub(before.edge), after.connector.Sub(before.connector)}, err
}

// overPaths runs a part's blocks over tunnels: trial is given the path of the arm's provider.
func (r *runner) overPaths(ctx context.Context, p part, trial func(ctx context.Context, ps *paths, w *path, a arm, t *results.Trial) ([]results.Sample, error)) error {
	ps, err := newPaths(r, p)
	if err != nil {
		return err
	}
	defer ps.stop()
	err = r.blocks(ctx, p, ps.fresh, func(ctx context.Context, a arm, t *results.Trial) ([]results.Sample, error) {
		return trial(ctx, ps, ps.live[a.place()], a, t)
	})
	if err != nil {
		return err
	}
	return ps.settle(ctx)
}

// requests sends visitors' requests, closed loop, over the tunnels of one arm after the other.
func (r *runner) requests(ctx context.Context, p part) error {
	return r.overPaths(ctx, p, func(ctx context.Context, _ *paths, w *path, a arm, t *results.Trial) ([]results.Sample, error) {
		reply, spent, err := w.send(ctx, a, role.RequestArgs{
			Ask:         loadgen.Ask{Hosts: w.hosts[a.id], Path: fmt.Sprintf("/bytes/%d", p.Body), Down: int64(p.Body)},
			Concurrency: a.Concurrency, Duration: time.Duration(p.Time),
		})
		if err != nil {
			return nil, err
		}
		t.Started, t.Finished = reply.Started, reply.Finished
		tally(t, reply.Samples, reply.Scheduled, reply.Dropped)
		if done := float64(t.Completed + t.Failed); done > 0 {
			t.Values = map[string]float64{
				"requests_per_second": float64(t.Completed) / (float64(t.Finished-t.Started) / 1e9),
				"edge_cpu":            float64(spent.edge.CPU) / done,
				"connector_cpu":       float64(spent.connector.CPU) / done,
			}
			w.tellComingUp(t, a)
		}
		return reply.Samples, nil
	})
}

// goodput moves bulk data down and then up through the tunnels of one arm after the other.
func (r *runner) goodput(ctx context.Context, p part) error {
	return r.overPaths(ctx, p, func(ctx context.Context, _ *paths, w *path, a arm, t *results.Trial) ([]results.Sample, error) {
		each := int64(p.Size) / int64(a.Concurrency)
		hosts := w.hosts[a.id]
		down, spentDown, err := w.send(ctx, a, role.RequestArgs{
			Ask: loadgen.Ask{Hosts: hosts, Path: fmt.Sprintf("/bytes/%d", each), Down: each}, Concurrency: a.Concurrency, Count: a.Concurrency,
		})
		if err != nil {
			return nil, err
		}
		up, spentUp, err := w.send(ctx, a, role.RequestArgs{
			Ask: loadgen.Ask{Hosts: hosts, Path: "/sink", Up: each}, Concurrency: a.Concurrency, Count: a.Concurrency,
		})
		if err != nil {
			return nil, err
		}
		t.Started, t.Finished = down.Started, up.Finished
		samples := append(down.Samples, up.Samples...)
		tally(t, samples, down.Scheduled+up.Scheduled, down.Dropped+up.Dropped)
		if t.Failed+t.Dropped == 0 {
			t.Values = goodputValues(down, up, spentDown, spentUp, each*int64(a.Concurrency))
			w.tellComingUp(t, a)
		}
		return samples, nil
	})
}

// goodputValues are the rates of body bytes, and the CPU time of edge and connector together for each 10⁹ of them.
func goodputValues(down, up role.TrialReply, spentDown, spentUp spent, bytes int64) map[string]float64 {
	gb := float64(bytes) / 1e9
	rate := func(t role.TrialReply) float64 { return float64(bytes) * 8 / (float64(t.Finished-t.Started) / 1e9) }
	cpu := func(s spent) float64 { return float64(s.edge.CPU + s.connector.CPU) }
	return map[string]float64{
		"goodput_down": rate(down), "goodput_up": rate(up),
		"cpu_per_gb_down": cpu(spentDown) / gb, "cpu_per_gb_up": cpu(spentUp) / gb,
		"cpu_per_gb":           (cpu(spentDown) + cpu(spentUp)) / (2 * gb),
		"connector_cpu_per_gb": float64(spentDown.connector.CPU+spentUp.connector.CPU) / (2 * gb),
	}
}
