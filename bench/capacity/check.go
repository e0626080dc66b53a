package capacity

import (
	"fmt"
	"slices"

	"pqbench/results/stats"
)

// checkSection holds the simulation against what was measured.
func (p *Plan) checkSection() section {
	s := section{title: "Is the simulation right?", head: []string{"measured storm", "back", "simulated", "measured", "off by", "blocks"}, figures: p.checkFigures()}
	names := map[string]string{"recover_50": "50 %", "recover_99": "99 %", "recover_100": "all", "peak_rate": "peak /s"}
	missed, tried := 0, 0
	for i := range p.Checks {
		c := &p.Checks[i]
		label := fmt.Sprintf("%s, %d tunnels, %s, %s", c.Group, c.Arm.Tunnels, c.Arm.Outage, c.Arm.Admission)
		if c.Refused != "" {
			s.list = append(s.list, fmt.Sprintf("%s of %s was not simulated: %s", label, c.Run, c.Refused))
			continue
		}
		for k, m := range c.Metrics {
			row := []string{"", names[m.Name], quantity(point(m.Predicted), m.Unit), quantity(point(m.Measured), m.Unit), signed(100*m.Miss()) + " %", count(c.Blocks)}
			if k == 0 {
				row[0] = label
			}
			if tried++; !m.OK() {
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
	if tried > 0 {
		s.head[1] = "until back"
		s.list = append(s.list, "medians over blocks; each trial is simulated with its own outage and the dice of its connectors; edge, connectors and all arms that ran at the same time share the machine's cores")
	}
	return s
}

func point(v float64) stats.Interval { return stats.Interval{Value: v, Low: v, High: v} }

func (p *Plan) checkFigures() []string {
	if slices.ContainsFunc(p.Checks, func(c Check) bool { return len(c.times) > 0 }) {
		return []string{checkFigure}
	}
	return nil
}
