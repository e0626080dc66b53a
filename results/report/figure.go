package report

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"regexp"
	"strconv"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A figure is a picture: title, where it was measured, a legend, panels side by side, and a caption. Everything but the
// panels stands outside of them, so that nothing covers data.
type figure struct {
	Name    string // of its files, without ending
	Title   string
	part    string // the experiment that it belongs to
	where   string
	Caption string
	legend  []key
	panels  []*plot.Plot
	// labels is the room that the first panel's row names take; the others have none.
	labels vg.Length
	// height of the panels.
	height vg.Length
}

// A key is an entry of a legend: a patch of colour, or a line.
type key struct {
	label  string
	color  color.Color
	line   bool
	dashes []vg.Length
}

const (
	figureWidth = vg.Length(760)
	margin      = vg.Length(14)
	// dpi gives a PNG of about 1,500 pixels, sharp on a dense screen and in print at the width of a page.
	dpi = 144
)

// textStyle is Liberation Sans, which comes with gonum: a PNG looks the same everywhere.
func textStyle(size float64, c color.Color, bold bool) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)}
	if bold {
		f.Weight = xfont.WeightBold
	}
	return text.Style{Color: c, Font: f, Handler: plot.DefaultTextHandler, YAlign: text.YTop}
}

var (
	titleStyle   = textStyle(14, ink, true)
	whereStyle   = textStyle(9.5, faint, false)
	legendStyle  = textStyle(9, ink, false)
	captionStyle = textStyle(8, faint, false)
	axisStyle    = textStyle(9.5, ink, false)
	tickStyle    = textStyle(8.5, ink, false)
	valueStyle   = textStyle(8, ink, false)
)

// png and svg draw the figure.
func (f *figure) png() ([]byte, error) {
	c := vgimg.NewWith(vgimg.UseWH(figureWidth, f.total()), vgimg.UseDPI(dpi))
	f.draw(draw.New(c))
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: c}).WriteTo(&b); err != nil {
		return nil, fmt.Errorf("draw %s.png: %w", f.Name, err)
	}
	return b.Bytes(), nil
}

func (f *figure) svg() ([]byte, error) {
	c := vgsvg.New(figureWidth, f.total())
	f.draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("draw %s.svg: %w", f.Name, err)
	}
	return fixText(b.Bytes()), nil
}

// svgText is a text element as vgsvg writes it: attributes, weight, size, characters.
var svgText = regexp.MustCompile(`<text ([^>]*font-family:)Liberation Sans;([^>]*font-weight:(bold|normal);[^>]*font-size:([0-9.]+)px[^>]*)>([^<]*)</text>`)

// fixText makes the texts of an SVG look the same where the font is not installed: one of the same widths takes its
// place, and not a serif; where there is none of those either, the text is fitted to the length that the layout knows.
func fixText(svg []byte) []byte {
	return svgText.ReplaceAllFunc(svg, func(element []byte) []byte {
		m := svgText.FindSubmatch(element)
		size, err := strconv.ParseFloat(string(m[4]), 64)
		if err != nil {
			return element
		}
		style := textStyle(size, ink, string(m[3]) == "bold")
		return fmt.Appendf(nil, `<text textLength="%.2f" lengthAdjust="spacingAndGlyphs" %s'Liberation Sans',Arial,Helvetica,sans-serif;%s>%s</text>`,
			style.Width(html.UnescapeString(string(m[5]))).Points(), m[1], m[2], m[5])
	})
}

// The heights of the parts, from the top.
const (
	titleHeight  = vg.Length(20)
	whereHeight  = vg.Length(18)
	legendHeight = vg.Length(15) // of a line
	captionLine  = vg.Length(11)
	spacing      = vg.Length(8)
)

func (f *figure) total() vg.Length {
	return 2*margin + titleHeight + whereHeight + legendHeight*vg.Length(f.legendLines()) + spacing + f.height + spacing +
		captionLine*vg.Length(len(f.captionLines()))
}

func (f *figure) draw(c draw.Canvas) {
	c.FillPolygon(paper, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
	left, top := c.Min.X+margin, c.Max.Y-margin
	c.FillText(titleStyle, vg.Point{X: left, Y: top}, f.Title)
	top -= titleHeight
	c.FillText(whereStyle, vg.Point{X: left, Y: top}, f.where)
	top -= whereHeight
	f.placeLegend(func(k key, x vg.Length, line int) {
		k.draw(c, vg.Point{X: left + x, Y: top - legendHeight*vg.Length(line)})
	})
	top -= legendHeight*vg.Length(f.legendLines()) + spacing
	f.drawPanels(draw.Crop(c, margin, -margin, top-f.height-c.Min.Y, top-c.Max.Y))
	top -= f.height + spacing
	for i, line := range f.captionLines() {
		c.FillText(captionStyle, vg.Point{X: left, Y: top - captionLine*vg.Length(i)}, line)
	}
}

// drawPanels gives all panels the same room for data.
func (f *figure) drawPanels(c draw.Canvas) {
	n := vg.Length(len(f.panels))
	between := vg.Length(12)
	each := (c.Max.X - c.Min.X - f.labels - between*(n-1)) / n
	x := c.Min.X
	for i, p := range f.panels {
		width := each
		if i == 0 {
			width += f.labels
		}
		p.Draw(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: x, Y: c.Min.Y}, Max: vg.Point{X: x + width, Y: c.Max.Y}}})
		x += width + between
	}
}

const (
	swatch     = vg.Length(11)
	lineSwatch = vg.Length(24)
)

func (k key) swatch() vg.Length {
	if k.line {
		return lineSwatch
	}
	return swatch
}

func (k key) draw(c draw.Canvas, at vg.Point) {
	const height = 9
	if k.line {
		c.StrokeLine2(draw.LineStyle{Color: k.color, Width: vg.Points(2), Dashes: k.dashes}, at.X, at.Y-height/2, at.X+lineSwatch, at.Y-height/2)
	} else {
		c.FillPolygon(k.color, []vg.Point{at, {X: at.X + swatch, Y: at.Y}, {X: at.X + swatch, Y: at.Y - height}, {X: at.X, Y: at.Y - height}})
	}
	c.FillText(legendStyle, vg.Point{X: at.X + k.swatch() + 4, Y: at.Y + 1}, k.label)
}

// placeLegend goes through the legend from left to right, with a new line where the width ends.
func (f *figure) placeLegend(each func(k key, x vg.Length, line int)) (lines int) {
	x, line := vg.Length(0), 0
	for _, k := range f.legend {
		width := k.swatch() + 4 + legendStyle.Width(k.label) + 16
		if x > 0 && x+width > figureWidth-2*margin {
			x, line = 0, line+1
		}
		each(k, x, line)
		x += width
	}
	if len(f.legend) == 0 {
		return 0
	}
	return line + 1
}

func (f *figure) legendLines() int { return f.placeLegend(func(key, vg.Length, int) {}) }

// captionLines breaks the caption between words.
func (f *figure) captionLines() []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(f.Caption) {
		longer := strings.TrimSpace(line + " " + word)
		if line != "" && captionStyle.Width(longer) > figureWidth-2*margin {
			lines = append(lines, line)
			longer = word
		}
		line = longer
	}
	return append(lines, line)
}

// newPanel is a plot without decoration, its axes in the figure's style.
func newPanel(xLabel string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Label.Text = xLabel
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		label, tick := axisStyle, tickStyle
		label.XAlign, label.YAlign = a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign
		tick.XAlign, tick.YAlign = a.Tick.Label.XAlign, a.Tick.Label.YAlign
		a.Label.TextStyle, a.Tick.Label = label, tick
		a.Label.Padding, a.Padding = vg.Points(3), 0
		a.LineStyle.Color, a.Tick.LineStyle.Color = faint, faint
		a.Tick.Length = vg.Points(4)
	}
	return p
}
