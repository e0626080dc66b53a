package capacity

import (
	"fmt"
	"slices"

	"pqbench/results/stats"
)

// Scaling is what an edge gains from further cores: Gunther's law fitted to its knee at several numbers of cores.
type Scaling struct {
	Fit stats.USLFit
	// Most is the largest number of cores that was measured, and Run where.
	Most int
	Run  string
	// Refused says why there is no fit; cores are then taken to add up.
	Refused string
}

// efficiency is what each of so many cores does, as a share of what one alone does.
func (s *Scaling) efficiency(cores int) float64 {
	if s.Refused != "" || s.Run == "" {
		return 1
	}
	return s.Fit.Efficiency(float64(cores))
}

// scaling fits a group's law to the first run that has its knee at enough numbers of cores.
func (m *Measured) scaling(group string, seed uint64) Scaling {
	most := Scaling{Refused: fmt.Sprintf("no run has experiment knee for %s with edge_cores of its own", group)}
	for i := range m.runs {
		r := &m.runs[i]
		var points []stats.USLPoint
		s := Scaling{Run: r.name}
		for _, t := range r.trials {
			a := r.manifest.Arms[t.Arm].Arm
			rate, ok := t.Values["knee_rate"]
			if ok && t.Experiment == "knee" && a.Group == group && !a.AA && a.EdgeCores > 0 && a.Load != "requests" {
				points = append(points, stats.USLPoint{N: float64(a.EdgeCores), X: rate})
				s.Most = max(s.Most, a.EdgeCores)
			}
		}
		if len(points) == 0 {
			continue
		}
		var err error
		if s.Fit, err = stats.FitUSL(points, 0, seed); err == nil {
			return s
		}
		most.Refused = fmt.Sprintf("%s: %v", r.name, err)
	}
	if cores := m.Host.Cores; cores < stats.MinScales {
		most.Refused += fmt.Sprintf("; the host has %d cores, a fit needs %d numbers of them, such as edge_cores: [1, 2, 4, 8]", cores, stats.MinScales)
	}
	return most
}

// scalingSection says what cores add up to.
func (p *Plan) scalingSection() section {
	s := section{title: "Scaling over cores"}
	for i := range p.Measured.Costs {
		c := &p.Measured.Costs[i]
		if c.Scaling.Refused != "" {
			s.list = append(s.list, fmt.Sprintf("%s: refused, and %d cores are taken for %d times one: %s", c.Group, p.Target.Cores, p.Target.Cores, c.Scaling.Refused))
			continue
		}
		f := c.Scaling.Fit
		text := fmt.Sprintf("%s: universal scalability law, σ = %s, κ = %s, fitted to %d knees of up to %d cores (%s): each of %d cores does %s of what one alone does",
			c.Group, bracketed(f.SigmaCI, 1, 3), bracketed(f.KappaCI, 1, 3), f.Points, c.Scaling.Most, c.Scaling.Run, p.Target.Cores, percent(c.Scaling.efficiency(p.Target.Cores)))
		if p.Target.Cores > c.Scaling.Most {
			text += "; that is beyond what was measured"
		}
		s.list = append(s.list, text)
	}
	return s
}

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
