package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pqbench/results"
)

// labArms are the arms of an experiment of the lab, in order.
func (d *drawer) labArms(experiment string) (arms []results.Arm) {
	for _, r := range d.s.Rows {
		if r.Experiment == experiment && !slices.Contains(arms, r.Arm) {
			arms = append(arms, r.Arm)
		}
	}
	return arms
}

// alike are the arms that differ from the first in nothing but group, path and loss: one curve or map takes no more.
func alike(arms []results.Arm) []results.Arm {
	return slices.DeleteFunc(arms, func(a results.Arm) bool { return !sameSetting(a, arms[0]) })
}

func sameSetting(a, b results.Arm) bool { return a.Cert == b.Cert && a.Concurrency == b.Concurrency }

// distinct is what a property of arms takes, in order.
func distinct(arms []results.Arm, of func(results.Arm) string) (values []string) {
	for _, a := range arms {
		if v := of(a); !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values
}

// share reads "5%"; ok is false for a model that is more than one.
func share(loss string) (percent float64, ok bool) {
	v, err := strconv.ParseFloat(strings.TrimSuffix(loss, "%"), 64)
	return v, err == nil && strings.HasSuffix(loss, "%")
}

// overLoss is the mean handshake time over the loss, a panel for each path.
func (d *drawer) overLoss() (figure, bool) {
	arms := alike(slices.DeleteFunc(d.labArms(paths), func(a results.Arm) bool { _, ok := share(a.Loss); return !ok }))
	if len(distinct(arms, func(a results.Arm) string { return a.Loss })) < 2 {
		return figure{}, false
	}
	f := figure{part: paths, Name: "path-loss", Title: "Handshake time over loss, in virtual time", where: timesOf(d.run.m.Computing)}
	groups := distinct(arms, groupLabel)
	for _, g := range groups {
		f.legend = append(f.legend, key{label: g, color: d.palette.of(results.Arm{Group: g}), line: true})
	}
	var ns []int
	for i, path := range distinct(arms, func(a results.Arm) string { return a.Path }) {
		var ls lossLines
		for _, g := range groups {
			l := lossLine{color: d.palette.of(results.Arm{Group: g})}
			for _, a := range arms {
				row := d.look.row(paths, "handshake_mean", a)
				if a.Path != path || groupLabel(a) != g || row == nil {
					continue
				}
				loss, _ := share(a.Loss)
				l.points = append(l.points, lossPoint{loss, *row.Value / 1e6, below(row.Low, 1e6), below(row.High, 1e6)})
				ns = append(ns, row.N)
			}
			ls = append(ls, l)
		}
		f.panels = append(f.panels, ls.panel("loss each way, % ("+path+" path)", i == 0))
	}
	if len(f.panels) == 0 || len(f.panels) > 6 {
		return figure{}, false
	}
	f.labels, f.height = 10, 230
	f.Caption = sampleSizes("handshakes a point", ns) + "; means with their 95 % intervals, a failed handshake with the time until it failed"
	return f, true
}

func below(v *float64, divisor float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v / divisor
}

// lossLines are means over loss.
type lossLines []lossLine

type lossLine struct {
	color  color.Color
	points []lossPoint
}

type lossPoint struct{ loss, mean, low, high float64 }

func (ls lossLines) panel(xLabel string, named bool) *plot.Plot {
	most, top := 0.0, 0.0
	for _, l := range ls {
		for _, p := range l.points {
			most = max(most, p.loss)
			top = max(top, p.mean)
			if !math.IsNaN(p.high) {
				top = max(top, p.high)
			}
		}
	}
	p := newPanel(xLabel)
	x, y := linearTicks(0, most), linearTicks(0, top*1.05)
	p.Add(gridlines{x, y}, ls)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -most*0.06, most*1.06, 0, top*1.05 // room for what stands aside
	p.X.Tick.Marker, p.Y.Tick.Marker = x, y
	if named {
		p.Y.Label.Text = "mean handshake time, ms"
	}
	return p
}

// Plot implements plot.Plotter.
func (ls lossLines) Plot(c draw.Canvas, p *plot.Plot) {
	atX, atY := p.Transforms(&c)
	for i, l := range ls {
		// Lines of one mean hide each other; a little to the side their intervals stay legible.
		aside := vg.Length(i)*1.2 - vg.Length(len(ls))*0.6
		var line []vg.Point
		for _, pt := range l.points {
			at := vg.Point{X: atX(pt.loss) + aside, Y: atY(pt.mean)}
			line = append(line, at)
			if !math.IsNaN(pt.low) && !math.IsNaN(pt.high) {
				c.StrokeLine2(draw.LineStyle{Color: l.color, Width: vg.Points(0.8)}, at.X, atY(max(pt.low, p.Y.Min)), at.X, atY(pt.high))
			}
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: l.color, Radius: vg.Points(1.8), Shape: draw.CircleGlyph{}}, at)
		}
		c.StrokeLines(draw.LineStyle{Color: l.color, Width: vg.Points(1.5)}, line)
	}
}

// penalty is the heat map of what today's hybrid costs over X25519, by path and loss.
func (d *drawer) penalty() (figure, bool) {
	found := d.look.comparisons(func(c results.Comparison) bool {
		return c.Experiment == paths && c.Metric == "handshake_mean" && c.Arm.Group == today && c.Ratio != nil
	})
	found = slices.DeleteFunc(found, func(c results.Comparison) bool { return !sameSetting(c.Arm, found[0].Arm) })
	if len(found) < 4 {
		return figure{}, false
	}
	m := matrix{cell: map[[2]int]matrixCell{}}
	for _, c := range found {
		row, column := appendIndex(&m.rows, c.Arm.Path), appendIndex(&m.columns, orPlain(c.Arm.Loss))
		percent := 100 * (*c.Ratio - 1)
		text := signed(percent, 1) + " %"
		switch c.Verdict {
		case results.VerdictInconclusive:
			text = "~ " + text
		case results.VerdictEquivalent:
			text, percent = "0 %", 0
		}
		m.cell[[2]int{row, column}] = matrixCell{text: text, color: diverging(percent / 50)}
	}
	f := figure{part: paths, Name: "path-penalty", Title: "What " + today + " adds to the mean handshake time of " + groupLabel(found[0].Base),
		where:   timesOf(d.run.m.Computing) + "; rows: path, columns: datagrams lost each way",
		Caption: fmt.Sprintf("ratio of means over %d trials of each cell, the same losses for both groups; ~ no difference found, corrected for all paths and offers", found[0].Blocks)}
	return m.figure(f), true
}

func orPlain(loss string) string {
	if loss == "" {
		return "as the path"
	}
	return loss
}

// appendIndex is the place of a name in a list, to which it is added.
func appendIndex(names *[]string, name string) int {
	if i := slices.Index(*names, name); i >= 0 {
		return i
	}
	*names = append(*names, name)
	return len(*names) - 1
}

// diverging is white at 0, orange towards 1 and blue towards -1: both ends are told apart with any colour vision.
func diverging(v float64) color.Color {
	v = max(-1, min(1, v))
	if v >= 0 {
		return tint(hex(0xd55e00), 1-0.85*v)
	}
	return tint(hex(0x0072b2), 1+0.85*v)
}

// explained are the parts that the run's handshakes can have.
func (d *drawer) explained() []timePart {
	if d.run.m.Computing == "" {
		return explained[:len(explained)-2]
	}
	return explained
}

// mostExplained is how many bars a page takes.
const mostExplained = 24

// explanation is what handshakes spent their time on, for the path and the loss at which the groups differ most.
func (d *drawer) explanation() (figure, bool) {
	arms := d.labArms(paths)
	arms = slices.DeleteFunc(arms, func(a results.Arm) bool { return d.look.row(paths, "in_propagation", a) == nil })
	if len(arms) == 0 {
		return figure{}, false
	}
	losses := distinct(arms, func(a results.Arm) string { return a.Loss })
	last := losses[len(losses)-1]
	arms = slices.DeleteFunc(arms, func(a results.Arm) bool { return a.Loss != last })
	if len(arms) > mostExplained {
		// The announcement's groups and today's, beside their control: the tables have the others.
		arms = slices.DeleteFunc(arms, func(a results.Arm) bool {
			return !slices.Contains([]string{"X25519", kyber512, kyber768, today}, groupLabel(a))
		})
	}
	arms = arms[:min(len(arms), mostExplained)]
	f := figure{part: paths, Name: "path-explained", Title: "What the time of a handshake was spent on", where: timesOf(d.run.m.Computing)}
	if last != "" {
		f.where += ", " + last + " lost each way"
	}
	shades := []color.NRGBA{hex(0x4d4d4d), hex(0xd55e00), hex(0x56b4e9), hex(0x009e73), hex(0xcc79a7), hex(0xf0e442), hex(0x0072b2)}
	for i, part := range d.explained() {
		f.legend = append(f.legend, key{label: part.name, color: shades[i]})
	}
	var groups []barGroup
	var ns []int
	for _, a := range arms {
		total := d.look.row(paths, "in_propagation", a)
		g, sum := barGroup{label: a.Path + aside(a) + ", " + groupLabel(a)}, 0.0
		var bar barRow
		for i, part := range d.explained() {
			v, _ := d.look.value(paths, part.metric, a)
			bar.parts = append(bar.parts, barPart{v / 1e6, shades[i]})
			sum += v / 1e6
		}
		bar.text = fixed(sum, 1)
		g.rows = []barRow{bar}
		groups, ns = append(groups, g), append(ns, total.N)
	}
	f.Caption = sampleSizes("completed handshakes a bar", ns) + "; means; the parts of every handshake add up to its time"
	return barsFigure(f, []string{"mean time of a completed handshake, ms"}, []*bars{newBars(groups)}), true
}

// The colours of who connects through a middlebox.
var (
	connected = tint(hex(0x0072b2), 0.75)
	delayed   = tint(hex(0xe69f00), 0.55)
	fellBack  = tint(hex(0x009e73), 0.55)
	refused   = tint(hex(0xd55e00), 0.35)
)

// throughBoxes is who connects through which middlebox.
func (d *drawer) throughBoxes() (figure, bool) {
	m, on, edges := matrix{cell: map[[2]int]matrixCell{}}, d.middleboxPaths(), d.middleboxEdges()
	metric, until := "handshake_mean", "the handshake is complete"
	if d.measured(middleboxes, "registered_mean") {
		metric, until = "registered_mean", "the tunnel is registered"
	}
	for _, o := range d.s.Outcomes {
		if o.Experiment != middleboxes {
			continue
		}
		name := o.Arm.Policy + ", " + groupLabel(o.Arm)
		if len(edges) > 1 && o.Arm.Accept != edges[0] {
			name += ", edge accepts " + o.Arm.Accept
		}
		if len(on) > 1 {
			name = pathLabel(o.Arm) + ", " + name
		}
		row, column := appendIndex(&m.rows, name), appendIndex(&m.columns, o.Arm.Middlebox)
		m.cell[[2]int{row, column}] = d.throughBox(o, metric)
	}
	if len(m.rows) == 0 {
		return figure{}, false
	}
	where := timesOf(d.run.m.Computing)
	if len(edges) > 1 {
		where = "edge accepts " + edges[0] + " where nothing else is said · " + where
	}
	if len(on) == 1 {
		where = on[0] + " · " + where
	}
	f := figure{part: middleboxes, Name: "middleboxes", Title: "Who connects through which middlebox", where: where,
		legend: []key{{label: "connects", color: connected}, {label: "connects, later than without it", color: delayed},
			{label: "falls back, after a HelloRetryRequest", color: fellBack}, {label: "does not", color: refused}},
		Caption: "time until " + until + "; one dial, without another try; the table has how it failed"}
	return m.figure(f), true
}

// throughBox is how one offer fares.
func (d *drawer) throughBox(o results.Outcome, metric string) matrixCell {
	took, _ := d.look.value(middleboxes, metric, o.Arm)
	base, ok := d.look.value(middleboxes, metric, without(o.Arm))
	c := matrixCell{text: fixed(took/1e6, 0) + " ms", color: connected}
	switch {
	case strings.Contains(o.Text, noTunnel):
		return matrixCell{text: "no tunnel", color: refused}
	case !connects(o.Text):
		return matrixCell{text: "no", color: refused}
	case strings.Contains(o.Text, retried):
		c.color = fellBack
	case ok && took > 1.5*base:
		c.color = delayed
	}
	return c
}

// measured reports whether a run has any value of a metric.
func (d *drawer) measured(experiment, metric string) bool {
	return slices.ContainsFunc(d.s.Rows, func(r results.Row) bool { return r.Experiment == experiment && r.Metric == metric && r.Value != nil })
}

// middleboxPaths are the paths on which middleboxes stand, in words.
func (d *drawer) middleboxPaths() (on []string) {
	for _, o := range d.s.Outcomes {
		if o.Experiment == middleboxes {
			appendIndex(&on, pathLabel(o.Arm))
		}
	}
	return on
}

// middleboxEdges are what the edges behind middleboxes accept.
func (d *drawer) middleboxEdges() (accept []string) {
	for _, o := range d.s.Outcomes {
		if o.Experiment == middleboxes {
			appendIndex(&accept, o.Arm.Accept)
		}
	}
	return accept
}

// none is a path without a middlebox.
const none = "none"

// without is an arm's path without its middlebox.
func without(a results.Arm) results.Arm {
	a.Middlebox = none
	return a
}

// matrix is a grid of coloured cells with a text in each.
type matrix struct {
	rows, columns []string
	cell          map[[2]int]matrixCell
}

type matrixCell struct {
	text  string
	color color.Color
}

const (
	matrixRow  = vg.Length(19)
	matrixHead = vg.Length(40) // three lines
)

func (m matrix) figure(f figure) figure {
	for _, name := range m.rows {
		f.labels = max(f.labels, tickStyle.Width(name)+8)
	}
	p := newPanel("")
	p.Add(m)
	p.X.Min, p.X.Max = 0, float64(len(m.columns))
	p.Y.Min, p.Y.Max = -float64(len(m.rows)), 0
	p.HideX()
	p.Y.Tick.Length, p.Y.LineStyle.Width = 0, 0
	var names plot.ConstantTicks
	for i, name := range m.rows {
		names = append(names, plot.Tick{Value: -float64(i) - 0.5, Label: name})
	}
	p.Y.Tick.Marker = names
	// The heads stand in a row of their own above the grid.
	p.Y.Max = float64(matrixHead / matrixRow)
	f.panels, f.height = []*plot.Plot{p}, matrixRow*vg.Length(len(m.rows))+matrixHead
	return f
}

// Plot implements plot.Plotter.
func (m matrix) Plot(c draw.Canvas, p *plot.Plot) {
	atX, atY := p.Transforms(&c)
	style := valueStyle
	style.XAlign, style.YAlign = text.XCenter, text.YCenter
	for at, cell := range m.cell {
		left, right := atX(float64(at[1]))+1, atX(float64(at[1]+1))-1
		top, bottom := atY(-float64(at[0]))-1, atY(-float64(at[0])-1)+1
		c.FillPolygon(cell.color, []vg.Point{{X: left, Y: top}, {X: right, Y: top}, {X: right, Y: bottom}, {X: left, Y: bottom}})
		c.FillText(style, vg.Point{X: (left + right) / 2, Y: (top + bottom) / 2}, cell.text)
	}
	for i, name := range m.columns {
		lines := headLines(name)
		for k, line := range lines {
			c.FillText(style, vg.Point{X: (atX(float64(i)) + atX(float64(i+1))) / 2, Y: atY(0) + vg.Length(10*(len(lines)-k))}, line)
		}
	}
}

// headWidth is how many characters of a head stand beside each other.
const headWidth = 11

// headLines breaks a head after hyphens and before parentheses, where it is too long for its column.
func headLines(name string) (lines []string) {
	line, rest := "", strings.ReplaceAll(strings.ReplaceAll(name, "-", "-\n"), "(", "\n(")
	for piece := range strings.SplitSeq(rest, "\n") {
		if line != "" && len(line)+len(piece) > headWidth {
			lines, line = append(lines, line), ""
		}
		line += piece
	}
	return append(lines, line)
}
