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
	"pqbench/tunnel"
	"pqbench/tunnel/ca"
	"pqbench/tunnel/edge"
)

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
	if e.Run == Middleboxes && len(e.Requests) == 0 {
		e.Requests = []bench.Size{1000} // a handshake may pass what its tunnel does not
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
