package report

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"gonum.org/v1/plot/vg"

	"pqbench/results"
)

// A drawer makes the figures of a run from its summary; only the distribution of times needs the samples.
type drawer struct {
	run     *run
	s       results.Summary
	look    lookup
	palette palette
}

// figureNames are all that there can be, for removing those of an earlier report that are gone.
var figureNames = []string{"kex-operations", "kex-sides", "handshake-time", "handshake-cpu", "wire", "steady-state", "handshake-kem", "beside-cloudflared", "policies",
	"fleet-memory", "fleet-keepalive", "storm", "storm-queue", "path-loss", "path-penalty", "path-explained", "middleboxes",
	"knee-handshakes", "knee-requests", "rate-handshakes", "rate-requests", "rate-percentiles-handshakes", "rate-percentiles-requests"}

// figures are those that the run has data for.
func (r *run) figures(s results.Summary) []figure {
	d := &drawer{run: r, s: s, look: lookup{s}, palette: newPalette(r.m)}
	var out []figure
	for _, make := range []func() (figure, bool){d.kexOperations, d.kexSides, d.handshakeTime, d.handshakeCPU, d.wire, d.steadyState, d.handshakeKEM, d.beside, d.policies,
		d.overLoss, d.penalty, d.explanation, d.throughBoxes, d.fleetMemory, d.keepAlives, d.stormCourse, d.stormQueue,
		d.overload(kneeSearch, "handshakes"), d.overload(kneeSearch, "requests"), d.overload(rate, "handshakes"), d.overload(rate, "requests"),
		d.percentiles("handshakes"), d.percentiles("requests")} {
		if f, ok := make(); ok {
			f.where = d.where(f.where)
			f.Caption = d.caption(f.Caption)
			out = append(out, f)
		}
	}
	return out
}

// where says where it was measured. In virtual time no machine plays a part.
func (d *drawer) where(conditions string) string {
	if d.run.m.Virtual {
		return conditions
	}
	if at := foreignTargets(d.run.m); at != "" {
		conditions = strings.TrimSuffix(conditions, overLoopback) + " · server at " + at
	}
	h := d.run.m.Host
	host := fmt.Sprintf("%s/%s", h.OS, h.Arch)
	if h.CPU != "" {
		host = h.CPU
	}
	return strings.TrimPrefix(conditions+" · ", " · ") + fmt.Sprintf("on %s, %d cores", host, h.Cores)
}

// caption adds the commit and the time to what a figure says of itself.
func (d *drawer) caption(own string) string {
	v := d.run.m.Versions
	commit := v.Commit[:min(12, len(v.Commit))]
	if v.Dirty {
		commit += " with changes"
	}
	return fmt.Sprintf("%s · %s/%s, %s, commit %s, %s UTC", own, d.run.m.Host.OS, d.run.m.Host.Arch, v.Go, commit,
		d.run.m.Started.UTC().Format("2006-01-02 15:04"))
}

// A series is a panel's content: a metric of an experiment's section, with its values' scale.
type series struct {
	experiment, metric string
	section            section
	title              string // before the unit
	parts              []string
}

// row is that of the series' own metric.
func (d *drawer) row(s series, metric string, a results.Arm) *results.Row {
	return d.look.row(s.experiment, metric, a)
}

// arms are those of a section with a value of the series, the bases of comparisons first.
func (d *drawer) arms(s series) []results.Arm {
	i := slices.IndexFunc(layouts, func(l layout) bool { return l.experiment == s.experiment })
	b := builder{m: d.run.m, s: d.s, layout: layouts[i]}
	return slices.DeleteFunc(b.arms(s.section), func(a results.Arm) bool { return d.row(s, s.metric, a) == nil })
}

// sections are those of an experiment with the same certificate and Initial size as its first, by concurrency: the
// tables have the others.
func (d *drawer) sections(experiment string) []section {
	var all []section
	for _, r := range d.s.Rows {
		of := sectionOf(r.Arm)
		if r.Experiment == experiment && (len(all) == 0 || of.cert == all[0].cert && of.initial == all[0].initial) && !slices.Contains(all, of) {
			all = append(all, of)
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].concurrency < all[j].concurrency })
	return all
}

// scale is the series' unit, fit for its values.
func (d *drawer) scale(s series, arms []results.Arm) scale {
	metric, _ := results.MetricByName(s.metric)
	var values []float64
	for _, a := range arms {
		values = append(values, *d.row(s, s.metric, a).Value)
	}
	return scaleFor(metric, values)
}

// bar is an arm's: of one part, or of those of the series, whose colours grow lighter.
func (d *drawer) bar(s series, a results.Arm, by scale, white float64) barRow {
	total := d.row(s, s.metric, a)
	divided := func(v *float64) *float64 {
		if v == nil {
			return nil
		}
		return finite(*v / by.divisor)
	}
	c := d.palette.of(a)
	if a.Stack == cloudflared {
		white += peerTint
	}
	out := barRow{low: divided(total.Low), high: divided(total.High), text: rounded(*total.Value, total.Low, total.High, by.divisor)}
	if len(s.parts) == 0 {
		out.parts = []barPart{{*total.Value / by.divisor, tint(c, white)}}
		return out
	}
	for i, part := range s.parts {
		if r := d.row(s, part, a); r != nil {
			out.parts = append(out.parts, barPart{*r.Value / by.divisor, tint(c, white+partTint*float64(i))})
		}
	}
	return out
}

// partTint makes the second part of a bar lighter than the first.
const partTint = 0.5

// peerTint makes the bar of a peer lighter than ours of the same group.
const peerTint = 0.55

// byProvider is a series as groups of bars, one for each provider, in the order of providerKeys. Names are those that
// all panels of a figure share.
func (d *drawer) byProvider(s series, names []string) *bars {
	arms := d.arms(s)
	by := scale{"", 1}
	if len(arms) > 0 {
		by = d.scale(s, arms)
	}
	groups := make([]barGroup, len(names))
	for i, name := range names {
		groups[i].label = name
		for _, p := range shadeOrder {
			for _, a := range arms {
				if groupLabel(a) == name && a.KEM == p && !a.AA {
					groups[i].rows = append(groups[i].rows, d.bar(s, a, by, providerTints[p]))
				}
			}
		}
	}
	return newBars(groups)
}

var shadeOrder = []string{"", "circl-asm", "go", "circl-generic"}

// providerKeys explains the shades. They are shown in grey, because every group has them in its own colour.
func providerKeys(used map[string]bool) []key {
	var keys []key
	for _, p := range shadeOrder[1:] {
		if used[p] {
			keys = append(keys, key{label: providerNames[p], color: tint(hex(0x333333), providerTints[p])})
		}
	}
	return keys
}

var providerNames = map[string]string{"circl-asm": "circl-asm (CIRCL with assembly)", "go": "go (crypto/mlkem)",
	"circl-generic": "circl-generic (CIRCL without assembly)"}

// sampleSizes is "n = 480 to 960": what stands behind a figure's bars.
func sampleSizes(of string, ns []int) string {
	low, high := slices.Min(ns), slices.Max(ns)
	if low == high {
		return fmt.Sprintf("n = %d %s", low, of)
	}
	return fmt.Sprintf("n = %d to %d %s", low, high, of)
}

// xLabel is an axis's text: what, in which unit, under which conditions.
func (d *drawer) xLabel(s series, conditions string) string {
	text := s.title
	if arms := d.arms(s); len(arms) > 0 {
		text += strings.Replace(", "+d.scale(s, arms).unit, ", /", "/", 1)
	}
	if conditions != "" {
		text += " (" + conditions + ")"
	}
	return text
}

func flight(concurrency int) string { return section{concurrency: concurrency}.String() }

// handshakeTime is the distribution by group, a panel for each concurrency.
func (d *drawer) handshakeTime() (figure, bool) {
	f := figure{part: "handshake", Name: "handshake-time", Title: "Handshake time by named group", height: 270, labels: 14}
	var ns []int
	for _, of := range d.sections("handshake") {
		curves, unit := d.curves(of, &ns)
		if len(curves.curves) == 0 {
			continue
		}
		f.panels = append(f.panels, curves.panel(fmt.Sprintf("handshake time, %s, log scale (%s)", unit, flight(of.concurrency)), len(f.panels) == 0))
		f.where = section{cert: of.cert, initial: of.initial}.String() + overLoopback
		f.legend = keysOf(f.legend, curves)
	}
	if len(f.panels) == 0 {
		return figure{}, false
	}
	f.Caption = sampleSizes("handshakes a curve", ns) + ", failures counted as never complete; the axis ends where the slowest group has 99.5 %"
	return f, true
}

// curves are a section's, with the preferred provider of each group.
func (d *drawer) curves(of section, ns *[]int) (e ecdf, unit string) {
	by := scale{"ms", 1e6}
	for _, i := range d.curveArms(of) {
		a := &d.run.arms[i]
		byBlock, _ := a.times(sampleMetric{time: sinceIntended})
		times := slices.Concat(byBlock...)
		slices.Sort(times)
		for k := range times {
			times[k] /= by.divisor
		}
		if len(times) == 0 || times[0] <= 0 || math.IsInf(times[0], 1) {
			continue // nothing that a logarithmic axis could show: every handshake failed, or took no time
		}
		*ns = append(*ns, len(times))
		c := curve{label: armLabel(a.Arm), color: d.palette.of(a.Arm), times: times}
		if !hybrid(a.Arm) {
			c.dashes = []vg.Length{5, 2.5}
		}
		e.curves = append(e.curves, c)
	}
	return e, by.unit
}

// curveArms are the arms of a section that have times: one of each group, and the control not again.
func (d *drawer) curveArms(of section) []int {
	best := make(map[string]int)
	var order []string
	for i := range d.run.arms {
		a := &d.run.arms[i]
		if a.Experiment != "handshake" || sectionOf(a.Arm) != of || a.Arm.AA || len(a.samples) == 0 {
			continue
		}
		label := groupLabel(a.Arm)
		if old, ok := best[label]; !ok {
			order = append(order, label)
			best[label] = i
		} else if preferred(a.Arm) < preferred(d.run.arms[old].Arm) {
			best[label] = i
		}
	}
	var arms []int
	for _, label := range order {
		arms = append(arms, best[label])
	}
	return arms
}

// keysOf adds the curves that the legend does not have yet.
func keysOf(keys []key, e ecdf) []key {
	for _, c := range e.curves {
		if !slices.ContainsFunc(keys, func(k key) bool { return k.label == c.label }) {
			keys = append(keys, key{label: c.label, color: c.color, line: true, dashes: c.dashes})
		}
	}
	return keys
}
