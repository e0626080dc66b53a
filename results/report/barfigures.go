package report

import (
	"slices"
	"strings"

	"pqbench/results"
)

const overLoopback = ", over loopback"

const intervals = "bars: median over blocks, whiskers: its 95 % interval"

// kexOperations is the KEM's three operations by provider.
func (d *drawer) kexOperations() (figure, bool) {
	return d.providerFigure(figure{part: "kex", Name: "kex-operations", Title: "KEM operations by provider", where: "the KEM alone, without ECDH"},
		[]series{{experiment: "kex", metric: "keygen", title: "key generation"},
			{experiment: "kex", metric: "encapsulate", title: "encapsulation"},
			{experiment: "kex", metric: "decapsulate", title: "decapsulation"}}, 1)
}

// kexSides is the whole group's cost on each side, classical groups among them.
func (d *drawer) kexSides() (figure, bool) {
	return d.providerFigure(figure{part: "kex", Name: "kex-sides", Title: "Key agreement by side, group and provider", where: "ECDH and KEM together, no network"},
		[]series{{experiment: "kex", metric: "client", title: "client"}, {experiment: "kex", metric: "server", title: "server"}}, 1)
}

// handshakeKEM is what the provider is worth in a whole handshake: time with the fewest in flight, CPU with the most.
func (d *drawer) handshakeKEM() (figure, bool) {
	sections := d.sections("handshake")
	if len(sections) == 0 {
		return figure{}, false
	}
	few, many := sections[0], sections[len(sections)-1]
	return d.providerFigure(figure{part: "handshake", Name: "handshake-kem", Title: "The handshake by KEM provider",
		where: section{cert: few.cert, initial: few.initial}.String() + overLoopback},
		[]series{{experiment: "handshake", metric: "handshake_p50", section: few, title: "handshake time, median"},
			{experiment: "handshake", metric: "total_cpu", section: many, title: "CPU, both sides"}}, 2)
}

// providerFigure has a panel for each series, a row of bars for each group that at least so many providers compute, and
// a bar for each of them.
func (d *drawer) providerFigure(f figure, panels []series, least int) (figure, bool) {
	count := make(map[string]map[string]bool) // providers by group
	used := make(map[string]bool)
	var names []string
	var ns []int
	for _, s := range panels {
		for _, a := range d.arms(s) {
			if a.AA {
				continue
			}
			label := groupLabel(a)
			if count[label] == nil {
				names, count[label] = append(names, label), map[string]bool{}
			}
			count[label][a.KEM] = true
		}
	}
	names = slices.DeleteFunc(names, func(n string) bool { return len(count[n]) < least })
	var drawn []*bars
	var labels []string
	for _, s := range panels {
		for _, a := range d.arms(s) {
			if slices.Contains(names, groupLabel(a)) {
				used[a.KEM] = true
				ns = append(ns, d.row(s, s.metric, a).N)
			}
		}
		drawn = append(drawn, d.byProvider(s, names))
		labels = append(labels, d.xLabel(s, flight(s.section.concurrency)))
	}
	if len(names) == 0 || len(ns) == 0 {
		return figure{}, false
	}
	f.legend = providerKeys(used)
	f.Caption = sampleSizes(unitsOf(panels[0].experiment), ns) + " a bar; " + intervals
	return barsFigure(f, labels, drawn), true
}

// unitsOf is what an experiment counts.
func unitsOf(experiment string) string {
	switch experiment {
	case "kex":
		return "blocks"
	case "goodput":
		return "transfers"
	case "requests":
		return "requests"
	case "idle":
		return "blocks"
	case policy:
		return "attempts"
	}
	return "handshakes"
}

// byArm is a series as single bars, one for each of the arms named.
func (d *drawer) byArm(s series, arms []results.Arm) *bars {
	has := d.arms(s)
	by := scale{"", 1}
	if len(has) > 0 {
		by = d.scale(s, has)
	}
	groups := make([]barGroup, len(arms))
	for i, a := range arms {
		groups[i].label = armLabel(a)
		if slices.Contains(has, a) {
			groups[i].rows = []barRow{d.bar(s, a, by, 0)}
		}
	}
	return newBars(groups)
}

// oneOfEach keeps the preferred provider of each group.
func oneOfEach(arms []results.Arm) []results.Arm {
	var out []results.Arm
	for _, a := range arms {
		i := slices.IndexFunc(out, func(b results.Arm) bool { return groupLabel(a) == groupLabel(b) })
		if i < 0 {
			out = append(out, a)
		} else if preferred(a) < preferred(out[i]) {
			out[i] = a
		}
	}
	return out
}

// handshakeCPU is client and server stacked, with the most in flight: fewer cost more, in waking the processes up.
func (d *drawer) handshakeCPU() (figure, bool) {
	sections := d.sections("handshake")
	if len(sections) == 0 {
		return figure{}, false
	}
	of := sections[len(sections)-1]
	s := series{experiment: "handshake", metric: "total_cpu", section: of, title: "CPU per handshake", parts: []string{"client_cpu", "server_cpu"}}
	arms := oneOfEach(d.arms(s))
	if len(arms) == 0 {
		return figure{}, false
	}
	f := figure{part: "handshake", Name: "handshake-cpu", Title: "CPU per handshake, client and server", where: of.String() + overLoopback,
		legend: partKeys("client (connector)", "server (edge)")}
	f.Caption = sampleSizes("handshakes a bar", d.counts(s, arms)) + "; bars: medians over blocks, whiskers: 95 % interval of the sum"
	return barsFigure(f, []string{d.xLabel(s, "")}, []*bars{d.byArm(s, arms)}), true
}

func (d *drawer) counts(s series, arms []results.Arm) []int {
	var ns []int
	for _, a := range arms {
		if r := d.row(s, s.metric, a); r != nil {
			ns = append(ns, r.N)
		}
	}
	return ns
}

// partKeys explains the two parts of a bar, in grey.
func partKeys(first, second string) []key {
	dark := hex(0x333333)
	return []key{{label: first, color: dark}, {label: second, color: tint(dark, partTint)}}
}

// wire is bytes and datagrams by direction.
func (d *drawer) wire() (figure, bool) {
	sections := d.sections("wire")
	if len(sections) == 0 {
		return figure{}, false
	}
	of := sections[0]
	panels := []series{
		{experiment: "wire", metric: "client_bytes", section: of, title: "UDP payload", parts: []string{"client_bytes", "server_bytes"}},
		{experiment: "wire", metric: "client_datagrams", section: of, title: "datagrams", parts: []string{"client_datagrams", "server_datagrams"}}}
	arms := oneOfEach(d.arms(panels[0]))
	if len(arms) == 0 {
		return figure{}, false
	}
	f := figure{part: "wire", Name: "wire", Title: "Bytes and datagrams per handshake, by direction", where: of.String() + overLoopback,
		legend: partKeys("from the client (connector)", "from the server (edge)")}
	f.Caption = sampleSizes("handshakes a bar", d.counts(panels[0], arms)) +
		"; medians of the ledger until the client's Finished, without IP and UDP headers"
	var drawn []*bars
	for _, s := range panels {
		b := d.byArm(s, arms)
		for _, g := range b.groups {
			for i := range g.rows {
				g.rows[i].low, g.rows[i].high = nil, nil
				g.rows[i].text = sumText(g.rows[i])
			}
		}
		drawn = append(drawn, newBars(b.groups))
	}
	return barsFigure(f, []string{"UDP payload, B", "datagrams"}, drawn), true
}

// sumText is "1672 + 2353".
func sumText(r barRow) string {
	text := ""
	for i, p := range r.parts {
		if i > 0 {
			text += " + "
		}
		text += whole(p.length)
	}
	return text
}

// steadyState is what the tunnel carries once it stands.
func (d *drawer) steadyState() (figure, bool) {
	var panels []series
	for _, s := range []series{
		{experiment: "requests", metric: "requests_per_second", title: "requests"},
		{experiment: "goodput", metric: "goodput_down", title: "goodput, download"},
		{experiment: "goodput", metric: "goodput_up", title: "goodput, upload"},
	} {
		sections := d.sections(s.experiment)
		if len(sections) == 0 {
			continue
		}
		s.section = sections[0]
		if len(d.arms(s)) > 0 {
			panels = append(panels, s)
		}
	}
	if len(panels) == 0 {
		return figure{}, false
	}
	f := figure{part: panels[len(panels)-1].experiment, Name: "steady-state",
		Title: "Once the tunnel stands: requests and goodput", where: "over loopback"}
	names, drawn, labels := d.alike(panels)
	var sizes []string
	for i, s := range panels {
		for k := range drawn[i].groups {
			drawn[i].groups[k].label = names[k]
		}
		sizes = appendOnce(sizes, sampleSizes(unitsOf(s.experiment), d.counts(s, d.arms(s))))
	}
	f.Caption = strings.Join(sizes, ", ") + " a bar; " + intervals
	return barsFigure(f, labels, drawn), true
}

// alike draws panels of different experiments with the same rows: arms are the same when their names are.
func (d *drawer) alike(panels []series) (names []string, drawn []*bars, labels []string) {
	for _, s := range panels {
		for _, a := range d.arms(s) {
			if name := armLabel(a); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for _, s := range panels {
		arms := make([]results.Arm, len(names))
		for _, a := range d.arms(s) {
			arms[slices.Index(names, armLabel(a))] = a
		}
		drawn = append(drawn, d.byArm(s, arms))
		labels = append(labels, d.xLabel(s, flight(s.section.concurrency)))
	}
	return names, drawn, labels
}
