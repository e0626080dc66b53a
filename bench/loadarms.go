package bench

import (
	"strings"

	"pqbench/results"
)

// loadArms are the arms of an experiment that drives load: for each number of the edge's cores, each rate (or, in a
// closed loop, each number in flight) and each phase that is measured, the offers.
func (e *Experiment) loadArms() (arms []arm, skipped []string) {
	for _, factors := range e.loadFactors() {
		for _, o := range e.Groups {
			more, why := e.armsOf(o, factors, true)
			arms = append(arms, more...)
			skipped = append(skipped, why...)
		}
	}
	return arms, unique(skipped)
}

// loadFactors are all factors but the group and the provider.
func (e *Experiment) loadFactors() (list []results.Arm) {
	f := results.Arm{Load: e.Drive, Arrivals: e.Arrivals}
	if e.Target == nil && e.Drive == driveHandshakes {
		f.Cert = string(e.Certs[0])
		if e.Initial[0] != defaultInitial {
			f.Initial = int(e.Initial[0])
		}
	}
	if e.Loop == loopClosed {
		f.Arrivals = loopClosed
	}
	for _, cores := range append(e.EdgeCores, 0)[:max(1, len(e.EdgeCores))] {
		f.EdgeCores = cores
		list = append(list, e.rateFactors(f)...)
	}
	return list
}

func (e *Experiment) rateFactors(f results.Arm) (list []results.Arm) {
	switch {
	case e.Run == "knee", e.Trace != "":
		return []results.Arm{f}
	case e.Loop == loopClosed:
		for _, c := range e.Concurrency {
			f.Concurrency = c
			list = append(list, f)
		}
	case len(e.Phases) > 0:
		for _, p := range e.Phases {
			if !p.Warmup {
				f.Phase, f.Rate = p.Name, p.rates()
				list = append(list, f)
			}
		}
	default:
		for _, r := range e.Rates {
			f.Rate = r.String()
			list = append(list, f)
		}
	}
	return list
}

// rates is "10/s", or "10..100/s" where it changes.
func (p Phase) rates() string {
	if p.To == 0 || p.To == p.Rate {
		return p.Rate.String()
	}
	return strings.TrimSuffix(p.Rate.String(), "/s") + ".." + p.To.String()
}

// leads are the arms that have a trial of their own. The phases of one schedule are measured in one trial: that of the
// first, which the others follow.
func leads(arms []arm) (first []arm, followers map[int][]arm) {
	followers = map[int][]arm{}
	of := map[results.Arm]int{}
	for _, a := range arms {
		key := a.Arm
		if a.Phase != "" {
			key.Phase, key.Rate = "", ""
		}
		lead, ok := of[key]
		if !ok || a.Phase == "" {
			lead = a.id
			of[key] = lead
			first = append(first, a)
		}
		followers[lead] = append(followers[lead], a)
	}
	return first, followers
}
