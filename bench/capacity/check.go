package capacity

import (
	"fmt"
	"math"
	"slices"

	"pqbench/results/stats"
)

// checkSection holds the simulation against what was measured.
func (p *Plan) checkSection() section {
	s := section{title: "Is the simulation right?", head: []string{"measured storm", "back", "simulated", "measured", "off by", "by the law alone", "blocks"}, figures: p.checkFigures()}
	names := map[string]string{"recover_50": "50 %", "recover_99": "99 %", "recover_100": "all", "peak_rate": "peak /s",
		"edge_cpu_share": "edge's CPU", "connector_cpu_share": "connectors' CPU"}
	missed, tried, byLaw := 0, 0, 0
	for i := range p.Checks {
		c := &p.Checks[i]
		label := fmt.Sprintf("%s, %d tunnels, %s, %s", c.Group, c.Arm.Tunnels, c.Arm.Outage, c.Arm.Admission)
		if c.Refused != "" {
			s.list = append(s.list, fmt.Sprintf("%s of %s was not simulated: %s", label, c.Run, c.Refused))
			continue
		}
		if c.Unaccepted > 0 {
			s.list = append(s.list, fmt.Sprintf("%s: %s refused, or without a registration in the end, by an edge that had no limit: quic-go's reason to refuse, the only one it has while an edge serves, is that %d wait to be accepted and nobody is free to, as at an edge without time; it was not watched here. The simulation has no such queue: the last per cent of its fleet are back sooner, which moves 99 %% where the refused are about one",
				label, counted(c.Unaccepted, "dial"), acceptQueue))
		}
		if c.LostAgain > 0 {
			s.list = append(s.list, fmt.Sprintf("%s: %s lost again after coming back. quic-go sends a keep-alive no sooner than after 1.5 probe time-outs, and those of connections that were made at an edge without time are seconds long: the edge's idle time-out comes first. The simulation does not lose them, and has the last per cent back sooner",
				label, counted(c.LostAgain, "connection")))
		}
		for k, m := range c.Metrics {
			row := []string{"", names[m.Name], came(m.Predicted, m.Unit), came(m.Measured, m.Unit), m.off(), m.law(), m.blocks(c.Blocks)}
			if k == 0 {
				row[0] = label
			}
			if !m.OnlyForShow {
				tried++
			}
			if !m.OnlyForShow && m.OK() && m.ByLaw() {
				byLaw++
			}
			if !m.OnlyForShow && !m.OK() {
				missed++
				row[4] += " !"
			}
			s.rows = append(s.rows, row)
		}
	}
	switch {
	case len(p.Checks) == 0:
		s.paragraphs = []string{"Not checked: no run has experiment storm. Measure one (pqbench run storm) and give its folder with --run beside the others."}
	case tried > 0 && missed == 0:
		s.paragraphs = []string{fmt.Sprintf("Held against measured storms at their own size, all %d predictions are within %s.", tried, percent(within))}
	case tried > 0:
		s.paragraphs = []string{fmt.Sprintf("Held against measured storms at their own size, %d of %d predictions miss by more than %s (marked !). Take the storm above with the same doubt.", missed, tried, percent(within))}
	}
	if byLaw > 0 {
		s.paragraphs[0] += fmt.Sprintf(" Of those that are not marked, %d would be as near if computing took no time at all: they check the connectors' waits, and say nothing about costs. %s",
			byLaw, costsChecked(tried-missed-byLaw))
	}
	if tried > 0 {
		s.head[1] = "until back"
		s.list = append(s.list, "CPU: of the machine's cores, on average until all are back; it is shown for what it explains, and the simulation has no search for the path's MTU in it. Peak: handshakes completed within a second", "medians over blocks, of which one whose fleet was not back within the time that was watched is longer than any; simulation and measurement must agree on how many those are; each trial is simulated with its own outage and the dice of its connectors; edge, connectors and all arms that ran at the same time share the machine's cores")
	}
	return s
}

// costsChecked says how many predictions rest on costs.
func costsChecked(n int) string {
	if n == 0 {
		return "None checks a cost: a storm that loads all cores would, such as that of a larger fleet."
	}
	return fmt.Sprintf("%d could not be right without the costs.", n)
}

// law is the prediction of the connectors' waits alone.
func (m CheckedMetric) law() string {
	if m.OnlyForShow {
		return "–"
	}
	return came(m.Law, m.Unit)
}

// acceptQueue is how many connections quic-go keeps for a server to accept (its protocol.MaxAcceptQueueSize).
const acceptQueue = 32

// came is a value, or that it did not come to pass.
func came(v float64, unit string) string {
	if math.IsInf(v, 1) {
		return "not back"
	}
	if unit == share {
		return percent(v)
	}
	return quantity(point(v), unit)
}

// off is the miss in words.
func (m CheckedMetric) off() string {
	switch never := math.IsInf(m.Measured, 1); {
	case never && math.IsInf(m.Predicted, 1):
		return "agrees"
	case never || math.IsInf(m.Predicted, 1):
		return "differs"
	}
	return signed(100*m.Miss()) + " %"
}

// blocks are all, and in how many it came to pass where that is not in all.
func (m CheckedMetric) blocks(all int) string {
	if m.PredictedBlocks == all && m.MeasuredBlocks == all {
		return count(all)
	}
	return fmt.Sprintf("%d: back in %d simulated, %d measured", all, m.PredictedBlocks, m.MeasuredBlocks)
}

func point(v float64) stats.Interval { return stats.Interval{Value: v, Low: v, High: v} }

func (p *Plan) checkFigures() []string {
	if slices.ContainsFunc(p.Checks, func(c Check) bool { return len(c.times) > 0 }) {
		return []string{checkFigure}
	}
	return nil
}
