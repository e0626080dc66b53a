package report

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pqbench/results/stats"
)

// A curve is the distribution of an arm's times. Failures are +Inf among them: the curve then ends below 1.
type curve struct {
	label  string
	color  color.Color
	dashes []vg.Length
	times  []float64 // sorted, in the unit of the axis
}

// curvePoints is how many quantiles a curve is drawn through: more cannot be seen, and make the SVG large.
const curvePoints = 200

// ecdf draws curves of the share of handshakes that were complete by a time.
type ecdf struct{ curves []curve }

// Plot implements plot.Plotter.
func (e ecdf) Plot(c draw.Canvas, p *plot.Plot) {
	atX, atY := p.Transforms(&c)
	for _, curve := range e.curves {
		var line []vg.Point
		for i := range curvePoints + 1 {
			q := float64(i) / curvePoints
			t := stats.Quantile(curve.times, q)
			if math.IsInf(t, 1) {
				break
			}
			line = append(line, vg.Point{X: atX(max(t, p.X.Min)), Y: atY(q)})
		}
		style := draw.LineStyle{Color: curve.color, Width: vg.Points(1.7), Dashes: curve.dashes}
		c.StrokeLines(style, c.ClipLinesX(line)...)
	}
}

// panel is the plot. The time axis ends where the slowest arm has 99.5 % of its handshakes: single stragglers would
// squeeze all the others into a corner.
func (e ecdf) panel(xLabel string, named bool) *plot.Plot {
	low, high := math.Inf(1), 0.0
	for _, c := range e.curves {
		first, last, ok := extent([]float64{stats.Quantile(c.times, 0), stats.Quantile(c.times, 0.995)})
		if ok {
			low, high = min(low, first), max(high, last)
		}
	}
	low, high = low*0.98, high*1.03
	p := newPanel(xLabel)
	shares := linearTicks(0, 1)
	ticks := logTicks(low, high)
	p.Add(gridlines{ticks, shares}, e)
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, ticks
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = low, high, 0, 1
	p.Y.Tick.Marker = shares
	if named {
		p.Y.Label.Text = "share of all handshakes"
	}
	return p
}
