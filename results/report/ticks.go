package report

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// linearTicks are up to seven from low to limit, at 1, 2 or 5 times a power of ten.
func linearTicks(low, limit float64) plot.ConstantTicks {
	step := tickStep(limit - low)
	var ticks plot.ConstantTicks
	for i := math.Ceil(low / step); i*step <= limit*(1+1e-9); i++ {
		ticks = append(ticks, tick(i*step))
	}
	return ticks
}

func tickStep(length float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(length/6)))
	for _, m := range []float64{1, 2, 5} {
		if length/(m*power) <= 6.5 {
			return m * power
		}
	}
	return 10 * power
}

// tick rounds away what the multiplication left behind, so that 3·0.1 is written 0.3.
func tick(v float64) plot.Tick {
	return plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 6, 64)}
}

// logTicks are those of a logarithmic axis: as round as possible, but at least four; evenly spaced ones where the axis is
// too short for that.
func logTicks(low, high float64) plot.ConstantTicks {
	for _, digits := range [][]float64{{1, 2, 5}, {1, 1.5, 2, 3, 5, 7}, {1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9}} {
		var ticks plot.ConstantTicks
		for e := math.Floor(math.Log10(low)); e <= math.Log10(high); e++ {
			for _, d := range digits {
				if v := d * math.Pow(10, e); v >= low && v <= high {
					ticks = append(ticks, tick(v))
				}
			}
		}
		if len(ticks) >= 4 {
			return ticks
		}
	}
	return linearTicks(low, high)
}

// A gridlines is the faint lines behind the data at an axis's ticks.
type gridlines struct{ x, y plot.ConstantTicks }

// Plot implements plot.Plotter.
func (g gridlines) Plot(c draw.Canvas, p *plot.Plot) {
	atX, atY := p.Transforms(&c)
	style := draw.LineStyle{Color: grid, Width: vg.Points(0.6)}
	for _, t := range g.x {
		c.StrokeLine2(style, atX(t.Value), c.Min.Y, atX(t.Value), c.Max.Y)
	}
	for _, t := range g.y {
		c.StrokeLine2(style, c.Min.X, atY(t.Value), c.Max.X, atY(t.Value))
	}
}

// extent is the range of the values that are finite and positive; ok is false without any.
func extent(values []float64) (low, high float64, ok bool) {
	values = slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return !(v > 0) || math.IsInf(v, 1) })
	if len(values) == 0 {
		return 0, 0, false
	}
	return slices.Min(values), slices.Max(values), true
}
