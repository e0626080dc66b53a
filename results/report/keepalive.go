package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/plot"

	"pqbench/results"
)

// An upkeep is what idle tunnels of a fleet do with one pair of timers, both ends together.
type upkeep struct {
	arm         results.Arm
	keepAlive   time.Duration
	values      map[string]*results.Row // by metric, those that were measured
	bytes, cpus float64                 // B/s of a tunnel, and cores of 1,000
}

// ofOneSize leaves one fleet of each group and pair of timers: see upkeeps.
func ofOneSize(all []upkeep) (out []upkeep) {
	for _, u := range all {
		group := slices.DeleteFunc(slices.Clone(all), func(o upkeep) bool { return armLabel(o.arm) != armLabel(u.arm) })
		sizes, timers := map[int]int{}, map[string]bool{}
		for _, o := range group {
			sizes[o.arm.Tunnels]++
			timers[o.arm.Timers] = true
		}
		common := 0
		for size, n := range sizes {
			if n == len(timers) {
				common = max(common, size)
			}
		}
		largest := !slices.ContainsFunc(group, func(o upkeep) bool { return o.arm.Timers == u.arm.Timers && o.arm.Tunnels > u.arm.Tunnels })
		if u.arm.Tunnels == common || common == 0 && largest {
			out = append(out, u)
		}
	}
	return out
}

var upkeepMetrics = []struct{ metric, head, unit string }{
	{"client_keepalive_datagrams", "connector sends per tunnel /s", "1/s"}, {"server_keepalive_datagrams", "edge /s", "1/s"},
	{"client_keepalive_bytes", "connector UDP per tunnel B/s", "B/s"}, {"server_keepalive_bytes", "edge B/s", "B/s"},
	{"connector_cpu_per_1000", "connector CPU per 1,000 %", "share"}, {"edge_cpu_per_1000", "edge %", "share"},
}

// upkeeps are those of a run, by group and then keep-alive period. A group's are of one size of fleet, the largest that was
// held with all of its timers, or, without one, the largest of each. There are none where all fleets had the same timers.
func (l lookup) upkeeps() (all []upkeep) {
	timers := map[string]bool{}
	for _, r := range l.s.Rows {
		if r.Experiment != fleet || r.Metric != upkeepMetrics[0].metric || r.Value == nil || r.Arm.AA {
			continue
		}
		period, _, _ := strings.Cut(r.Arm.Timers, "/")
		keepAlive, err := time.ParseDuration(period)
		if err != nil {
			continue
		}
		timers[r.Arm.Timers] = true
		u := upkeep{arm: r.Arm, keepAlive: keepAlive, values: map[string]*results.Row{}}
		for _, m := range upkeepMetrics {
			if row := l.row(fleet, m.metric, r.Arm); row != nil {
				u.values[m.metric] = row
				switch m.unit {
				case "B/s":
					u.bytes += *row.Value
				case "share":
					u.cpus += *row.Value
				}
			}
		}
		all = append(all, u)
	}
	if len(timers) < 2 {
		return nil
	}
	all = ofOneSize(all)
	slices.SortStableFunc(all, func(a, b upkeep) int {
		return cmp.Or(strings.Compare(groupLabel(a.arm), groupLabel(b.arm)), cmp.Compare(a.keepAlive, b.keepAlive))
	})
	return all
}

// upkeepTable is traffic and CPU of idle tunnels by their timers. It is not ok where all had the same.
func (l lookup) upkeepTable() (t table, ok bool) {
	all := l.upkeeps()
	t = table{Title: "Idle tunnels by their timers", Labels: 4, Head: []string{"group", "keep-alive", "idle time-out", "tunnels"}}
	for _, m := range upkeepMetrics {
		t.Head = append(t.Head, m.head+" ↓")
	}
	for _, u := range all {
		keepAlive, idle, _ := strings.Cut(u.arm.Timers, "/")
		row := []cell{{Text: armLabel(u.arm)}, {Text: keepAlive}, {Text: idle}, {Text: fmt.Sprint(u.arm.Tunnels)}}
		for _, m := range upkeepMetrics {
			text, divisor := "", 1.0
			if m.unit == "share" {
				divisor = 0.01
			}
			if r := u.values[m.metric]; r != nil {
				text = rounded(*r.Value, r.Low, r.High, divisor)
			}
			row = append(row, cell{Text: text})
		}
		t.Rows = append(t.Rows, row)
	}
	t.Notes = []string{"CPU in proportion to the fleet's size, of a core"}
	return t, len(all) > 0
}

// keepAlives is what idle tunnels send and compute over their keep-alive period.
func (d *drawer) keepAlives() (figure, bool) {
	all := d.look.upkeeps()
	if len(all) == 0 {
		return figure{}, false
	}
	var groups []string
	lines := map[string][2]trace{}
	n := 0
	for _, u := range all {
		label := armLabel(u.arm)
		if !slices.Contains(groups, label) {
			groups = append(groups, label)
			style := trace{color: d.palette.of(u.arm)}
			lines[label] = [2]trace{style, style}
		}
		of := lines[label]
		for i, y := range []float64{u.bytes, 100 * u.cpus} {
			if at := [2]float64{u.keepAlive.Seconds(), y}; y > 0 {
				of[i].points, of[i].line = append(of[i].points, at), append(of[i].line, at)
			}
		}
		lines[label] = of
		n = max(n, u.values[upkeepMetrics[0].metric].Blocks)
	}
	f := figure{part: fleet, Name: "fleet-keepalive", Title: "What idle tunnels send and compute, by their keep-alive period", height: 250, labels: 12, where: "both ends together" + overLoopback}
	var traffic, cpu traces
	for _, label := range groups {
		of := lines[label]
		traffic, cpu = append(traffic, of[0]), append(cpu, of[1])
		f.legend = append(f.legend, key{label: label, color: of[0].color, line: true})
	}
	f.panels = []*plot.Plot{logPanel(traffic, "keep-alive period, s", "UDP payload of a tunnel, B/s"), logPanel(cpu, "keep-alive period, s", "CPU of 1,000 tunnels, % of a core")}
	f.Caption = fmt.Sprintf("n = up to %s a point; both axes logarithmic", counted(n, "block"))
	return f, true
}

// logPanel is a tracePanel with logarithmic axes. It draws logarithms on linear ones: on gonum's own logarithmic axis a long
// label takes room from the data (it is laid out around the middle of the values, which is near the top).
func logPanel(of traces, xLabel, yLabel string) *plot.Plot {
	var xs, ys []float64
	logs := make(traces, len(of))
	for i, t := range of {
		logs[i] = t
		logs[i].points, logs[i].line = logarithms(t.points), logarithms(t.line)
		for _, p := range t.points {
			xs, ys = append(xs, p[0]), append(ys, p[1])
		}
	}
	left, right, ok := extent(xs)
	low, high, also := extent(ys)
	if !ok || !also {
		left, right, low, high = 1, 10, 1, 10
	}
	left, right, low, high = left/1.15, right*1.15, low/1.5, high*1.5
	p := newPanel(xLabel)
	ticks := func(low, high float64) plot.ConstantTicks {
		ticks := logTicks(low, high)
		for i := range ticks {
			ticks[i].Value = math.Log10(ticks[i].Value)
		}
		return ticks
	}
	x, y := ticks(left, right), ticks(low, high)
	p.Add(gridlines{x, y}, logs)
	p.X.Tick.Marker, p.Y.Tick.Marker = x, y
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = math.Log10(left), math.Log10(right), math.Log10(low), math.Log10(high)
	p.Y.Label.Text = yLabel
	return p
}

func logarithms(points [][2]float64) (out [][2]float64) {
	for _, p := range points {
		out = append(out, [2]float64{math.Log10(p[0]), math.Log10(p[1])})
	}
	return out
}
