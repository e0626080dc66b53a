package capacity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"pqbench/results"
	"pqbench/results/stats"
)

// judgeRuns says what must be known of the runs: hosts that differ, runs that are not whole.
func (m *Measured) judgeRuns() {
	first := m.runs[0]
	for _, r := range m.runs {
		if !r.manifest.Complete {
			m.Warnings = append(m.Warnings, fmt.Sprintf("%s is not complete: %s", r.name, r.manifest.Reason))
		}
		if r.manifest.Virtual {
			m.Warnings = append(m.Warnings, r.name+" is a run of the lab, where computing takes no time: its costs are not used")
		}
		a, b := first.manifest.Host, r.manifest.Host
		if a.CPU != b.CPU || a.Cores != b.Cores || a.Arch != b.Arch || a.Kernel != b.Kernel {
			m.Warnings = append(m.Warnings, fmt.Sprintf("hosts differ: %s ran on %s, %s on %s; their costs are added up as if they did not",
				first.name, hostOf(a), r.name, hostOf(b)))
		}
		if r.manifest.Versions.Commit != first.manifest.Versions.Commit {
			m.Warnings = append(m.Warnings, fmt.Sprintf("%s is of commit %.12s, %s of %.12s", first.name, first.manifest.Versions.Commit, r.name, r.manifest.Versions.Commit))
		}
	}
}

func hostOf(h results.Host) string {
	return fmt.Sprintf("%s with %d cores, %s %s", cmp.Or(h.CPU, h.Arch), h.Cores, h.OS, h.Kernel)
}

// judgeOrigins says which costs the groups have from different runs: their difference is then also one of the runs.
func (m *Measured) judgeOrigins() {
	var names []string
	for _, s := range sources {
		var from []string
		for i := range m.Costs {
			if cost := m.Costs[i].cost(s.cost); cost != nil {
				from = once(from, cost.Run)
			}
		}
		if len(from) > 1 {
			names = append(names, s.cost)
		}
	}
	if len(names) > 0 {
		m.Warnings = append(m.Warnings, fmt.Sprintf("the groups do not have all costs from the same run (%s): what differs between them may be the runs", strings.Join(names, ", ")))
	}
}

// perConnection says what the costs of idle connections rest on, for a target of so many a tunnel.
func (m *Measured) perConnection(target int) string {
	var with []string
	for _, r := range m.runs {
		for _, t := range r.trials {
			if n, ok := t.Values[perTunnel]; ok && t.Experiment == "fleet" {
				with = once(with, count(int(n)))
			}
		}
	}
	text := "Memory, upkeep and keep-alive traffic are counted for each connection"
	if len(with) == 0 {
		return text + "."
	}
	slices.Sort(with)
	text += ", from fleets of " + strings.Join(with, " and ") + " connections a tunnel. What a tunnel holds beside them is spread over them"
	if len(with) == 1 && with[0] != count(target) {
		text += fmt.Sprintf(": for the target's %d a tunnel these costs are somewhat off, too low for fewer connections than were measured and too high for more", target)
	}
	return text + "."
}

// judgeCosts says which are missing, and which have no interval.
func (m *Measured) judgeCosts(timers string) error {
	found := 0
	for i := range m.Costs {
		c := &m.Costs[i]
		for _, s := range sources {
			cost := c.byName[s.cost]
			switch {
			case cost == nil:
				c.Missing[s.cost] = cmp.Or(c.Missing[s.cost], m.missing(s, c.Group, timers))
			case cost.draws == nil:
				m.Warnings = append(m.Warnings, fmt.Sprintf("%s, %s: %d blocks are too few for an interval, at least %d are needed: what it gives is a point",
					c.Group, s.cost, cost.Blocks, stats.MinBlocks))
			}
		}
		found += len(c.byName)
	}
	m.judgeOrigins()
	if found == 0 {
		return fmt.Errorf("the runs hold no cost of %s: they need at least one of the experiments %v, which pqbench run capacity measures",
			groupsOf(m.Costs), experiments())
	}
	return nil
}

// missing says why there is no cost: no such experiment, or not as the target asks for it.
func (m *Measured) missing(s source, group, timers string) string {
	for _, r := range m.runs {
		arms := pick(r.manifest, s.experiment, group, func(results.Arm) bool { return true })
		asked := slices.ContainsFunc(arms, func(i int) bool { return r.manifest.Arms[i].Arm.Timers == timers })
		switch {
		case len(arms) > 0 && s.timed && !asked:
			return fmt.Sprintf("%s ran experiment %s for %s with other timers than the target's, %s", r.name, s.experiment, group, r.manifest.Arms[arms[0]].Arm.Timers)
		case len(arms) > 0:
			return fmt.Sprintf("experiment %s of %s has no value for %s of %q%s", s.experiment, r.name, group, titles[s.cost].title, s.remedy())
		}
	}
	return fmt.Sprintf("no run has experiment %s for %s", s.experiment, group)
}

// remedy says what an experiment must have for the cost.
func (s *source) remedy() string {
	switch {
	case s.slope && s.timed:
		return ": it needs sizes of fleets that are far apart, idle for two keep-alive periods and more (time: 5s)"
	case s.slope:
		return ": it needs sizes of fleets that are far apart"
	case s.timed:
		return ": it needs fleets that are idle for two keep-alive periods and more (time: 5s)"
	}
	return ""
}

func groupsOf(costs []Costs) string {
	text := ""
	for i, c := range costs {
		if i > 0 {
			text += ", "
		}
		text += c.Group
	}
	return text
}
