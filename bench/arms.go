package bench

import (
	"math/rand/v2"
	"slices"

	"pqbench/kex"
	"pqbench/results"
	"pqbench/tunnel"
)

const defaultInitial = tunnel.InitialPacketSize

// arm is one arm of an experiment: its name in the results, and what to do for it.
type arm struct {
	results.Arm
	id       int // index into Manifest.Arms
	offer    Offer
	provider kex.Provider // the processes it runs on; also for a classical group
	note     string
}

// timers are those of a fleet's arm.
func (a arm) timers() Timers {
	t, _ := ParseTimers(a.Timers) // they were read when the arm was made
	return t
}

// arms lists the arms of an experiment: the product of its factors, less what cannot be. A group that this build
// cannot speak is left out, and skipped says why.
func (e *Experiment) arms() (arms []arm, skipped []string) {
	if e.Run == "policy" {
		return e.policyArms()
	}
	if e.Run == "rate" || e.Run == "knee" {
		return e.loadArms()
	}
	if slices.Contains(holders, e.Run) {
		return e.fleetArms()
	}
	inTLS := e.Run != "kex"
	for _, concurrency := range e.Concurrency {
		for _, cert := range e.Certs {
			for _, initial := range e.Initial {
				for _, stack := range e.stacks() {
					factors := results.Arm{Concurrency: concurrency, Cert: string(cert), Initial: int(initial), Stack: string(stack)}
					for _, o := range e.Groups {
						more, why := e.armsOf(o, factors, inTLS)
						arms = append(arms, more...)
						skipped = append(skipped, why...)
					}
				}
			}
		}
	}
	return arms, unique(skipped)
}

// The stacks: whose code dials, or holds the tunnels.
const (
	bare            Stack = "bare"
	closedLoads     Stack = "closed"        // our generator's closed loop, at the bare accept loop
	openLoads       Stack = "open"          // its open loop, likewise, with more on offer than can be done
	pqbench         Stack = "pqbench"       // as cloudflared 2022.9.1, connector.Compat2022
	pqbenchToday    Stack = "pqbench-today" // as cloudflared 2026.8.2, connector.CompatToday
	realCloudflared Stack = "cloudflared"
)

func (e *Experiment) stacks() []Stack {
	switch {
	case e.Run == "overhead":
		return e.Stacks
	case len(e.Connectors) > 0:
		return e.Connectors
	}
	return []Stack{""}
}

// armsOf are the arms of one offer: one for each provider that computes it, or one if it is classical; and the
// control's second appearance.
func (e *Experiment) armsOf(o Offer, factors results.Arm, inTLS bool) (arms []arm, skipped []string) {
	providers := e.providersOf(o)
	if !o.Expected().Hybrid() {
		providers = []kex.Provider{kex.Provider(e.Providers[0])}
	}
	for _, p := range providers {
		if inTLS {
			if err := o.inTLS(p); err != nil {
				skipped = append(skipped, err.Error())
				continue
			}
		}
		a := arm{Arm: e.name(o, p, factors), offer: o, provider: p, note: note(o, p)}
		if factors.Stack == string(realCloudflared) {
			if err := cloudflaredOffers(o, p); err != nil {
				skipped = append(skipped, err.Error())
				continue
			}
		}
		arms = append(arms, a)
		if e.AA && o.equal(e.Control) && p == providers[0] && factors.Stack != string(realCloudflared) && factors.Stack != string(pqbenchToday) {
			a.Arm.AA = true
			arms = append(arms, a)
		}
	}
	return arms, skipped
}

// name keeps the factors that mean something in the experiment, so that no row carries a meaningless one.
func (e *Experiment) name(o Offer, p kex.Provider, factors results.Arm) results.Arm {
	a := o.arm(p)
	a.Stack = factors.Stack
	switch e.Run {
	case "kex":
		return a
	case "wire":
		a.Cert, a.Initial = factors.Cert, factors.Initial
	case "requests", "goodput":
		a.Concurrency = factors.Concurrency
	case "idle":
		a.Tunnels = e.Tunnels
	case "fleet", "storm":
		a.Tunnels, a.Timers, a.Outage, a.Admission = factors.Tunnels, factors.Timers, factors.Outage, factors.Admission
		if o.Expected().Hybrid() {
			a.Share = e.Share.String()
		}
	case "rate", "knee":
		a.Load, a.Arrivals, a.Rate, a.Phase, a.EdgeCores = factors.Load, factors.Arrivals, factors.Rate, factors.Phase, factors.EdgeCores
		a.Cert, a.Initial, a.Concurrency = factors.Cert, factors.Initial, factors.Concurrency
	default:
		a.Cert, a.Concurrency = factors.Cert, factors.Concurrency
		if e.Target != nil {
			a.Cert = "" // the server's own
		}
		if factors.Initial != defaultInitial {
			a.Initial = factors.Initial
		}
	}
	return a
}

func (o Offer) inTLS(p kex.Provider) error {
	for _, g := range o {
		if err := g.InTLS(p); err != nil {
			return err
		}
	}
	return nil
}

func note(o Offer, p kex.Provider) string {
	if o.Expected().Hybrid() {
		return kex.ProviderNote(p)
	}
	return ""
}

func unique(list []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// overheadMargin is how much the harness may add to a handshake and still be called equal to a bare dial loop.
const overheadMargin = 0.05

// pairs are the comparisons of an experiment: every arm against the control with the same other factors; a KEM
// provider against the generic code and Go's own; the control against itself.
func (e *Experiment) pairs(arms []arm) []results.Pair {
	margin := 0.0
	if e.Run == "requests" || e.Run == "goodput" {
		margin = e.Margin
	}
	var pairs []results.Pair
	for _, a := range arms {
		for _, b := range arms {
			kind := e.compares(a, b)
			switch kind {
			case "":
			case "stack":
				margin := 0.0
				if e.Run == "overhead" {
					margin = overheadMargin
				}
				pairs = append(pairs, results.Pair{Arm: a.id, Base: b.id, Kind: kind, Equivalence: margin})
			default:
				pairs = append(pairs, results.Pair{Arm: a.id, Base: b.id, Kind: kind, Equivalence: margin})
			}
		}
	}
	return pairs
}

// compares says what kind of comparison a against base b is; "" for none.
func (e *Experiment) compares(a, b arm) string {
	if a.id == b.id || b.AA {
		return ""
	}
	if e.Run == "policy" {
		return e.comparesPolicies(a, b)
	}
	same := a.Arm
	same.AA = false
	if a.AA {
		if same == b.Arm {
			return "aa"
		}
		return ""
	}
	same.Group, same.Codepoint, same.KEM = b.Group, b.Codepoint, b.KEM
	same.Share = b.Share // of a mixed fleet the control is the whole of what a part of it offers
	if b.offer.equal(e.Control) && !a.offer.equal(b.offer) && same == b.Arm && e.firstOfControl(b) {
		return "group"
	}
	same = a.Arm
	same.KEM = b.KEM
	if same == b.Arm && a.KEM == string(kex.CIRCLAsm) && b.KEM != "" {
		return "kem"
	}
	same = a.Arm
	same.Stack = b.Stack
	if same == b.Arm && (b.Stack == string(bare) || b.Stack == string(realCloudflared)) {
		return "stack"
	}
	return ""
}

// firstOfControl says whether b is the control on its first provider: a hybrid control has an arm on each.
func (e *Experiment) firstOfControl(b arm) bool {
	able := e.providersOf(b.offer)
	return len(able) == 0 || b.provider == able[0]
}

// order is the random order in which a block runs its arms. It depends on the seed and the block alone, so that a
// run can be repeated.
func order(seed uint64, experiment, block, n int) []int {
	rng := rand.New(rand.NewPCG(seed, uint64(experiment)<<32|uint64(block)))
	return rng.Perm(n)
}
