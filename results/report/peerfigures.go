package report

import (
	"fmt"
	"slices"
	"strings"

	"pqbench/results"
)

// beside is our connector next to a real cloudflared, a panel for each thing that an operator pays for.
func (d *drawer) beside() (figure, bool) {
	if !slices.ContainsFunc(d.s.Rows, func(r results.Row) bool { return r.Arm.Stack == cloudflared }) {
		return figure{}, false
	}
	var panels []series
	for _, s := range []series{
		{experiment: "requests", metric: "requests_per_second", title: "requests"},
		{experiment: "requests", metric: "connector_cpu", title: "CPU/request"},
		{experiment: "goodput", metric: "goodput_down", title: "download"},
		{experiment: "goodput", metric: "goodput_up", title: "upload"},
		{experiment: "idle", metric: "connector_memory_per_tunnel", title: "memory/tunnel"},
	} {
		if i := slices.IndexFunc(d.s.Rows, func(r results.Row) bool { return r.Metric == s.metric && r.Arm.Stack == cloudflared }); i >= 0 {
			s.section = sectionOf(d.s.Rows[i].Arm)
			panels = append(panels, s)
		}
	}
	if len(panels) == 0 {
		return figure{}, false
	}
	f := figure{part: panels[0].experiment, Name: "beside-cloudflared", Title: "Our connector beside a real cloudflared"}
	names, drawn, labels := d.alike(panels)
	var sizes, conditions []string
	for i, s := range panels {
		for k := range drawn[i].groups {
			drawn[i].groups[k].label = names[k]
		}
		labels[i] = d.xLabel(s, "")
		conditions = appendOnce(conditions, s.experiment+": "+s.section.String())
		sizes = appendOnce(sizes, sampleSizes(unitsOf(s.experiment), d.counts(s, d.arms(s))))
	}
	f.where = "CPU and memory are the connector's; " + strings.Join(conditions, "; ") + overLoopback
	f.Caption = strings.Join(sizes, ", ") + " a bar; " + intervals
	return barsFigure(f, labels, drawn), true
}

// policies is what connectors and edges of different minds make of each other, for connectors without a ticket.
func (d *drawer) policies() (figure, bool) {
	sections := d.sections(policy)
	if len(sections) == 0 {
		return figure{}, false
	}
	panels := []series{
		{experiment: policy, metric: "attempt_p50", section: sections[0], title: "until complete or refused, median"},
		{experiment: policy, metric: "total_cpu", section: sections[0], title: "CPU", parts: []string{"client_cpu", "server_cpu"}},
		{experiment: policy, metric: "client_bytes", section: sections[0], title: "UDP payload", parts: []string{"client_bytes", "server_bytes"}},
	}
	arms := slices.DeleteFunc(d.arms(panels[0]), func(a results.Arm) bool { return a.Resumed })
	if len(arms) == 0 {
		return figure{}, false
	}
	f := figure{part: policy, Name: "policies", Title: "Connectors and edges of different minds",
		where: "without a session ticket, " + sections[0].String() + overLoopback, legend: partKeys("client (connector)", "server (edge)")}
	var drawn []*bars
	var labels []string
	for _, s := range panels {
		b := d.byArm(s, arms)
		for i := range b.groups {
			b.groups[i].label = d.meeting(arms[i])
			if s.metric == "client_bytes" {
				for k := range b.groups[i].rows {
					row := &b.groups[i].rows[k]
					row.low, row.high, row.text = nil, nil, sumText(*row)
				}
			}
		}
		drawn = append(drawn, newBars(b.groups))
		labels = append(labels, d.xLabel(s, ""))
	}
	f.Caption = sampleSizes("attempts a bar", d.counts(panels[0], arms)) + "; " + intervals + " of the sum"
	return barsFigure(f, labels, drawn), true
}

// meeting names who met whom, and how it ended.
func (d *drawer) meeting(a results.Arm) string {
	b := builder{s: d.s, layout: layout{experiment: policy}}
	label := fmt.Sprintf("%s, edge: %s → %s", a.Policy, a.Accept, b.outcome(a))
	if hybrid(a) && preferred(a) > 0 {
		label += ", " + a.KEM
	}
	return label
}
