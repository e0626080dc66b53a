package report

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A barRow is a horizontal bar: parts laid end to end, a whisker for the interval of their sum, and the sum in writing.
type barRow struct {
	parts     []barPart
	low, high *float64
	text      string
}

type barPart struct {
	length float64
	color  color.Color
}

func (r barRow) sum() float64 {
	sum := 0.0
	for _, p := range r.parts {
		sum += p.length
	}
	return sum
}

// A barGroup is the bars that share a name on the left.
type barGroup struct {
	label string
	rows  []barRow
}

// bars draws groups of horizontal bars from the top down. Long names are read without turning one's head.
type bars struct {
	groups []barGroup
	limit  float64 // where the axis ends
}

const (
	barHeight = vg.Length(13)
	groupGap  = 0.55 // in bars
	// headroom is the share of the axis that is left free for the sums.
	headroom = 0.22
)

// newBars sets the axis's end so that the longest bar has room for its sum.
func newBars(groups []barGroup) *bars {
	longest := 0.0
	for _, g := range groups {
		for _, r := range g.rows {
			longest = max(longest, r.sum())
			if r.high != nil {
				longest = max(longest, *r.high)
			}
		}
	}
	if longest == 0 {
		longest = 1 // bars of nothing still need an axis
	}
	return &bars{groups, longest / (1 - headroom)}
}

// slots is the height of everything, in bars.
func (b *bars) slots() float64 {
	n := 0.0
	for _, g := range b.groups {
		n += float64(max(1, len(g.rows))) + groupGap
	}
	return n
}

// panel is the plot; only the first of a figure names the rows.
func (b *bars) panel(xLabel string, named bool) *plot.Plot {
	p := newPanel(xLabel)
	ticks := linearTicks(0, b.limit)
	p.Add(gridlines{x: ticks}, b)
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, b.limit, ticks
	p.Y.Min, p.Y.Max = -b.slots(), 0
	p.Y.Tick.Length = 0
	var names plot.ConstantTicks
	b.each(func(g barGroup, top float64) {
		name := plot.Tick{Value: -(top + float64(max(1, len(g.rows)))/2)}
		if named {
			name.Label = g.label
		}
		names = append(names, name)
	})
	p.Y.Tick.Marker = names
	return p
}

// each goes through the groups with the place of their first bar's upper edge, in bars from the top.
func (b *bars) each(visit func(g barGroup, top float64)) {
	top := groupGap / 2
	for _, g := range b.groups {
		visit(g, top)
		top += float64(max(1, len(g.rows))) + groupGap
	}
}

// Plot implements plot.Plotter.
func (b *bars) Plot(c draw.Canvas, p *plot.Plot) {
	b.each(func(g barGroup, top float64) {
		for i, r := range g.rows {
			r.draw(c, p, top+float64(i))
		}
	})
}

func (r barRow) draw(c draw.Canvas, p *plot.Plot, top float64) {
	atX, atY := p.Transforms(&c)
	upper, lower, middle := atY(-top-0.06), atY(-top-0.94), atY(-top-0.5)
	from := 0.0
	for _, part := range r.parts {
		to := from + part.length
		c.FillPolygon(part.color, []vg.Point{{X: atX(from), Y: upper}, {X: atX(to), Y: upper}, {X: atX(to), Y: lower}, {X: atX(from), Y: lower}})
		from = to
	}
	end := atX(from)
	if r.low != nil && r.high != nil {
		// Ink on a dark bar is seen by its white rim.
		for _, style := range []draw.LineStyle{{Color: paper, Width: vg.Points(2.6)}, {Color: ink, Width: vg.Points(0.9)}} {
			c.StrokeLine2(style, atX(*r.low), middle, atX(*r.high), middle)
			for _, x := range []vg.Length{atX(*r.low), atX(*r.high)} {
				c.StrokeLine2(style, x, middle-3, x, middle+3)
			}
		}
		end = max(end, atX(*r.high))
	}
	style := valueStyle
	style.YAlign = text.YCenter
	c.FillText(style, vg.Point{X: end + 4, Y: middle + 1}, r.text)
}

// barsFigure puts panels with the same groups side by side.
func barsFigure(f figure, xLabels []string, panels []*bars) figure {
	rows := 0.0
	for i, b := range panels {
		f.panels = append(f.panels, b.panel(xLabels[i], i == 0))
		rows = max(rows, b.slots())
		for _, g := range b.groups {
			f.labels = max(f.labels, tickStyle.Width(g.label)+6)
		}
	}
	const axis = 34 // ticks and label below
	f.height = vg.Length(rows)*barHeight + axis
	return f
}
