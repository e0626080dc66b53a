package report

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pqbench/results"
	"pqbench/results/stats"
)

// A loadCurve is an arm's latency over the offered rate.
type loadCurve struct {
	label  string
	color  color.Color
	points []loadPoint // by rate
	knee   float64     // 0 for none
	bound  float64     // what its p99 was held against, ms; 0 for none
}

// A loadPoint is in /s and ms. A percentile that lies among the failures is +Inf, one that is not known NaN.
type loadPoint struct {
	rate, p50, p99 float64
	n              int // units behind it
}

// overload are the figures of latency over the offered rate: of a search for the knee, and of several rates, for
// handshakes and for requests.
func (d *drawer) overload(experiment, load string) func() (figure, bool) {
	return func() (figure, bool) {
		var cores, ns []int
		curves := map[int][]loadCurve{}
		for i := range d.run.arms {
			a := &d.run.arms[i]
			if a.Experiment != experiment || a.Arm.Load != load || a.Arm.AA {
				continue
			}
			points := d.loadPoints(a)
			if len(points) == 0 {
				continue
			}
			if !slices.Contains(cores, a.Arm.EdgeCores) {
				cores = append(cores, a.Arm.EdgeCores)
			}
			for _, p := range points {
				ns = append(ns, p.n)
			}
			curves[a.Arm.EdgeCores] = addPoints(curves[a.Arm.EdgeCores], d.loadCurve(a), points)
		}
		f := figure{part: experiment, Name: experiment + "-" + load, Title: "Latency of " + load + " over the offered rate", where: "open loop, from the intended instant"}
		if len(cores) == 0 || len(cores) > 4 || len(curves[cores[0]][0].points) < 2 {
			return figure{}, false
		}
		f.legend = loadLegend(curves)
		for i, n := range cores {
			x := "offered " + load + " a second"
			if n > 0 {
				x += fmt.Sprintf(", %s", counted(n, "edge core"))
			}
			f.panels = append(f.panels, loadPanel(curves[n], x, i == 0))
		}
		f.labels, f.height = 12, 290
		f.Caption = "p99 solid, p50 dashed; an arrow: the p99 lies among what failed or was dropped"
		if experiment == kneeSearch {
			f.Caption = "each point the median of the probes near it; " + f.Caption + "; upright: the knee; level: the bound of the p99"
		}
		f.Caption = sampleSizes(load+" a point", ns) + "; " + f.Caption
		return f, true
	}
}

func counted(n int, what string) string {
	return fmt.Sprintf("%d %s", n, plural(float64(n), what))
}

// loadCurve is an arm's without its points. The phases and rates of one offer are one curve.
func (d *drawer) loadCurve(a *armRecords) loadCurve {
	label := groupLabel(a.Arm)
	if a.Arm.KEM != "" {
		label += ", " + a.Arm.KEM
	}
	c := loadCurve{label: label, color: tint(d.palette.of(a.Arm), providerTints[a.Arm.KEM]*0.5)}
	c.knee, _ = d.look.value(a.Experiment, "knee_rate", a.Arm)
	for _, t := range a.trials {
		for _, p := range t.Probes {
			c.bound = max(c.bound, p.MaxP99/1e6)
		}
	}
	return c
}

func addPoints(curves []loadCurve, of loadCurve, points []loadPoint) []loadCurve {
	i := slices.IndexFunc(curves, func(c loadCurve) bool { return c.label == of.label })
	if i < 0 {
		i = len(curves)
		curves = append(curves, of)
	}
	curves[i].points = append(curves[i].points, points...)
	slices.SortFunc(curves[i].points, func(a, b loadPoint) int { return cmp.Compare(a.rate, b.rate) })
	return curves
}

// loadPoints are those of an arm: of its probes, or its one rate.
func (d *drawer) loadPoints(a *armRecords) []loadPoint {
	if a.Experiment == kneeSearch {
		return probePoints(a)
	}
	offered, ok := d.look.value(a.Experiment, "offered_rate", a.Arm)
	if !ok || a.Arm.Arrivals == closedLoop {
		return nil
	}
	n := 0
	value := func(metric string) float64 {
		i := slices.IndexFunc(d.s.Rows, func(r results.Row) bool { return r.Experiment == a.Experiment && r.Metric == metric && r.Arm == a.Arm })
		if i < 0 {
			return math.NaN()
		}
		row := d.s.Rows[i]
		n = row.N
		switch {
		case row.Value != nil:
			return *row.Value / 1e6
		case slices.ContainsFunc(row.Warnings, func(w string) bool { return strings.Contains(w, amongFailures) }):
			return math.Inf(1)
		}
		return math.NaN()
	}
	p50, p99 := value("latency_p50"), value("latency_p99")
	return []loadPoint{{offered, p50, p99, n}}
}

// near is how close rates are drawn as one point: searches of different blocks come close to each other, hardly ever to the same.
const near = 1.08

// probePoints are the medians of probes of about the same rate.
func probePoints(a *armRecords) (points []loadPoint) {
	var probes []results.Probe
	for _, t := range a.trials {
		probes = append(probes, t.Probes...)
	}
	probes = slices.DeleteFunc(probes, func(p results.Probe) bool { return p.Stage == leastEdge })
	slices.SortFunc(probes, func(a, b results.Probe) int { return cmp.Compare(a.Rate, b.Rate) })
	ms := func(v *float64, p results.Probe) float64 {
		switch {
		case v != nil:
			return *v / 1e6
		case p.Completed < p.Scheduled:
			return math.Inf(1)
		}
		return math.NaN()
	}
	for len(probes) > 0 {
		n := slices.IndexFunc(probes, func(p results.Probe) bool { return p.Rate > near*probes[0].Rate })
		if n < 0 {
			n = len(probes)
		}
		var p50, p99 []float64
		logs, units := 0.0, 0
		for _, p := range probes[:n] {
			logs, units = logs+math.Log(p.Rate), units+p.Scheduled
			p50, p99 = append(p50, ms(p.P50, p)), append(p99, ms(p.P99, p))
		}
		points = append(points, loadPoint{math.Exp(logs / float64(n)), knownMedian(p50), knownMedian(p99), units})
		probes = probes[n:]
	}
	return points
}

// leastEdge is the stage of a probe that was aimed at an edge that does the least possible.
const leastEdge = "least edge"

func knownMedian(values []float64) float64 {
	return stats.Median(slices.DeleteFunc(values, math.IsNaN))
}

func loadLegend(curves map[int][]loadCurve) (legend []key) {
	for _, of := range curves {
		for _, c := range of {
			if !slices.ContainsFunc(legend, func(k key) bool { return k.label == c.label }) {
				legend = append(legend, key{label: c.label, color: c.color, line: true})
			}
		}
	}
	slices.SortFunc(legend, func(a, b key) int { return strings.Compare(a.label, b.label) })
	return legend
}

// loadCurves draws latency over rate, both on a logarithmic axis.
type loadCurves []loadCurve

func loadPanel(curves []loadCurve, xLabel string, named bool) *plot.Plot {
	var rates, times []float64
	for _, c := range curves {
		for _, p := range c.points {
			rates, times = append(rates, p.rate), append(times, p.p50, p.p99)
		}
	}
	left, right, _ := extent(rates)
	times = slices.DeleteFunc(times, math.IsNaN)
	low, high, ok := extent(times)
	if !ok {
		low, high = 1, 10
	}
	for _, c := range curves {
		high = max(high, c.bound)
	}
	left, right, low, high = left/1.15, right*1.15, low/1.3, high*1.6
	p := newPanel(xLabel)
	x, y := logTicks(left, right), logTicks(low, high)
	p.Add(gridlines{x, y}, loadCurves(curves))
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = x, y
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = left, right, low, high
	if named {
		p.Y.Label.Text = "latency, ms"
	}
	return p
}

// Plot implements plot.Plotter.
func (l loadCurves) Plot(c draw.Canvas, p *plot.Plot) {
	atX, atY := p.Transforms(&c)
	for i, curve := range l {
		for _, of := range []struct {
			value  func(loadPoint) float64
			dashes []vg.Length
		}{{func(p loadPoint) float64 { return p.p99 }, nil}, {func(p loadPoint) float64 { return p.p50 }, []vg.Length{4, 3}}} {
			curve.draw(c, of.value, of.dashes, func(p loadPoint) vg.Point { return vg.Point{X: atX(p.rate), Y: atY(of.value(p))} })
		}
		if i == 0 && curve.bound > 0 {
			y := atY(curve.bound)
			c.StrokeLine2(draw.LineStyle{Color: ink, Width: vg.Points(0.8), Dashes: []vg.Length{1, 2}}, c.Min.X, y, c.Max.X, y)
			style := valueStyle
			style.YAlign = text.YBottom
			c.FillText(style, vg.Point{X: c.Min.X + 3, Y: y + 1}, fmt.Sprintf("bound %g ms", curve.bound))
		}
		if curve.knee > 0 {
			at := atX(curve.knee)
			c.StrokeLine2(draw.LineStyle{Color: curve.color, Width: vg.Points(1), Dashes: []vg.Length{1, 2}}, at, c.Min.Y, at, c.Max.Y)
			style := valueStyle
			style.Color, style.XAlign = curve.color, text.XRight
			c.FillText(style, vg.Point{X: at - 3, Y: c.Max.Y - vg.Length(11*(i+1))}, "knee "+rounded(curve.knee, nil, nil, 1)+"/s")
		}
	}
}

// draw draws one percentile. Where it lies among the failures there is an arrow at the top, and the line ends.
func (l loadCurve) draw(c draw.Canvas, value func(loadPoint) float64, dashes []vg.Length, at func(loadPoint) vg.Point) {
	var line []vg.Point
	stroke := func() {
		if len(line) > 1 {
			c.StrokeLines(draw.LineStyle{Color: l.color, Width: vg.Points(1.5), Dashes: dashes}, line)
		}
		line = nil
	}
	for _, p := range l.points {
		switch v := value(p); {
		case math.IsNaN(v):
			continue // not known: the line goes on to the next point
		case math.IsInf(v, 1):
			stroke()
			if dashes == nil {
				p.p99 = 1
				x := at(p).X
				c.FillPolygon(l.color, []vg.Point{{X: x - 3, Y: c.Max.Y - 6}, {X: x + 3, Y: c.Max.Y - 6}, {X: x, Y: c.Max.Y}})
			}
		default:
			line = append(line, at(p))
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: l.color, Radius: vg.Points(1.8), Shape: draw.CircleGlyph{}}, at(p))
		}
	}
	stroke()
}
