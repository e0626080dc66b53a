package capacity

import (
	"fmt"
	"slices"

	"pqbench/results"
	"pqbench/results/report"
	"pqbench/results/stats"
)

// Scaling is what an edge gains from further cores: Gunther's law fitted to its knee at several numbers of cores.
type Scaling struct {
	Fit stats.USLFit
	// Most is the largest number of cores that was measured, and Run where.
	Most int
	Run  string
	// Dropped are the knees that were left out, and why.
	Dropped []string
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
		s := Scaling{Run: m.runs[i].name}
		points := s.knees(&m.runs[i], group)
		if len(points) == 0 && len(s.Dropped) == 0 {
			continue
		}
		var err error
		if s.Fit, err = stats.FitUSL(points, 0, seed); err == nil {
			return s
		}
		most.Run, most.Dropped, most.Refused = s.Run, s.Dropped, fmt.Sprintf("%s: %v", s.Run, err)
	}
	if cores := m.Host.Cores; cores <= stats.MinScales {
		most.Refused += fmt.Sprintf("; the host has %d cores, a fit needs %d numbers of them beside those of the generator, such as edge_cores: [1, 2, 4, 8]", cores, stats.MinScales)
	}
	return most
}

// knees are a group's knees of a run that tell of the edge's cores, all with the same key agreement, certificate and so on. Of the
// others it notes why they do not.
func (s *Scaling) knees(r *run, group string) (points []stats.USLPoint) {
	arms := pick(r.manifest, "knee", group, func(a results.Arm) bool { return a.EdgeCores > 0 && a.Load != "requests" })
	if len(arms) == 0 {
		return nil
	}
	kind := r.manifest.Arms[arms[0]].Arm
	generators := report.Generators(r.manifest, nil, r.trials)
	for _, t := range r.trials {
		a := r.manifest.Arms[t.Arm].Arm
		kind.EdgeCores = a.EdgeCores
		rate, ok := t.Values["knee_rate"]
		if !ok || t.Experiment != "knee" || a != kind {
			continue
		}
		if why := unfit(&t, a, r.manifest.Host.Cores, generators); why != "" {
			s.drop(fmt.Sprintf("%d cores, block %d: %s", a.EdgeCores, t.Block+1, why))
			continue
		}
		points = append(points, stats.USLPoint{N: float64(a.EdgeCores), X: rate})
		s.Most = max(s.Most, a.EdgeCores)
	}
	return points
}

func (s *Scaling) drop(why string) { s.Dropped = append(s.Dropped, why) }

// unfit says why a knee tells of something else than the edge's cores; "" is that it does not.
func unfit(t *results.Trial, a results.Arm, cores int, generators []results.Generator) string {
	bound := slices.IndexFunc(generators, func(g results.Generator) bool { return g.Experiment == t.Experiment && g.Arm == a && g.Bound })
	switch {
	case t.Values["knee_rate"] == 0:
		return "no rate was within the bounds"
	case t.Values["knee_verified"] != 1:
		return "the knee was not verified"
	case a.EdgeCores >= cores:
		return fmt.Sprintf("the edge had all %d cores of the host, the generator none of its own", cores)
	case bound >= 0:
		return "generator-bound: " + generators[bound].Reasons[0]
	}
	return ""
}

// scalingSection says what cores add up to.
func (p *Plan) scalingSection() section {
	s := section{title: "Scaling over cores"}
	for i := range p.Measured.Costs {
		c := &p.Measured.Costs[i]
		if c.Scaling.Refused != "" {
			s.list = append(s.list, fmt.Sprintf("%s: refused, and %d cores are taken for %d times one: %s", c.Group, p.Target.Cores, p.Target.Cores, c.Scaling.Refused))
			s.list = append(s.list, c.Scaling.left(c.Group)...)
			continue
		}
		f := c.Scaling.Fit
		text := fmt.Sprintf("%s: universal scalability law, σ = %s, κ = %s, fitted to %d knees of up to %d cores (%s): each of %d cores does %s of what one alone does",
			c.Group, bracketed(f.SigmaCI, 1, 3), bracketed(f.KappaCI, 1, 3), f.Points, c.Scaling.Most, c.Scaling.Run, p.Target.Cores, percent(c.Scaling.efficiency(p.Target.Cores)))
		if p.Target.Cores > c.Scaling.Most {
			text += "; that is beyond what was measured"
		}
		s.list = append(append(s.list, text), c.Scaling.left(c.Group)...)
	}
	return s
}

// left says which knees are not in the fit.
func (s *Scaling) left(group string) (list []string) {
	for _, why := range s.Dropped {
		list = append(list, fmt.Sprintf("%s: a knee is left out (%s): %s", group, s.Run, why))
	}
	return list
}
