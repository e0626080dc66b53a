package report

import (
	"cmp"
	"fmt"
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
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

// A trace is points and a line in one colour.
type trace struct {
	color  color.Color
	dashes []vg.Length
	width  vg.Length // of the line; 0 for the usual one
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
	most = max(most, 1e-9)
	if top == 0 {
		top = 1 // nothing is drawn as nothing, on an axis that a reader knows
	}
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
			c.StrokeLines(draw.LineStyle{Color: t.color, Width: cmp.Or(t.width, vg.Points(1.5)), Dashes: t.dashes}, line)
		}
		for _, v := range t.points {
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: t.color, Radius: vg.Points(1.8), Shape: draw.CircleGlyph{}}, vg.Point{X: atX(v[0]), Y: atY(v[1])})
		}
	}
}
