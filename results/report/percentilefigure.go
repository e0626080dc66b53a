package report

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pqbench/results"
	"pqbench/results/stats"
)

// A tail is an arm's latency by percentile, ms, sorted; failures are +Inf, and the curve ends before them. Sent are the
// same units since they were sent: what lies between the two curves is the generator's lateness.
type tail struct {
	label          string
	color          color.Color
	intended, sent []float64
}

// tailPanels bounds how many loads are drawn side by side.
const tailPanels = 3

// percentiles are the figures of latency by percentile, a panel for each load that was offered, of handshakes or requests.
func (d *drawer) percentiles(load string) func() (figure, bool) {
	return func() (figure, bool) {
		f := figure{part: rate, Name: "rate-percentiles-" + load, Title: "Latency of " + load + " by percentile", height: 290, labels: 12}
		loads, of, ns := d.tails(load)
		if len(loads) == 0 {
			return figure{}, false
		}
		f.Caption = sampleSizes(load+" a curve", ns) + ", what failed or was dropped counted as never complete"
		if len(loads) > tailPanels {
			f.Caption += fmt.Sprintf("; of %d loads the first, the middle and the last", len(loads))
			loads = []string{loads[0], loads[len(loads)/2], loads[len(loads)-1]}
		}
		open := false
		low, high := tailExtent(loads, of)
		for i, name := range loads {
			f.panels = append(f.panels, tailPanel(of[name], name, low, high, i == 0))
			for _, t := range of[name] {
				open = open || t.sent != nil
				if !slices.ContainsFunc(f.legend, func(k key) bool { return k.label == t.label }) {
					f.legend = append(f.legend, key{label: t.label, color: t.color, line: true})
				}
			}
		}
		f.where = "closed loop: nothing arrives, and latency is service time"
		if open {
			f.where = "open loop, from the intended instant (dotted: since it was sent; what lies between is the generator's lateness)"
		}
		return f, true
	}
}

// tails are the curves by load, the loads in the order of arms.
func (d *drawer) tails(load string) (loads []string, of map[string][]tail, ns []int) {
	of = map[string][]tail{}
	for i := range d.run.arms {
		a := &d.run.arms[i]
		if a.Experiment != rate || a.Arm.Load != load || a.Arm.AA {
			continue
		}
		t := tail{label: groupLabel(a.Arm), color: tint(d.palette.of(a.Arm), providerTints[a.Arm.KEM]*0.5), intended: a.milliseconds(sinceIntended)}
		if !stats.PrintableQuantile(len(t.intended), 0.5) || math.IsInf(t.intended[0], 1) {
			continue
		}
		if a.Arm.KEM != "" {
			t.label += ", " + a.Arm.KEM
		}
		if a.Arm.Arrivals != closedLoop {
			t.sent = a.milliseconds(sinceSent)
		}
		name := offeredText(a.Arm)
		if _, known := of[name]; !known {
			loads = append(loads, name)
		}
		of[name] = append(of[name], t)
		ns = append(ns, len(t.intended))
	}
	return loads, of, ns
}

func (a *armRecords) milliseconds(time func(results.Sample) (int64, bool)) []float64 {
	byBlock, _ := a.times(sampleMetric{time: time})
	times := slices.Sorted(slices.Values(slices.Concat(byBlock...)))
	for i := range times {
		times[i] /= 1e6
	}
	return times
}

// offeredText is what an arm's load was, without the group: "200/s", "low, 50/s, 1 edge core", "8 in flight".
func offeredText(a results.Arm) string {
	var parts []string
	for _, part := range []string{a.Phase, a.Rate} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if a.Arrivals == closedLoop {
		parts = append(parts, flight(a.Concurrency))
	}
	if a.EdgeCores > 0 {
		parts = append(parts, counted(a.EdgeCores, "edge core"))
	}
	return cmp.Or(strings.Join(parts, ", "), a.Arrivals)
}

// ninesOf is where a quantile stands on the axis: each nine takes as much room as the one before.
func ninesOf(q float64) float64 { return -math.Log10(1 - q) }

// tailExtent is the latency axis that all panels share, with some room.
func tailExtent(loads []string, of map[string][]tail) (low, high float64) {
	var ends []float64
	for _, name := range loads {
		for _, t := range of[name] {
			for _, times := range [][]float64{t.intended, t.sent} {
				for _, q := range t.drawn() {
					ends = append(ends, stats.Quantile(times, q))
				}
			}
		}
	}
	low, high, ok := extent(slices.DeleteFunc(ends, math.IsNaN))
	if !ok {
		low, high = 1, 10
	}
	return low / 1.2, high * 1.4
}

// tailPanel draws from the median on to where ten units are left.
func tailPanel(tails []tail, of string, low, high float64, named bool) *plot.Plot {
	most := 0
	for _, t := range tails {
		most = max(most, len(t.intended))
	}
	p := newPanel("percentile (" + of + ")")
	var x plot.ConstantTicks
	for _, q := range []float64{0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999} {
		if q == 0.5 || stats.PrintableQuantile(most, q) {
			x = append(x, plot.Tick{Value: ninesOf(q), Label: fmt.Sprintf("%g", math.Round(q*1e7)/1e5)})
		}
	}
	y := logTicks(low, high)
	p.Add(gridlines{x, y}, tailCurves(tails))
	p.Y.Scale = plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = x, y
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = ninesOf(0.5), ninesOf(lastQuantile(most)), low, high
	if named {
		p.Y.Label.Text = "latency, ms, log scale"
	}
	return p
}

// lastQuantile is the highest one of n units that can be printed.
func lastQuantile(n int) float64 { return max(1-10/float64(n), 0.55) }

// drawn are the quantiles that the curve goes through, evenly on the axis.
func (t tail) drawn() (qs []float64) {
	from, to := ninesOf(0.5), ninesOf(lastQuantile(len(t.intended)))
	for i := range curvePoints + 1 {
		qs = append(qs, 1-math.Pow(10, -(from+(to-from)*float64(i)/curvePoints)))
	}
	return qs
}

// tailCurves draws tails.
type tailCurves []tail

// Plot implements plot.Plotter.
func (tails tailCurves) Plot(c draw.Canvas, p *plot.Plot) {
	atX, atY := p.Transforms(&c)
	for _, t := range tails {
		for _, of := range []struct {
			times []float64
			style draw.LineStyle
		}{{t.intended, draw.LineStyle{Color: t.color, Width: vg.Points(1.6)}}, {t.sent, draw.LineStyle{Color: t.color, Width: vg.Points(1), Dashes: []vg.Length{1.2, 2}}}} {
			var line []vg.Point
			for _, q := range t.drawn() {
				v := stats.Quantile(of.times, q)
				if math.IsNaN(v) || math.IsInf(v, 1) {
					break
				}
				line = append(line, vg.Point{X: atX(ninesOf(q)), Y: atY(max(v, p.Y.Min))})
			}
			if len(line) > 1 {
				c.StrokeLines(of.style, c.ClipLinesX(line)...)
			}
		}
	}
}
