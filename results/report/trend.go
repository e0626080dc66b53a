package report

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pqbench/results"
	"pqbench/results/history"
)

// Trend draws a series of a history: each run's value with its interval, the levels between its change points, and a line at
// each of those. It returns the picture in both forms.
func Trend(a history.Analysis) (svg, png []byte, err error) {
	last := a.Lines[len(a.Lines)-1]
	metric, ok := results.MetricByName(last.Metric)
	if !ok {
		metric = results.Metric{Name: last.Metric, Unit: last.Unit, Title: last.Metric}
	}
	s := scaleFor(metric, a.Values())
	tint := newPalette(results.Manifest{Arms: []results.ArmOf{{Arm: last.Arm}}}).of(last.Arm)
	label := titleOf(last.Metric)
	if s.unit != "" {
		label += " [" + s.unit + "]"
	}
	p := newPanel("run, with its commit")
	p.Y.Label.Text = label
	dots := trendDots{a: a, divisor: s.divisor, color: tint}
	low, high := dots.extent()
	ticks := linearTicks(low, high)
	p.Add(gridlines{}, dots)
	p.X.Min, p.X.Max = -0.5, float64(len(a.Lines))-0.5
	p.Y.Min, p.Y.Max = low, high
	p.X.Tick.Marker, p.Y.Tick.Marker = commitTicks(a.Lines), ticks
	f := figure{Name: "trend", Title: titleOf(last.Metric), where: last.Experiment + ": " + last.Arm.String(), height: 250, panels: []*plot.Plot{p},
		legend:  []key{{label: "a run, with its 95 % interval", color: tint}, {label: "level between change points", color: ink, line: true}, {label: "change point", color: changeColor, line: true, dashes: changeDashes}},
		Caption: trendCaption(a)}
	if svg, err = f.svg(); err != nil {
		return nil, nil, err
	}
	png, err = f.png()
	return svg, png, err
}

func trendCaption(a history.Analysis) string {
	text := fmt.Sprintf("%d runs, %s to %s", len(a.Lines), a.Lines[0].Time.Format("2006-01-02"), a.Lines[len(a.Lines)-1].Time.Format("2006-01-02"))
	for _, c := range a.Changes {
		text += "; " + c.String()
	}
	for _, h := range a.Hosts {
		text += "; " + h
	}
	return text + "."
}

// commitTicks name at most a dozen of the runs by commit.
func commitTicks(lines []history.Line) plot.ConstantTicks {
	each := (len(lines) + 11) / 12
	var ticks plot.ConstantTicks
	for i, l := range lines {
		t := plot.Tick{Value: float64(i)}
		if i%each == 0 {
			t.Label = l.Commit[:min(7, len(l.Commit))]
		}
		ticks = append(ticks, t)
	}
	return ticks
}

var (
	changeColor  = hex(0xcc79a7)
	changeDashes = []vg.Length{4, 3}
)

// trendDots draws a series.
type trendDots struct {
	a       history.Analysis
	divisor float64
	color   color.Color
}

// extent of the values and their intervals, with some room, in the plot's unit.
func (d trendDots) extent() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, l := range d.a.Lines {
		low, high = min(low, l.Value), max(high, l.Value)
		if l.Low != nil {
			low, high = min(low, *l.Low), max(high, *l.High)
		}
	}
	room := (high - low) / 10
	if room == 0 {
		room = max(math.Abs(high)/100, 1)
	}
	return (low - room) / d.divisor, (high + room) / d.divisor
}

// Plot implements plot.Plotter.
func (d trendDots) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	from := 0
	for i := range len(d.a.Changes) + 1 {
		to, level := len(d.a.Lines), 0.0
		if i < len(d.a.Changes) {
			to, level = d.a.Changes[i].Index, d.a.Changes[i].Before
			at := x(float64(to) - 0.5)
			c.StrokeLine2(draw.LineStyle{Color: changeColor, Width: vg.Points(1.2), Dashes: changeDashes}, at, c.Min.Y, at, c.Max.Y)
		} else if i > 0 {
			level = d.a.Changes[i-1].After
		} else {
			break
		}
		at := y(level / d.divisor)
		c.StrokeLine2(draw.LineStyle{Color: ink, Width: vg.Points(1.2)}, x(float64(from)-0.4), at, x(float64(to)-0.6), at)
		from = to
	}
	for i, l := range d.a.Lines {
		at := x(float64(i))
		if l.Low != nil {
			c.StrokeLine2(draw.LineStyle{Color: d.color, Width: vg.Points(0.8)}, at, y(*l.Low/d.divisor), at, y(*l.High/d.divisor))
		}
		c.DrawGlyph(draw.GlyphStyle{Color: d.color, Radius: vg.Points(2.4), Shape: draw.CircleGlyph{}}, vg.Point{X: at, Y: y(l.Value / d.divisor)})
	}
}
