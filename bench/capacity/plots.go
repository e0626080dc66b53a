package capacity

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"pqbench/results/report"
)

// The names of the plots' files.
const (
	curveFigure = "capacity-hosts"
	stormFigure = "capacity-storm"
	checkFigure = "capacity-check"
)

// A plot is a chart and the name of its files.
type chart struct {
	name string
	report.Chart
}

// charts are the plots that there is something for.
func (p *Plan) charts() []chart {
	var out []chart
	if c, ok := p.curveChart(); ok {
		out = append(out, chart{curveFigure, c})
	}
	if c, ok := p.stormChart(); ok {
		out = append(out, chart{stormFigure, c})
	}
	if c, ok := p.checkChart(); ok {
		out = append(out, chart{checkFigure, c})
	}
	return out
}

// checkChart is the simulation beside the measured storms, a panel for each of the few largest: it is these that load cores.
func (p *Plan) checkChart() (report.Chart, bool) {
	const panels = 3
	c := report.Chart{Title: "Simulated and measured storms", Where: "measured on " + hostOf(p.Measured.Host),
		Caption: p.caption("the first block of each; simulated at the same size, with the same outage and the connectors' dice")}
	drawn := slices.DeleteFunc(slices.Clone(p.Checks), func(c Check) bool { return len(c.times) == 0 })
	slices.SortStableFunc(drawn, func(a, b Check) int { return cmp.Compare(b.Arm.Tunnels, a.Arm.Tunnels) })
	if len(drawn) > panels {
		c.Caption += fmt.Sprintf(" · the %d largest of %d", panels, len(drawn))
		drawn = drawn[:panels]
	}
	for i := range drawn {
		check := &drawn[i]
		measured := report.ChartLine{Label: "measured", Color: 0}
		predicted := report.ChartLine{Label: "simulated", Color: 1, Dash: 1}
		for k, at := range check.times {
			measured.Points = append(measured.Points, report.Point(at, check.measured[k]))
			predicted.Points = append(predicted.Points, report.Point(at, check.predicted[k]))
		}
		c.Panels = append(c.Panels, report.ChartPanel{X: "s since return, " + check.label(),
			Y: "connections back, %", Lines: []report.ChartLine{measured, predicted}})
	}
	return c, len(c.Panels) > 0
}

// label names a check in as few letters as a third of a plot's width has room for.
func (c *Check) label() string {
	if c.Arm.Admission == "" || c.Arm.Admission == "none" {
		return fmt.Sprintf("%s, %d tunnels", c.Group, c.Arm.Tunnels)
	}
	return fmt.Sprintf("%s, %d, %s", c.Group, c.Arm.Tunnels, c.Arm.Admission)
}

func (p *Plan) where() string {
	return fmt.Sprintf("costs measured on %s · hosts of %s", hostOf(p.Measured.Host), p.Target.host())
}

func (p *Plan) caption(own string) string {
	v := p.Measured.Versions
	return fmt.Sprintf("%s · runs %v, %s, commit %.12s", own, p.Measured.Runs, v.Go, v.Commit)
}

// curveChart is the number of hosts over the number of tunnels, a line for each dimension; the highest one binds.
func (p *Plan) curveChart() (report.Chart, bool) {
	c := report.Chart{Title: "Hosts by dimension: the highest line binds", Where: p.where(),
		Caption: p.caption(fmt.Sprintf("%s; requests and egress as asked at every size; marks are the target with the 95 %% interval", p.Target.asked()))}
	for i, curve := range p.Curves {
		panel := report.ChartPanel{X: "tunnels (" + curve.Group + ")", Y: "hosts"}
		for d, dim := range dimensions {
			ys := curve.Hosts[dim.name]
			if len(ys) == 0 || slices.Max(ys) == 0 {
				continue
			}
			line := report.ChartLine{Label: dim.name, Color: d, Dash: d % 4}
			for k, y := range ys {
				line.Points = append(line.Points, report.Point(curve.Tunnels[k], y))
			}
			panel.Lines = append(panel.Lines, line)
		}
		if len(panel.Lines) == 0 {
			continue
		}
		if h := p.Answers[i].Hosts; !p.Answers[i].impossible() {
			panel.Lines = append(panel.Lines, report.ChartLine{Label: "the answer", Color: 6, Marks: true,
				Points: []report.ChartPoint{{X: float64(p.Target.Tunnels), Y: h.Value, Low: h.Low, High: h.High}}})
		}
		c.Panels = append(c.Panels, panel)
	}
	alignTops(c.Panels)
	return c, len(c.Panels) > 0
}

// alignTops gives panels of the same quantity the same scale, by a point that is not drawn.
func alignTops(panels []report.ChartPanel) {
	top := 0.0
	for _, p := range panels {
		for _, l := range p.Lines {
			for _, pt := range l.Points {
				top = max(top, pt.Y)
				if !math.IsNaN(pt.High) {
					top = max(top, pt.High)
				}
			}
		}
	}
	for i := range panels {
		panels[i].Top = top
	}
}

// stormChart is how the fleet comes back: the share of connections that are, and registrations a second.
func (p *Plan) stormChart() (report.Chart, bool) {
	back := report.ChartPanel{X: "time since the edge's return, s", Y: "connections back, %"}
	rate := report.ChartPanel{X: "time since the edge's return, s", Y: "registrations/s"}
	for i := range p.Answers {
		s := p.Answers[i].Storm
		if s == nil || s.Result.Back() == 0 {
			continue
		}
		name := fmt.Sprintf("%s, %d hosts", p.Answers[i].Group, s.Config.Hosts)
		share := report.ChartLine{Label: name, Group: p.Answers[i].Group, Dash: i, Points: []report.ChartPoint{report.Point(0, 0)}}
		perSecond := report.ChartLine{Label: name, Group: p.Answers[i].Group, Dash: i}
		sum, second := 0, 0
		bins := int(1 / s.Result.Bin.Seconds())
		for k, n := range s.Result.Registered {
			sum += int(n)
			second += int(n)
			if (k+1)%bins == 0 || k == len(s.Result.Registered)-1 {
				t := float64(k+1) * s.Result.Bin.Seconds()
				share.Points = append(share.Points, report.Point(t, 100*float64(sum)/float64(s.Result.Connections)))
				perSecond.Points = append(perSecond.Points, report.Point(t-0.5, float64(second)))
				second = 0
			}
		}
		back.Lines, rate.Lines = append(back.Lines, share), append(rate.Lines, perSecond)
	}
	c := report.Chart{Title: "The storm: a fleet comes back", Where: p.where(), Panels: []report.ChartPanel{back, rate},
		Caption: p.caption("discrete-event simulation of " + p.Target.asked())}
	return c, len(back.Lines) > 0
}
