package bench

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"pqbench/kex"
	"pqbench/results"
	"pqbench/tunnel/edge"
)

// Kinds are the experiments that a plan can run.
func Kinds() []string {
	return []string{"kex", "handshake", "wire", "requests", "goodput", "overhead", "idle", "policy", "rate", "knee", "fleet", "storm"}
}

// maxBlocks and the other upper bounds keep a typing error from filling a disk or a day.
const (
	maxBlocks      = 10_000
	maxConcurrency = 1_024
	maxTunnels     = 1_000
	maxConns       = 16
)

// complete checks a plan as decoded and fills its defaults in. root gives the line for a message.
func (p *Plan) complete(root *yaml.Node) error {
	if strings.ContainsAny(p.Name, `/\ `) || p.Name == "" || strings.HasPrefix(p.Name, ".") {
		return fmt.Errorf("name %q: it becomes part of a folder's name, so no slash, space or leading dot", p.Name)
	}
	if len(p.Experiments) == 0 {
		return errors.New("it needs at least one entry under experiments")
	}
	items := lookup(root, "experiments").Content
	for i := range p.Experiments {
		if err := applicable(items[i], p.Experiments[i].Run); err != nil {
			return err
		}
		if err := notZero(items[i]); err != nil {
			return err
		}
		if err := p.Experiments[i].complete(); err != nil {
			return fmt.Errorf("line %d: %w", items[i].Line, err)
		}
	}
	return p.sharedArms()
}

func lookup(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return &yaml.Node{}
}

// loads are the experiments that drive load at a rate.
var loads = []string{"rate", "knee"}

// onlyIn are the fields that mean something in some experiments alone.
var onlyIn = map[string][]string{
	"certs":              {"handshake", "wire", "requests", "goodput", "overhead", "idle", "policy", "rate", "knee", "fleet", "storm"},
	"initial":            {"handshake", "wire", "requests", "goodput", "overhead", "idle", "policy", "rate", "knee", "fleet", "storm"},
	"concurrency":        {"handshake", "requests", "goodput", "overhead", "rate"},
	"count":              {"handshake", "overhead", "policy"},
	"time":               {"kex", "requests", "idle", "rate", "knee", "fleet"},
	"warmup":             {"handshake", "requests", "goodput", "overhead", "policy", "rate", "knee"},
	"timeout":            {"handshake", "wire", "requests", "goodput", "overhead", "idle", "policy", "rate", "knee", "fleet", "storm"},
	"margin":             {"requests", "goodput"},
	"tunnels":            {"requests", "goodput", "idle", "rate", "knee"},
	"conns":              {"requests", "goodput", "idle", "rate", "knee", "fleet", "storm"},
	"body":               {"requests", "rate", "knee"},
	"size":               {"goodput"},
	"stacks":             {"overhead"},
	"policies":           {"policy"},
	"accepts":            {"policy"},
	"resumed":            {"policy"},
	"connectors":         {"requests", "goodput", "idle"},
	"sizes":              holders,
	"timers":             holders,
	"sockets":            holders,
	"post_quantum_share": holders,
	"outage":             {"storm"},
	"ending":             {"storm"},
	"colos":              {"storm"},
	"admission":          {"storm"},
	"requests":           {"storm"},
	"beside":             {"storm"},
	"drive":              loads,
	"rates":              {"rate"},
	"phases":             {"rate"},
	"arrivals":           loads,
	"trace":              {"rate"},
	"lead":               loads,
	"loop":               loads,
	"in_flight":          loads,
	"procs":              loads,
	"edge_cores":         loads,
	"target":             {"rate", "knee", "handshake"},
	"max_p99":            {"knee"}, "min_completed": {"knee"}, "from": {"knee"}, "precision": {"knee"},
}

// applicable refuses a field that the experiment would not heed: a plan says what it does.
func applicable(experiment *yaml.Node, kind string) error {
	if !slices.Contains(Kinds(), kind) {
		return nil // complete says so
	}
	for i := 0; i+1 < len(experiment.Content); i += 2 {
		key := experiment.Content[i]
		if kinds, ok := onlyIn[key.Value]; ok && !slices.Contains(kinds, kind) {
			return fmt.Errorf("line %d: %s does not apply to %s, only to %s", key.Line, key.Value, kind, strings.Join(kinds, ", "))
		}
	}
	return nil
}

// defaults of the fields that an experiment leaves out, by kind. Blocks: six are the least that give an interval.
var defaults = map[string]Experiment{
	"kex":       {Blocks: 12, Fresh: 4, Time: Duration(10 * time.Millisecond), Concurrency: []int{1}},
	"handshake": {Blocks: 20, Fresh: 2, Count: 50, Warmup: 30, Timeout: Duration(5 * time.Second), Concurrency: []int{1, 8}},
	"wire":      {Blocks: 20, Fresh: 20, Timeout: Duration(5 * time.Second), Concurrency: []int{1}},
	"requests": {Blocks: 16, Fresh: 4, Time: Duration(500 * time.Millisecond), Warmup: 200, Timeout: Duration(10 * time.Second),
		Concurrency: []int{16}, Margin: 0.02, Tunnels: 16, Conns: 4, Body: 1 << 10},
	"goodput": {Blocks: 12, Fresh: 4, Timeout: Duration(60 * time.Second), Concurrency: []int{2}, Margin: 0.02, Tunnels: 2, Conns: 4, Size: 64 << 20},
	"idle":    {Blocks: 6, Fresh: 1, Time: Duration(5 * time.Second), Timeout: Duration(10 * time.Second), Concurrency: []int{1}, Tunnels: 10, Conns: 4},
	"policy": {Blocks: 12, Fresh: 4, Count: 20, Warmup: 10, Timeout: Duration(5 * time.Second), Concurrency: []int{1},
		Policies: []Policy{Policy(kex.Strict), Policy(kex.Prefer), Policy(kex.Classical)}, Accepts: []Accept{edge.AcceptAll, edge.AcceptPQ, edge.AcceptClassical},
		Resumed: []bool{false, true}},
	"overhead": {Blocks: 30, Fresh: 1, Count: 100, Warmup: 30, Timeout: Duration(5 * time.Second), Concurrency: []int{8},
		Stacks: []Stack{bare, pqbench}},
	"fleet": {Blocks: 6, Fresh: 1, Time: Duration(2 * time.Second), Timeout: Duration(10 * time.Second), Concurrency: []int{1}, Conns: 4,
		Fleet: Fleet{Sizes: []int{50, 100, 200, 400}, Timers: []Timers{cloudflaredTimers}, Sockets: socketsShared}},
	"storm": {Blocks: 6, Fresh: 1, Timeout: Duration(2 * time.Minute), Concurrency: []int{1}, Conns: 4,
		Fleet: Fleet{Sizes: []int{200}, Timers: []Timers{cloudflaredTimers}, Sockets: socketsShared, Outage: Duration(5 * time.Second), Ending: endingClose, Colos: 1,
			Admission: []Admission{"none"}}},
	"rate": {Blocks: 6, Fresh: 3, Time: Duration(5 * time.Second), Warmup: 30, Timeout: Duration(5 * time.Second), Concurrency: []int{8}, Tunnels: 16, Conns: 4, Body: 1 << 10,
		Load: Load{Drive: driveHandshakes, Arrivals: arrivalsPoisson, Loop: loopOpen, InFlight: 256, Procs: 1}},
	"knee": {Blocks: 6, Fresh: 2, Time: Duration(time.Second), Warmup: 30, Timeout: Duration(5 * time.Second), Concurrency: []int{8}, Tunnels: 16, Conns: 4, Body: 1 << 10,
		Load: Load{Drive: driveHandshakes, Arrivals: arrivalsPoisson, Loop: loopOpen, InFlight: 256, Procs: 1, Lead: Duration(200 * time.Millisecond),
			Bounds: Bounds{MaxP99: Duration(50 * time.Millisecond), MinCompleted: 0.999, From: 100, Precision: 0.05}}},
}

func (e *Experiment) complete() error {
	d, ok := defaults[e.Run]
	if !ok {
		return fmt.Errorf("unknown experiment %q%s; one of %s", e.Run, kex.DidYouMean(e.Run, Kinds()), strings.Join(Kinds(), ", "))
	}
	if len(e.Groups) == 0 {
		return fmt.Errorf("%s: groups is empty; name at least one group", e.Run)
	}
	e.fill(d)
	if err := errors.Join(e.inRange(), e.distinct()); err != nil {
		return fmt.Errorf("%s: %w", e.Run, firstLine(err))
	}
	if !slices.ContainsFunc(e.Groups, e.Control.equal) {
		return fmt.Errorf("%s: control %s is not one of the groups", e.Run, e.Control.Label())
	}
	for _, g := range e.Groups {
		if g.Expected().Hybrid() && len(e.providersOf(g)) == 0 {
			return fmt.Errorf("%s: none of the providers %v computes %s, which %s needs", e.Run, e.Providers, g.Expected().KEM, g.Label())
		}
	}
	return nil
}

// firstLine is the first of joined errors: a message is one line, and the next one comes when this is mended.
func firstLine(err error) error {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(line)
}

func (e *Experiment) fill(d Experiment) {
	orInt := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	orInt(&e.Blocks, d.Blocks)
	orInt(&e.Fresh, d.Fresh)
	orInt(&e.Count, d.Count)
	orInt(&e.Warmup, d.Warmup)
	orInt(&e.Tunnels, d.Tunnels)
	orInt(&e.Conns, d.Conns)
	e.Load.fill(d.Load)
	e.Fleet.fill(d.Fleet)
	if e.Time == 0 {
		e.Time = d.Time
	}
	if e.Timeout == 0 {
		e.Timeout = d.Timeout
	}
	if e.Margin == 0 {
		e.Margin = d.Margin
	}
	if e.Body == 0 {
		e.Body = d.Body
	}
	if e.Size == 0 {
		e.Size = d.Size
	}
	if len(e.Providers) == 0 {
		e.Providers = []Provider{Provider(kex.Go)}
	}
	if len(e.Certs) == 0 {
		e.Certs = []Cert{"ecdsa-p256"}
	}
	if len(e.Initial) == 0 {
		e.Initial = []Initial{defaultInitial}
	}
	if len(e.Concurrency) == 0 {
		e.Concurrency = d.Concurrency
	}
	if len(e.Stacks) == 0 {
		e.Stacks = d.Stacks
	}
	if len(e.Policies) == 0 {
		e.Policies = d.Policies
	}
	if len(e.Accepts) == 0 {
		e.Accepts = d.Accepts
	}
	if len(e.Resumed) == 0 {
		e.Resumed = d.Resumed
	}
	if len(e.Control) == 0 {
		e.Control = e.Groups[0]
	}
}

// distinct refuses a factor that lists the same value twice: its arm would be recorded twice.
func (e *Experiment) distinct() error {
	for i, o := range e.Groups {
		if slices.ContainsFunc(e.Groups[:i], o.equal) {
			return fmt.Errorf("groups: %s is listed twice", o.Label())
		}
	}
	return errors.Join(once("providers", e.Providers), once("certs", e.Certs), once("initial", e.Initial),
		once("concurrency", e.Concurrency), once("stacks", e.Stacks), once("connectors", e.Connectors),
		once("policies", e.Policies), once("accepts", e.Accepts), once("resumed", e.Resumed))
}

func once[T comparable](name string, list []T) error {
	for i, v := range list {
		if slices.Contains(list[:i], v) {
			return fmt.Errorf("%s: %v is listed twice", name, v)
		}
	}
	return nil
}

// sharedArms refuses two entries of one kind that would be recorded as one arm although they measure different things.
// Entries may repeat a kind with other factors (concurrency, groups): those are in the arm's name.
func (p *Plan) sharedArms() error {
	type settings struct {
		count, warmup, tunnels, conns int
		time, timeout                 Duration
		body, size                    Size
		cert                          Cert
		initial                       Initial
		doing                         string
	}
	seen := map[results.ArmOf]settings{}
	for i := range p.Experiments {
		e := &p.Experiments[i]
		s := settings{e.Count, e.Warmup, e.Tunnels, e.Conns, e.Time, e.Timeout, e.Body, e.Size, "", 0, e.doing()}
		if e.Run == "requests" || e.Run == "goodput" || e.Run == "idle" {
			s.cert, s.initial = e.Certs[0], e.Initial[0]
		}
		arms, _ := e.arms()
		for _, a := range arms {
			key := results.ArmOf{Experiment: e.Run, Arm: a.Arm}
			if before, ok := seen[key]; ok && before != s {
				return fmt.Errorf("two %s entries share the arm %s but differ in what they do; give them plans of their own", e.Run, a.Arm)
			}
			seen[key] = s
		}
	}
	return nil
}

// doing is what an experiment does with load and fleets, less what its arms are named by.
func (e *Experiment) doing() string {
	load, fleet := e.Load, e.Fleet
	load.Rates, load.EdgeCores = nil, nil
	fleet.Sizes, fleet.Timers, fleet.Admission = nil, nil, nil
	text, err := yaml.Marshal([]any{load, fleet})
	if err != nil {
		panic(err) // of strings and numbers
	}
	return string(text)
}

// notZero refuses a zero that stands in the plan: it is not the same as leaving the field out.
func notZero(experiment *yaml.Node) error {
	for i := 0; i+1 < len(experiment.Content); i += 2 {
		key, value := experiment.Content[i], experiment.Content[i+1]
		if value.Kind == yaml.ScalarNode && (value.Tag == "!!int" || value.Tag == "!!float") {
			if v, err := strconv.ParseFloat(value.Value, 64); err == nil && v == 0 {
				return fmt.Errorf("line %d: %s: 0 is out of range; leave it out for the default", value.Line, key.Value)
			}
		}
	}
	return nil
}

func (e *Experiment) inRange() error {
	for _, f := range []struct {
		name      string
		value     int
		low, high int
	}{
		{"blocks", e.Blocks, 1, maxBlocks}, {"fresh", e.Fresh, 1, maxBlocks}, {"count", e.Count, 0, 1_000_000},
		{"warmup", e.Warmup, 0, 100_000}, {"tunnels", e.Tunnels, 0, maxTunnels}, {"conns", e.Conns, 0, maxConns},
	} {
		if f.value < f.low || f.value > f.high {
			return fmt.Errorf("%s: %d is out of range, want %d to %d", f.name, f.value, f.low, f.high)
		}
	}
	for _, c := range e.Concurrency {
		if c < 1 || c > maxConcurrency {
			return fmt.Errorf("concurrency: %d is out of range, want 1 to %d", c, maxConcurrency)
		}
	}
	if (e.Run == "requests" || e.Run == "goodput" || e.Run == "idle") && (len(e.Certs) > 1 || len(e.Initial) > 1) {
		return errors.New("certs and initial take one value here: once a tunnel stands they make no difference")
	}
	if e.Run == "policy" && slices.ContainsFunc(e.Groups, func(o Offer) bool { return len(o) > 1 || !o[0].Hybrid() }) {
		return errors.New("groups are single hybrids here: the policies say what stands beside them")
	}
	if slices.Contains(e.Stacks, realCloudflared) || slices.Contains(e.Stacks, pqbenchToday) ||
		slices.ContainsFunc(e.Connectors, func(s Stack) bool { return slices.Contains([]Stack{bare, closedLoads, openLoads}, s) }) {
		return errors.New("stacks are bare, closed, open or pqbench, connectors are pqbench, pqbench-today or cloudflared")
	}
	if e.Target != nil {
		if err := e.Target.check(); err != nil {
			return err
		}
	}
	if slices.Contains(loads, e.Run) {
		if err := e.checkLoad(); err != nil {
			return err
		}
	}
	if slices.Contains(holders, e.Run) {
		if err := e.checkFleet(); err != nil {
			return err
		}
	}
	if e.Margin < 0 || e.Margin >= 1 {
		return fmt.Errorf("margin: %g is out of range, want a ratio such as 0.02 for 2 %%", e.Margin)
	}
	return nil
}

// providersOf are the providers of the experiment that can compute the offer; none for a classical one.
func (e *Experiment) providersOf(o Offer) []kex.Provider {
	var able []kex.Provider
	for _, p := range e.Providers {
		if slices.Contains(o.Expected().Providers(), kex.Provider(p)) {
			able = append(able, kex.Provider(p))
		}
	}
	return able
}
