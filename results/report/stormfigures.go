package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pqbench/results"
)

// A course is how a series of a storm becomes a line: of each step of the picture one value.
type course struct {
	series, axis string
	// of is the value of a step from the series' values in it, which are step seconds apart.
	of func(values []float64, step float64, t results.Trial) float64
	// level says that the last value holds on after the series' end; otherwise nothing happens any more.
	level bool
}

// bucket is how many steps of a series make one of a picture: a second, over which the table's peak is, too.
const bucket = 10

var (
	completedCourse = course{series: "handshakes", axis: "handshakes completed, /s", of: perSecond}
	backCourse      = course{series: "back", axis: "of the lost connections back, %", level: true,
		of: func(values []float64, _ float64, t results.Trial) float64 {
			return 100 * values[len(values)-1] / t.Values["lost_connections"]
		}}
	queueCourse = course{series: "in_progress", axis: "handshakes in progress, most in a second",
		of: func(values []float64, _ float64, _ results.Trial) float64 { return slices.Max(values) }}
	failedCourse = course{series: "failed", axis: "handshakes that ended in failure, /s", of: perSecond}
)

func perSecond(values []float64, step float64, _ results.Trial) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / (float64(len(values)) * step)
}

// stormCourse is a storm over time: handshakes a second, and the share of the connections that are back.
func (d *drawer) stormCourse() (figure, bool) {
	return d.storm("storm", "A fleet comes back after an outage", completedCourse, backCourse)
}

// stormQueue is what the edge has before it meanwhile, and what comes to nothing.
func (d *drawer) stormQueue() (figure, bool) {
	return d.storm("storm-queue", "Handshakes in progress and failures while a fleet comes back", queueCourse, failedCourse)
}

// storm draws courses of the arms of the largest fleet.
func (d *drawer) storm(name, title string, courses ...course) (figure, bool) {
	arms, sections := d.stormArms()
	if len(arms) == 0 {
		return figure{}, false
	}
	f := figure{part: storm, Name: name, Title: title, height: 250, labels: 12}
	f.where = sectionOf(arms[0].Arm).String() + overLoopback
	panels := make([]traces, len(courses))
	n, begins := 0, math.Inf(1)
	for i, a := range arms {
		style := trace{color: d.palette.of(a.Arm), dashes: admissionDashes(a.Arm.Admission)}
		if i > 0 {
			style.width = vg.Points(2.6) // beneath the first one, of which the same is expected
		}
		f.legend = append(f.legend, key{label: armLabel(a.Arm), color: style.color, line: true, dashes: style.dashes})
		for k, c := range courses {
			style.line = a.overTime(c)
			panels[k] = append(panels[k], style)
		}
		n = max(n, len(a.trials))
		for _, t := range a.trials {
			begins = min(begins, t.Values["outage"]/1e9)
		}
	}
	for k, c := range courses {
		p := tracePanel(panels[k], "s since the edge went", c.axis)
		p.Add(upright{begins, "edge back"})
		f.panels = append(f.panels, p)
	}
	f.Caption = fmt.Sprintf("n = %s an arm, mean over blocks, in steps of a second", counted(n, "block"))
	if sections > 1 {
		f.Caption += fmt.Sprintf("; of %d kinds of storms that with the largest fleet", sections)
	}
	return f, true
}

// stormArms are those of the section with the largest fleet, and how many sections there are.
func (d *drawer) stormArms() (arms []*armRecords, sections int) {
	var all []section
	largest := section{}
	for i := range d.run.arms {
		a := &d.run.arms[i]
		of := sectionOf(a.Arm)
		if a.Experiment != storm || len(a.trials) == 0 {
			continue
		}
		if !slices.Contains(all, of) {
			all = append(all, of)
		}
		if of.tunnels > largest.tunnels {
			largest, arms = of, nil
		}
		if of == largest && !a.Arm.AA {
			arms = append(arms, a)
		}
	}
	return arms, len(all)
}

// admissionDashes tell what an edge does when many come.
func admissionDashes(admission string) []vg.Length {
	switch kind, _, _ := strings.Cut(admission, "-"); kind {
	case "retry":
		return []vg.Length{6, 3}
	case "cap":
		return []vg.Length{1.5, 2.5}
	}
	return nil
}

// overTime is a course of the arm's trials, averaged over them, at the ends of the picture's steps.
func (a *armRecords) overTime(c course) (line [][2]float64) {
	longest, step := 0, 0.0
	for _, t := range a.trials {
		if t.Series != nil {
			longest, step = max(longest, len(t.Series.Values[c.series])), float64(t.Series.Step)/1e9
		}
	}
	for from := 0; from < longest; from += bucket {
		sum, n := 0.0, 0
		for _, block := range a.blocksInOrder() {
			t := a.trials[block]
			if t.Series == nil || t.Values["lost_connections"] == 0 {
				continue
			}
			sum += c.of(c.bucket(t.Series.Values[c.series], from), step, t)
			n++
		}
		if n > 0 {
			line = append(line, [2]float64{float64(min(from+bucket, longest)) * step, sum / float64(n)})
		}
	}
	return line
}

// bucket is a step of the picture from a series; past its end a level stays and everything else is 0.
func (c course) bucket(values []float64, from int) []float64 {
	out := make([]float64, bucket)
	for i := range out {
		switch at := from + i; {
		case at < len(values):
			out[i] = values[at]
		case c.level && len(values) > 0:
			out[i] = values[len(values)-1]
		}
	}
	return out
}

func (a *armRecords) blocksInOrder() []int {
	var blocks []int
	for b := range a.trials {
		blocks = append(blocks, b)
	}
	slices.Sort(blocks)
	return blocks
}

// upright marks a time with a line and its name.
type upright struct {
	at   float64
	name string
}

// Plot implements plot.Plotter.
func (u upright) Plot(c draw.Canvas, p *plot.Plot) {
	if !(u.at >= p.X.Min && u.at <= p.X.Max) {
		return
	}
	atX, _ := p.Transforms(&c)
	x := atX(u.at)
	c.StrokeLine2(draw.LineStyle{Color: faint, Width: vg.Points(0.9), Dashes: []vg.Length{2, 2}}, x, c.Min.Y, x, c.Max.Y)
	style := captionStyle
	style.XAlign, style.YAlign = text.XLeft, text.YTop
	c.FillText(style, vg.Point{X: x + 3, Y: c.Max.Y}, u.name)
}
