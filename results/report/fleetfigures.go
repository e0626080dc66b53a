package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pqbench/results"
)

// fleetMemory is what both processes hold over the size of the fleet, with the line that gives the cost of a tunnel.
func (d *drawer) fleetMemory() (figure, bool) {
	all := d.run.families()
	if len(all) == 0 {
		return figure{}, false
	}
	timers := all[0].arm.Timers
	all = slices.DeleteFunc(all, func(f fleetArms) bool { return f.arm.Timers != timers })
	f := figure{part: fleet, Name: "fleet-memory", Title: "Memory of idle tunnels", height: 250, labels: 12}
	for _, kin := range all {
		f.legend = append(f.legend, key{label: armLabel(kin.arm), color: d.palette.of(kin.arm), line: true})
	}
	n := 0
	for i, side := range []struct{ metric, slope, fixed, title string }{
		{"connector_rss", "connector_rss_per_tunnel", "connector_rss_fixed", "connector process"}, {"edge_rss", "edge_rss_per_tunnel", "edge_rss_fixed", "edge process"},
	} {
		var of traces
		for _, kin := range all {
			tr := trace{color: d.palette.of(kin.arm)}
			blocks := kin.blocks()
			for _, points := range kin.points(side.metric, blocks) {
				for _, p := range points {
					tr.points = append(tr.points, [2]float64{p.X, p.Y / 1e6})
					n = max(n, len(blocks))
				}
			}
			slope, ok := d.look.value(fleet, side.slope, kin.arm)
			fixed, also := d.look.value(fleet, side.fixed, kin.arm)
			if most := mostX(tr.points); ok && also {
				tr.line = [][2]float64{{0, fixed / 1e6}, {most, (fixed + slope*most) / 1e6}}
			}
			of = append(of, tr)
		}
		f.panels = append(f.panels, tracePanel(of, "tunnels ("+side.title+")", named(i == 0, "resident memory, MB")))
	}
	f.where = timersText(timers) + overLoopback
	f.Caption = fmt.Sprintf("n = %d blocks, a point for each block and size; least squares, and where a line meets the axis is what a process takes without a tunnel", n)
	return f, true
}

func named(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

func mostX(points [][2]float64) float64 {
	most := 0.0
	for _, p := range points {
		most = max(most, p[0])
	}
	return most
}

// stormCourse is a storm over time: handshakes a second, and the share of the connections that are back.
func (d *drawer) stormCourse() (figure, bool) {
	var arms []*armRecords
	for i := range d.run.arms {
		a := &d.run.arms[i]
		if a.Experiment == storm && len(a.trials) > 0 && (len(arms) == 0 || sectionOf(a.Arm) == sectionOf(arms[0].Arm)) {
			arms = append(arms, a)
		}
	}
	if len(arms) == 0 {
		return figure{}, false
	}
	f := figure{part: storm, Name: "storm", Title: "A fleet comes back after an outage", height: 250, labels: 12}
	f.where = sectionOf(arms[0].Arm).String() + overLoopback
	var rates, back traces
	n, begins := 0, math.Inf(1)
	for _, a := range arms {
		style := trace{color: d.palette.of(a.Arm), dashes: admissionDashes(a.Arm.Admission)}
		f.legend = append(f.legend, key{label: armLabel(a.Arm), color: style.color, line: true, dashes: style.dashes})
		r, b := style, style
		r.line = a.overTime("handshakes", perSecond)
		b.line = a.overTime("back", shareBack)
		rates, back = append(rates, r), append(back, b)
		n = max(n, len(a.trials))
		for _, t := range a.trials {
			begins = min(begins, t.Values["outage"]/1e9)
		}
	}
	f.panels = []*plot.Plot{tracePanel(rates, "s since the edge went", "handshakes completed, /s"), tracePanel(back, "s since the edge went", "of the lost connections back, %")}
	f.Caption = fmt.Sprintf("n = %d blocks an arm, mean over blocks, in steps of half a second; an edge can be reached again after %s s", n, fixed(begins, 1))
	return f, true
}

// admissionDashes tell what an edge does when many come.
func admissionDashes(admission string) []vg.Length {
	switch {
	case len(admission) > 5 && admission[:5] == "retry":
		return []vg.Length{6, 3}
	case len(admission) > 3 && admission[:3] == "cap":
		return []vg.Length{1.5, 2.5}
	}
	return nil
}

// bucket is how many steps of a series make one of a picture.
const bucket = 5

func perSecond(sum float64, steps int, step float64, _ results.Trial) float64 {
	return sum / (float64(steps) * step)
}

func shareBack(sum float64, steps int, _ float64, t results.Trial) float64 {
	return 100 * sum / float64(steps) / t.Values["lost_connections"]
}

// overTime is a series of the arm's trials, averaged over them; a trial that ended keeps its last value where that is a
// level, and is still where it is a rate.
func (a *armRecords) overTime(name string, value func(sum float64, steps int, step float64, t results.Trial) float64) (line [][2]float64) {
	longest, step := 0, 0.0
	for _, t := range a.trials {
		if t.Series != nil {
			longest, step = max(longest, len(t.Series.Values[name])), float64(t.Series.Step)/1e9
		}
	}
	for from := 0; from < longest; from += bucket {
		sum, n := 0.0, 0
		for _, block := range a.blocksInOrder() {
			t := a.trials[block]
			if t.Series == nil || t.Values["lost_connections"] == 0 {
				continue
			}
			sum += value(bucketSum(t.Series.Values[name], from, name == "back"), bucket, step, t)
			n++
		}
		if n > 0 {
			line = append(line, [2]float64{(float64(from) + bucket/2.0) * step, sum / float64(n)})
		}
	}
	return line
}

// bucketSum sums a bucket of a series; past its end a level stays and a rate is 0.
func bucketSum(values []float64, from int, level bool) (sum float64) {
	for i := from; i < from+bucket; i++ {
		switch {
		case i < len(values):
			sum += values[i]
		case level && len(values) > 0:
			sum += values[len(values)-1]
		}
	}
	return sum
}

func (a *armRecords) blocksInOrder() []int {
	var blocks []int
	for b := range a.trials {
		blocks = append(blocks, b)
	}
	slices.Sort(blocks)
	return blocks
}

// A trace is points and a line in one colour.
type trace struct {
	color  color.Color
	dashes []vg.Length
	points [][2]float64
	line   [][2]float64
}

type traces []trace

func tracePanel(of traces, xLabel, yLabel string) *plot.Plot {
	most, top := 0.0, 0.0
	for _, t := range of {
		for _, p := range slices.Concat(t.points, t.line) {
			most, top = max(most, p[0]), max(top, p[1])
		}
	}
	most, top = max(most, 1e-9), max(top, 1e-9)
	p := newPanel(xLabel)
	x, y := linearTicks(0, most), linearTicks(0, top*1.05)
	p.Add(gridlines{x, y}, of)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, most*1.03, 0, top*1.05
	p.X.Tick.Marker, p.Y.Tick.Marker = x, y
	p.Y.Label.Text = yLabel
	return p
}

// Plot implements plot.Plotter.
func (of traces) Plot(c draw.Canvas, p *plot.Plot) {
	atX, atY := p.Transforms(&c)
	for i := len(of) - 1; i >= 0; i-- { // the first on top
		t := of[i]
		var line []vg.Point
		for _, v := range t.line {
			line = append(line, vg.Point{X: atX(v[0]), Y: atY(v[1])})
		}
		if len(line) > 1 {
			c.StrokeLines(draw.LineStyle{Color: t.color, Width: vg.Points(1.5), Dashes: t.dashes}, line)
		}
		for _, v := range t.points {
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: t.color, Radius: vg.Points(1.8), Shape: draw.CircleGlyph{}}, vg.Point{X: atX(v[0]), Y: atY(v[1])})
		}
	}
}
