package lab

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"pqbench/bench"
	"pqbench/kex"
	"pqbench/results"
	"pqbench/results/stats"
)

// A Cost is the CPU time that a machine was measured to spend on one handshake, in the steps at which the lab charges it.
type Cost struct {
	Share  bench.Duration `yaml:"share"`  // the client makes its key share, before its first datagram
	Server bench.Duration `yaml:"server"` // all that the server does, between the ClientHello and its answer
	Client bench.Duration `yaml:"client"` // the rest of the client's, between that answer and its Finished
}

// Costs are those of groups, by their labels.
type Costs struct {
	From   string          `yaml:"from"` // the run that measured them
	Groups map[string]Cost `yaml:"groups"`
}

// ReadCosts takes the costs from a run folder with the experiments kex and handshake: medians over the blocks. Of a
// group's arms it takes those with the given kind of certificate and the most handshakes in flight, since one at a time
// is dearer (two processes wake each other for every packet), and of the providers Go's own, or else CIRCL's assembly.
//
// The whole of the client's CPU time is charged, what it does after completion (acknowledgements, the close) with it:
// getrusage cannot tell that apart. What precedes the first datagram is the KEM's key generation and half of what the
// group takes besides the KEM: a Diffie-Hellman key is made at first, and used at the end. Those are times by the clock,
// which a busy host makes longer than any CPU time: it is half of the client's at most. Either way the client waits for both.
func ReadCosts(dir, cert string) (*Costs, error) {
	m, _, trials, err := results.Load(dir)
	if err != nil {
		return nil, err
	}
	if m.Virtual {
		return nil, fmt.Errorf("%s is a run in virtual time, which measures no CPU: give one of `pqbench run`", dir)
	}
	measured := costReader{m: m, trials: trials, cert: cert}
	c := &Costs{From: filepath.Base(dir), Groups: map[string]Cost{}}
	for _, g := range kex.Groups() {
		if cost, ok := measured.cost(g); ok {
			c.Groups[g.Label()] = cost
		}
	}
	if len(c.Groups) == 0 {
		return nil, fmt.Errorf("%s has no group with both the experiments kex and handshake (certificate %s)", dir, cert)
	}
	return c, nil
}

// costReader finds a group's figures in a run.
type costReader struct {
	m      results.Manifest
	trials []results.Trial
	cert   string
}

func (r costReader) cost(g kex.Group) (Cost, bool) {
	agree, ok := r.best("kex", g)
	shake, also := r.best("handshake", g)
	if !ok || !also {
		return Cost{}, false
	}
	client, server := r.median(shake, "client_cpu"), r.median(shake, "server_cpu")
	keygen, decapsulate := r.median(agree, "keygen"), r.median(agree, "decapsulate") // 0 for a classical group
	share := keygen + max(0, r.median(agree, "client")-keygen-decapsulate)/2
	if client <= 0 || server <= 0 || share <= 0 {
		return Cost{}, false
	}
	share = min(share, client/2)
	return Cost{duration(share), duration(server), duration(client - share)}, true
}

func duration(ns float64) bench.Duration { return bench.Duration(time.Duration(ns)) }

// best is the arm of a group that stands for it.
func (r costReader) best(experiment string, g kex.Group) (best int, ok bool) {
	rank := func(a results.Arm) int {
		return slices.Index([]string{string(kex.CIRCLAsm), string(kex.Go)}, a.KEM)*1000 + a.Concurrency
	}
	for i, a := range r.m.Arms {
		if a.Experiment != experiment || a.Arm.AA || a.Arm.Stack != "" || !isOf(a.Arm, g) || a.Arm.Cert != "" && a.Arm.Cert != r.cert {
			continue
		}
		if a.Arm.KEM == string(kex.CIRCLGeneric) {
			continue
		}
		if !ok || rank(a.Arm) > rank(r.m.Arms[best].Arm) {
			best, ok = i, true
		}
	}
	return best, ok
}

func isOf(a results.Arm, g kex.Group) bool {
	return a.Group == g.Name && (a.Codepoint == "" || a.Codepoint == g.Codepoint())
}

func (r costReader) median(arm int, metric string) float64 {
	var values []float64
	for _, t := range r.trials {
		if v, ok := t.Values[metric]; ok && t.Arm == arm {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return 0
	}
	return stats.Median(values)
}

// check refuses costs that cannot be.
func (c *Costs) check() error {
	if c == nil {
		return nil
	}
	if c.From == "" || len(c.Groups) == 0 {
		return errors.New("cpu: say from which run the costs are, and those of at least one group")
	}
	for name, cost := range c.Groups {
		if _, err := kex.ByName(name); err != nil {
			return fmt.Errorf("cpu: %w", err)
		}
		for _, d := range []bench.Duration{cost.Share, cost.Server, cost.Client} {
			if d <= 0 || time.Duration(d) > time.Second {
				return fmt.Errorf("cpu: %s: a step takes %v: want more than nothing and at most a second", name, time.Duration(d))
			}
		}
	}
	return nil
}
