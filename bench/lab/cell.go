package lab

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pqbench/bench"
	"pqbench/bench/lab/link"
	"pqbench/kex"
	"pqbench/results"
	"pqbench/tunnel"
	"pqbench/tunnel/ca"
	"pqbench/tunnel/edge"
)

// A Cell is one choice for every factor. It travels to a worker.
type Cell struct {
	Offer  []string // names of the groups on offer
	Policy string
	Accept string
	Cert   string

	Profile   string // in place of what follows, the middlebox excepted
	RTT       time.Duration
	Loss      string
	Rate      int64
	Queue     int
	MTU       int
	Jitter    time.Duration
	Reorder   float64
	Down      *Way
	Middlebox string // "" is none

	Timers  bench.Timers  // of the tunnel; default cloudflared's
	Silence time.Duration // before a tunnel is asked for 1 kB

	Cost    *Cost // of computing; nil: it takes no time
	Cores   int   // of the server; default 1
	Clients int   // that dial it at the same instant; default 1
}

func (c Cell) clients() int { return max(1, c.Clients) }

// none is a path without a middlebox.
const none = "none"

// path builds the cell's path.
func (c Cell) path() (link.Path, error) {
	var p link.Path
	if c.Profile != "" {
		profile, err := link.ParseProfile(c.Profile)
		if err != nil {
			return p, err
		}
		p = profile.Path
	} else {
		loss, err := link.ParseLoss(c.Loss)
		if err != nil {
			return p, err
		}
		p = link.Symmetric(link.Direction{Delay: c.RTT / 2, Jitter: c.Jitter, Rate: c.Rate, Queue: c.Queue, MTU: c.MTU, Loss: loss, Reorder: c.Reorder})
		if p.Down, err = c.Down.over(p.Down); err != nil {
			return p, err
		}
	}
	if c.Middlebox != "" {
		m, err := link.ParseMiddlebox(c.Middlebox)
		if err != nil {
			return p, err
		}
		p.Middleboxes = append(p.Middleboxes, m)
	}
	return p, p.Check()
}

// arm names the cell in the results.
func (c Cell) arm(kind string) results.Arm {
	a := results.Arm{Group: label(c.Offer), Path: c.Profile, Loss: c.Loss}
	if c.Profile == "" {
		a.Path = Span(c.RTT).String() + wayLabel(Rate(c.Rate), Queue(c.Queue), c.MTU, c.Jitter, c.Reorder) + c.Down.label()
		a.Loss = lossLabel(c.Loss)
		if down := c.Down; down != nil && down.Loss != "" {
			a.Loss += " up, " + lossLabel(down.Loss) + " down"
		}
	}
	if c.Cert != ca.ECDSAP256 {
		a.Cert = c.Cert
	}
	if c.Clients > 1 {
		a.Concurrency = c.Clients
	}
	if kind == Silence {
		a.Middlebox, a.Timers, a.Silence = orNone(c.Middlebox), c.Timers.String(), Span(c.Silence).String()
	}
	if kind == Middleboxes {
		a.Policy, a.Accept, a.Middlebox = c.Policy, strings.ReplaceAll(c.Accept, ",", "+"), orNone(c.Middlebox)
	}
	if kind != Paths {
		if a.Loss == lossLabel("0") {
			a.Loss = "" // as ever, where it is the middlebox that matters
		}
	}
	return a
}

// lossLabel is a loss in its one spelling.
func lossLabel(text string) string {
	loss, err := link.ParseLoss(text)
	if err != nil {
		return text
	}
	return loss.String()
}

// label joins the labels of an offer, as results.Arm has them.
func label(offer []string) string {
	var labels []string
	for _, name := range offer {
		if g, err := kex.ByName(name); err == nil {
			name = g.Label()
		}
		labels = append(labels, name)
	}
	return strings.Join(labels, "+")
}

func orNone(middlebox string) string {
	if middlebox == "" {
		return none
	}
	return strings.ReplaceAll(middlebox, ",", "+")
}

// Complete checks a plan and fills its defaults in.
func (p *Plan) Complete() error {
	if len(p.Experiments) == 0 {
		return errors.New("it needs at least one entry under experiments")
	}
	if p.Name == "" || strings.ContainsAny(p.Name, `/\ `) || strings.HasPrefix(p.Name, ".") {
		return fmt.Errorf("name %q: it becomes part of a folder's name, so no slash, space or leading dot", p.Name)
	}
	if err := p.CPU.check(); err != nil {
		return err
	}
	for i := range p.Experiments {
		p.Experiments[i].cpu = p.CPU
		if err := p.Experiments[i].complete(); err != nil {
			return fmt.Errorf("experiment %d: %w", i+1, err)
		}
	}
	return nil
}

// maxCount keeps a typing error from filling a disk or a day.
const maxCount = 100_000

func (e *Experiment) complete() error {
	if !slices.Contains([]string{Paths, Middleboxes, Silence}, e.Run) {
		return fmt.Errorf("unknown experiment %q: want %s, %s or %s", e.Run, Paths, Middleboxes, Silence)
	}
	for name, list := range map[string][]string{"groups": e.Groups, "policies": e.Policies, "profiles": e.Profiles, "loss": e.Loss, "middleboxes": e.Middleboxes} {
		if list != nil && len(list) == 0 {
			return fmt.Errorf("%s: the list is empty: name at least one, or leave it out", name)
		}
	}
	if len(e.Profiles) > 0 && e.somePath() {
		return errors.New("a profile is a whole path: leave out round trips, losses, rates and whatever else a path has, or the profile")
	}
	e.fill()
	if e.Count < 1 || e.Count > maxCount || e.RequestCount < 0 || e.RequestCount > maxCount {
		return fmt.Errorf("%d trials and %d of requests: want 1 to %d", e.Count, e.RequestCount, maxCount)
	}
	if e.RequestCount > e.Count {
		return fmt.Errorf("request-count %d: a cell has %d trials, and requests go with the first of these", e.RequestCount, e.Count)
	}
	if err := errors.Join(e.checkSilence(), e.checkComputing()); err != nil {
		return err
	}
	if !slices.Contains(ca.Kinds(), e.Cert) {
		return fmt.Errorf("unknown certificate %q: one of %s", e.Cert, strings.Join(ca.Kinds(), ", "))
	}
	if _, err := edge.ParseAccept(e.Accept); err != nil {
		return err
	}
	cells, _, err := e.Cells()
	if err != nil {
		return err
	}
	for _, c := range cells {
		if _, err := c.path(); err != nil {
			return err
		}
	}
	return nil
}

func (e *Experiment) checkSilence() error {
	switch {
	case e.Run != Silence && (e.Silence != 0 || len(e.Timers) > 0):
		return fmt.Errorf("silence and timers are of the experiment %s, and not of %s", Silence, e.Run)
	case e.Run == Silence && len(e.Requests) > 0:
		return fmt.Errorf("%s asks for 1 kB: leave requests out", Silence)
	case e.Silence < 0 || time.Duration(e.Silence) > time.Hour:
		return fmt.Errorf("silence of %v: want more than none, and at most an hour", time.Duration(e.Silence))
	}
	return nil
}

// mostClients keeps a trial's memory within bounds: every client has an edge of its own.
const mostClients = 2000

func (e *Experiment) checkComputing() error {
	if e.cpu == nil && (len(e.Clients) > 0 || e.Cores != 0) {
		return errors.New("clients and server-cores: they matter where computing takes time: add cpu (--cpu measured, or a run folder)")
	}
	if e.Cores < 0 {
		return fmt.Errorf("server-cores %d: want at least 1", e.Cores)
	}
	for _, n := range e.Clients {
		if n < 1 || n > mostClients {
			return fmt.Errorf("clients %d: want 1 to %d", n, mostClients)
		}
		if e.Count%n != 0 || e.RequestCount%n != 0 {
			return fmt.Errorf("%d trials, %d with requests, are no whole number of times %d clients at once", e.Count, e.RequestCount, n)
		}
	}
	return nil
}

// somePath reports whether anything is said of a path.
func (e *Experiment) somePath() bool {
	return len(e.RTT)+len(e.Loss) > 0 || e.Rate != 0 || e.Queue != 0 || e.MTU != 0 || e.Jitter != 0 || e.Reorder != 0 || e.Down != nil
}

func (e *Experiment) fill() {
	if len(e.Groups) == 0 {
		for _, g := range kex.Groups() {
			e.Groups = append(e.Groups, g.Label())
		}
	}
	if len(e.Policies) == 0 {
		e.Policies = []string{string(kex.Strict)}
		if e.Run == Middleboxes {
			e.Policies = []string{string(kex.Strict), string(kex.Prefer)}
		}
	}
	if e.Accept == "" {
		e.Accept = edge.AcceptAll
	}
	if e.Cert == "" {
		e.Cert = ca.ECDSAP256
	}
	if len(e.RTT) == 0 && len(e.Profiles) == 0 {
		e.RTT = []Span{Span(100 * time.Millisecond)}
	}
	if len(e.Loss) == 0 && len(e.Profiles) == 0 {
		e.Loss = []string{"0"}
	}
	if len(e.Middleboxes) == 0 {
		e.Middleboxes = []string{none}
		if e.Run == Middleboxes {
			for _, m := range link.Middleboxes() {
				e.Middleboxes = append(e.Middleboxes, m.String())
			}
		}
	}
	if e.Count == 0 {
		e.Count = 500
		if e.Run != Paths {
			e.Count = 2
		}
	}
	if e.Run == Silence {
		if len(e.Timers) == 0 {
			e.Timers = []bench.Timers{{KeepAlive: tunnel.KeepAlivePeriod, Idle: tunnel.MaxIdleTimeout}}
		}
		if e.Silence == 0 {
			e.Silence = bench.Duration(35 * time.Second)
		}
	}
	if e.cpu != nil && len(e.Clients) == 0 {
		e.Clients = []int{1}
	}
	if e.RequestCount == 0 && len(e.Requests) > 0 {
		e.RequestCount = min(e.Count, 50)
	}
}

// Cells multiplies the factors. A group that this process cannot speak is left out, and skipped says why.
func (e *Experiment) Cells() (cells []Cell, skipped []string, err error) {
	offers, skipped, err := e.offers()
	if err != nil {
		return nil, nil, err
	}
	if len(offers) == 0 {
		return nil, nil, fmt.Errorf("no group is left: %s", strings.Join(skipped, "; "))
	}
	for _, base := range e.paths() {
		for _, box := range e.Middleboxes {
			for _, o := range offers {
				c := base
				c.Offer, c.Policy, c.Accept, c.Cert = o.names, o.policy, e.Accept, e.Cert
				if box != none {
					c.Middlebox = box
				}
				for _, c := range e.timersOf(c) {
					cells = append(cells, e.clientsOf(c)...)
				}
			}
		}
	}
	return cells, skipped, nil
}

// timersOf is a cell with every pair of timers of a tunnel that is left alone.
func (e *Experiment) timersOf(c Cell) (cells []Cell) {
	if e.Run != Silence {
		return []Cell{c}
	}
	for _, t := range e.Timers {
		c.Timers, c.Silence = t, time.Duration(e.Silence)
		cells = append(cells, c)
	}
	return cells
}

// clientsOf is a cell with what computing costs there, for every number of clients.
func (e *Experiment) clientsOf(c Cell) (cells []Cell) {
	if e.cpu == nil {
		return []Cell{c}
	}
	cost := e.cpu.Groups[c.Offer[0]]
	c.Cost, c.Cores = &cost, max(1, e.Cores)
	for _, n := range e.Clients {
		c.Clients = n
		cells = append(cells, c)
	}
	return cells
}

// paths are cells with nothing but a path.
func (e *Experiment) paths() (paths []Cell) {
	for _, name := range e.Profiles {
		paths = append(paths, Cell{Profile: name})
	}
	for _, rtt := range e.RTT {
		for _, loss := range e.Loss {
			paths = append(paths, Cell{RTT: time.Duration(rtt), Loss: loss, Rate: int64(e.Rate), Queue: int(e.Queue), MTU: e.MTU,
				Jitter: time.Duration(e.Jitter), Reorder: e.Reorder, Down: e.Down})
		}
	}
	return paths
}

type offer struct {
	names  []string
	policy string
}

// offers are what connectors list: a classical group alone, a hybrid under each policy.
func (e *Experiment) offers() (offers []offer, skipped []string, err error) {
	for _, name := range e.Groups {
		g, err := kex.ByName(name)
		if err != nil {
			return nil, nil, err
		}
		if err := g.InTLS(kex.Fixed()); err != nil {
			skipped = append(skipped, err.Error())
			continue
		}
		if e.cpu != nil {
			if _, ok := e.cpu.Groups[g.Label()]; !ok {
				skipped = append(skipped, fmt.Sprintf("%s: run %s did not measure what it costs", g.Label(), e.cpu.From))
				continue
			}
		}
		if !g.Hybrid() {
			offers = append(offers, offer{[]string{g.Label()}, string(kex.Classical)})
			continue
		}
		for _, p := range e.Policies {
			policy, err := kex.ParsePolicy(p)
			if err != nil {
				return nil, nil, err
			}
			groups, err := policy.Groups(g)
			if err != nil {
				return nil, nil, err
			}
			o := offer{policy: p}
			for _, g := range groups {
				o.names = append(o.names, g.Label())
			}
			offers = append(offers, o)
		}
	}
	return offers, skipped, nil
}
