package report

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Chart is lines over a linear axis, in the style of the other figures, for reports that are not of a run folder.
type Chart struct {
	Title, Where, Caption string
	Panels                []ChartPanel
}

// A ChartPanel is one of several side by side. Lines of the same label have one entry in the legend.
type ChartPanel struct {
	X, Y  string // what the axes carry, with its unit
	Lines []ChartLine
	// Top is how far the Y axis goes at least: panels of one quantity are compared by eye.
	Top float64
}

// A ChartLine goes through points, which must be in order of X. Points without a line are Marks.
type ChartLine struct {
	Label string
	// Group gives the colour; without one, the line takes the next spare colour of Color.
	Group string
	Color int
	// Dash is how the line is broken: 0 is whole.
	Dash   int
	Marks  bool
	Points []ChartPoint
}

// A ChartPoint has an interval where Low and High are not NaN.
type ChartPoint struct{ X, Y, Low, High float64 }

// Point is one without an interval.
func Point(x, y float64) ChartPoint { return ChartPoint{x, y, math.NaN(), math.NaN()} }

// valid reports a point that cannot be drawn: a rasterizer is slow to find out.
func (c Chart) valid() error {
	for _, p := range c.Panels {
		for _, l := range p.Lines {
			for _, pt := range l.Points {
				if math.IsNaN(pt.X+pt.Y) || math.IsInf(pt.X+pt.Y, 0) || math.IsInf(pt.Low, 0) || math.IsInf(pt.High, 0) || math.IsNaN(p.Top) || math.IsInf(p.Top, 0) {
					return fmt.Errorf("draw %q: %s has a point at %v, %v", c.Title, l.Label, pt.X, pt.Y)
				}
			}
		}
	}
	return nil
}

// PNG and SVG draw the chart; name is for errors.
func (c Chart) PNG(name string) ([]byte, error) {
	if err := c.valid(); err != nil {
		return nil, err
	}
	return c.figure(name).png()
}

// SVG draws the chart as PNG does.
func (c Chart) SVG(name string) ([]byte, error) {
	if err := c.valid(); err != nil {
		return nil, err
	}
	return c.figure(name).svg()
}

var chartDashes = [][]vg.Length{nil, {vg.Points(5), vg.Points(3)}, {vg.Points(1.5), vg.Points(2.5)}, {vg.Points(8), vg.Points(2), vg.Points(2), vg.Points(2)}}

func (c Chart) figure(name string) *figure {
	f := &figure{Name: name, Title: c.Title, where: c.Where, Caption: c.Caption, height: 280, labels: 14}
	seen := map[string]bool{}
	for i, p := range c.Panels {
		f.panels = append(f.panels, p.panel(i == 0 || p.Y != c.Panels[0].Y))
		for _, l := range p.Lines {
			if !seen[l.Label] {
				seen[l.Label] = true
				f.legend = append(f.legend, key{label: l.Label, color: l.color(), line: !l.Marks, dashes: chartDashes[l.Dash%len(chartDashes)]})
			}
		}
	}
	return f
}

func (l ChartLine) color() color.Color {
	if c, ok := groupColors[l.Group]; ok {
		return c
	}
	own := append([]color.NRGBA{hex(0x0072b2), hex(0xd55e00), hex(0x009e73), hex(0xcc79a7), hex(0xe69f00), hex(0x56b4e9)}, spareColors...)
	return own[l.Color%len(own)]
}

func (cp ChartPanel) panel(named bool) *plot.Plot {
	right, top := 0.0, cp.Top
	for _, l := range cp.Lines {
		for _, pt := range l.Points {
			right, top = max(right, pt.X), max(top, pt.Y)
			if !math.IsNaN(pt.High) {
				top = max(top, pt.High)
			}
		}
	}
	right, top = max(right, math.SmallestNonzeroFloat32), max(top, math.SmallestNonzeroFloat32)
	p := newPanel(cp.X)
	x, y := linearTicks(0, right), linearTicks(0, top*1.05)
	for _, ticks := range []plot.ConstantTicks{x, y} {
		for i := range ticks {
			ticks[i].Label = short(ticks[i].Value)
		}
	}
	p.Add(gridlines{x, y}, chartLines(cp.Lines))
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, right*1.02, 0, top*1.05
	p.X.Tick.Marker, p.Y.Tick.Marker = x, y
	if named {
		p.Y.Label.Text = cp.Y
	}
	return p
}

// short writes a tick's number without trailing zeros: 1.5M, 200k.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return tick(v/1e6).Label + "M"
	case v >= 1e4:
		return tick(v/1e3).Label + "k"
	}
	return tick(v).Label
}

type chartLines []ChartLine

// Plot implements plot.Plotter.
func (ls chartLines) Plot(c draw.Canvas, p *plot.Plot) {
	atX, atY := p.Transforms(&c)
	for _, l := range ls {
		var line []vg.Point
		for _, pt := range l.Points {
			at := vg.Point{X: atX(pt.X), Y: atY(pt.Y)}
			line = append(line, at)
			if !math.IsNaN(pt.Low) && !math.IsNaN(pt.High) {
				c.StrokeLine2(draw.LineStyle{Color: l.color(), Width: vg.Points(0.9)}, at.X, atY(max(pt.Low, p.Y.Min)), at.X, atY(pt.High))
			}
			if l.Marks {
				c.DrawGlyphNoClip(draw.GlyphStyle{Color: l.color(), Radius: vg.Points(2.6), Shape: draw.CircleGlyph{}}, at)
			}
		}
		if !l.Marks {
			c.StrokeLines(draw.LineStyle{Color: l.color(), Width: vg.Points(1.7), Dashes: chartDashes[l.Dash%len(chartDashes)]}, c.ClipLinesXY(line)...)
		}
	}
}
