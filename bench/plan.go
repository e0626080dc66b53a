package bench

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"pqbench/kex"
	"pqbench/results"
)

// Plan is what a run does: experiments in order, each with its factors. It is read from YAML by ParsePlan, which
// refuses what it does not know and fills every default in, so that the copy kept in a run folder is complete.
type Plan struct {
	Name        string       `yaml:"name"`
	Title       string       `yaml:"title,omitempty"`
	Seed        uint64       `yaml:"seed"`
	Experiments []Experiment `yaml:"experiments"`
}

// Text is the plan as it runs, with every default filled in, as YAML that ParsePlan reads.
func (p *Plan) Text() string {
	text, err := yaml.Marshal(p)
	if err != nil {
		panic(err) // of strings and numbers
	}
	return string(text)
}

// MarshalYAML leaves out the fields that do not apply: ParsePlan would refuse them.
func (e Experiment) MarshalYAML() (any, error) {
	type plain Experiment
	c := plain(e)
	applies := func(field string) bool { return slices.Contains(onlyIn[field], e.Run) }
	if !applies("certs") {
		c.Certs = nil
	}
	if !applies("initial") {
		c.Initial = nil
	}
	if !applies("concurrency") {
		c.Concurrency = nil
	}
	return c, nil
}

// MarshalYAML writes the names of the offer's groups, as they are read.
func (o Offer) MarshalYAML() (any, error) {
	labels := make([]string, len(o))
	for i, g := range o {
		labels[i] = g.Label()
	}
	if len(labels) == 1 {
		return labels[0], nil
	}
	return labels, nil
}

// Experiment is one experiment of a plan. Every list is a factor: the arms are their product, less what cannot be
// (a Kyber group with Go's provider), a classical group once for all providers.
type Experiment struct {
	Run string `yaml:"run"` // the kind: see Kinds

	Groups      []Offer    `yaml:"groups"`
	Providers   []Provider `yaml:"providers,omitempty"`
	Certs       []Cert     `yaml:"certs,omitempty"`
	Initial     []Initial  `yaml:"initial,omitempty"`     // client's Initial datagrams, UDP payload bytes
	Concurrency []int      `yaml:"concurrency,omitempty"` // in flight at once

	// Control is the arm that the others are compared with; the first group of the list when not said.
	Control Offer `yaml:"control,omitempty"`
	// AA adds the control a second time.
	AA bool `yaml:"aa,omitempty"`

	Blocks int `yaml:"blocks"`
	// Fresh is after how many blocks the processes are replaced. A process has a speed of its own (memory layout,
	// GC phase: about 2 %), and only new processes make that a part of the scatter between blocks.
	Fresh   int      `yaml:"fresh,omitempty"`
	Count   int      `yaml:"count,omitempty"`   // handshakes per arm and block
	Time    Duration `yaml:"time,omitempty"`    // kex: per operation and block; requests: per arm and block
	Warmup  int      `yaml:"warmup,omitempty"`  // handshakes or requests before the first block of a process, not counted
	Timeout Duration `yaml:"timeout,omitempty"` // of one handshake or request
	Margin  float64  `yaml:"margin,omitempty"`  // of the equivalence test: 0.02 is ±2 %
	Tunnels int      `yaml:"tunnels,omitempty"` // per group
	Conns   int      `yaml:"conns,omitempty"`   // connections per tunnel
	Body    Size     `yaml:"body,omitempty"`    // requests: of each answer
	Size    Size     `yaml:"size,omitempty"`    // goodput: moved per arm and block and direction
	Stacks  []Stack  `yaml:"stacks,omitempty"`  // overhead: whose dial and accept loop
	// Connectors are whose connector holds the tunnels: pqbench's, which is the default and behaves as cloudflared
	// 2022.9.1 did, the same behaving as today's (pqbench-today), or a real cloudflared.
	Connectors []Stack `yaml:"connectors,omitempty"`
	// Policies are the connector's, Accepts the edge's, and Resumed is whether the connector comes with a session
	// ticket. The groups of a policy experiment are the hybrids that the policies are about.
	Policies []Policy `yaml:"policies,omitempty"`
	Accepts  []Accept `yaml:"accepts,omitempty"`
	Resumed  []bool   `yaml:"resumed,omitempty"`

	Load  `yaml:",inline"`
	Fleet `yaml:",inline"`
}

// Offer is what a connector lists: one named group, or several (a hybrid with its classical fallback, which makes the
// client send two key shares when both use X25519).
type Offer []kex.Group

// Provider, Cert, Initial, Stack, Duration and Size are values that a plan can get wrong: each checks itself while it is read.
type (
	Provider kex.Provider
	Cert     string
	Initial  int
	Stack    string
	Policy   kex.Policy
	Accept   string
	Duration time.Duration
	Size     int64
)

// Label joins the names of the offer's groups with "+", as results.Arm has them.
func (o Offer) Label() string {
	names := make([]string, len(o))
	for i, g := range o {
		names[i] = g.Name
	}
	return strings.Join(names, "+")
}

// IDs are the codepoints of the offer.
func (o Offer) IDs() []tls.CurveID {
	ids := make([]tls.CurveID, len(o))
	for i, g := range o {
		ids[i] = g.ID
	}
	return ids
}

// Expected is the group that an edge accepting everything must choose: crypto/tls prefers a hybrid whatever the
// order, and otherwise the first one listed here.
func (o Offer) Expected() kex.Group {
	for _, g := range o {
		if g.Hybrid() {
			return g
		}
	}
	return o[0]
}

func (o Offer) equal(p Offer) bool {
	if len(o) != len(p) {
		return false
	}
	for i := range o {
		if o[i].ID != p[i].ID {
			return false
		}
	}
	return true
}

// arm names the offer's part of an arm: group, codepoint where the name is not unique, provider where a KEM is used.
func (o Offer) arm(p kex.Provider) results.Arm {
	a := results.Arm{Group: o.Label()}
	if g := o.Expected(); g.Hybrid() {
		a.KEM = string(p)
		if sharesName(g) {
			a.Codepoint = g.Codepoint()
		}
	}
	return a
}

// sharesName says whether a group's name alone does not tell which it is: X25519Kyber768Draft00 has had two codepoints.
func sharesName(g kex.Group) bool {
	for _, other := range kex.Groups() {
		if other.Name == g.Name && other.ID != g.ID {
			return true
		}
	}
	return false
}

// Only keeps the offers of the plan that the names select (an offer's label or a group's name); no names keep all. A
// control that is not kept gives way to the first offer left.
func (p *Plan) Only(names []string) error {
	if len(names) == 0 {
		return nil
	}
	if err := checkNames(names); err != nil {
		return err
	}
	for i := range p.Experiments {
		e := &p.Experiments[i]
		var kept []Offer
		for _, o := range e.Groups {
			if slices.ContainsFunc(names, o.named) {
				kept = append(kept, o)
			}
		}
		if len(kept) == 0 {
			return fmt.Errorf("plan %q: %s has none of the groups %s", p.Name, e.Run, strings.Join(names, ", "))
		}
		if e.Groups = kept; !slices.ContainsFunc(kept, e.Control.equal) {
			e.Control = kept[0]
		}
	}
	return nil
}

// checkNames refuses a word that names no group at all.
func checkNames(names []string) error {
	for _, n := range names {
		if !strings.Contains(n, "+") {
			if _, err := kex.ByName(n); err != nil {
				return err
			}
		}
	}
	return nil
}

// named says whether a word selects the offer: its label, or, for a single group, any name that kex knows it by.
func (o Offer) named(word string) bool {
	if o.Label() == word {
		return true
	}
	g, err := kex.ByName(word)
	return err == nil && len(o) == 1 && o[0].ID == g.ID
}
