package report

import (
	"slices"

	"pqbench/results"
)

// A lookup finds numbers of a summary for sentences and claims.
type lookup struct{ s results.Summary }

// value is a row's; ok is false when there is none to print.
func (l lookup) value(experiment, metric string, a results.Arm) (v float64, ok bool) {
	i := slices.IndexFunc(l.s.Rows, func(r results.Row) bool {
		return r.Experiment == experiment && r.Metric == metric && r.Arm == a && r.Value != nil
	})
	if i < 0 {
		return 0, false
	}
	return *l.s.Rows[i].Value, true
}

// row is nil when there is none with a value.
func (l lookup) row(experiment, metric string, a results.Arm) *results.Row {
	i := slices.IndexFunc(l.s.Rows, func(r results.Row) bool {
		return r.Experiment == experiment && r.Metric == metric && r.Arm == a && r.Value != nil
	})
	if i < 0 {
		return nil
	}
	return &l.s.Rows[i]
}

// comparisons are those that a condition picks, in order.
func (l lookup) comparisons(pick func(results.Comparison) bool) []results.Comparison {
	var out []results.Comparison
	for _, c := range l.s.Comparisons {
		if pick(c) {
			out = append(out, c)
		}
	}
	return out
}

// ofGroup are the comparisons of a group of that name with the control, those with the preferred provider first.
func (l lookup) ofGroup(experiment, metric, group string) []results.Comparison {
	found := l.comparisons(func(c results.Comparison) bool {
		return c.Experiment == experiment && c.Metric == metric && c.Kind == "group" && c.Arm.Group == group &&
			!hybrid(c.Base) && c.Ratio != nil
	})
	slices.SortStableFunc(found, func(a, b results.Comparison) int { return preferred(a.Arm) - preferred(b.Arm) })
	return found
}

// The stacks of arms that a real cloudflared carried, and our connector.
const (
	cloudflared = "cloudflared"
	ours        = "pqbench"
)

// The group that today's deployments use, and those of the announcement of post-quantum tunnels.
const (
	today    = "X25519MLKEM768"
	kyber512 = "X25519Kyber512Draft00"
	kyber768 = "X25519Kyber768Draft00"
)

// hero is the post-quantum group that the answer is about: today's where it was measured, and else the first that was.
func (l lookup) hero(experiment string) string {
	first := ""
	for _, c := range l.s.Comparisons {
		if c.Experiment != experiment || c.Kind != "group" || !hybrid(c.Arm) || hybrid(c.Base) {
			continue
		}
		if c.Arm.Group == today {
			return today
		}
		if first == "" {
			first = c.Arm.Group
		}
	}
	return first
}
