package lab

import (
	"fmt"
	"strings"
	"time"

	"pqbench/bench"
	"pqbench/bench/lab/link"
	"pqbench/kex"
	"pqbench/results"
	"pqbench/tunnel/ca"
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
			if err := unmarked(box); err != nil {
				skipped = append(skipped, fmt.Sprintf("%s: %v", box, err))
				continue
			}
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
	if len(cells) == 0 {
		return nil, nil, fmt.Errorf("no middlebox is left: %s", strings.Join(skipped, "; "))
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

// unmarked says why nothing would be seen of a middlebox that acts on ECN.
func unmarked(box string) error {
	if m, err := link.ParseMiddlebox(box); err == nil && link.ActsOnECN(m) {
		return link.MarkingUnsupported()
	}
	return nil
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
