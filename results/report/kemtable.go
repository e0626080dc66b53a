package report

import (
	"slices"
	"strings"

	"pqbench/results"
)

// providers is the table of comparisons between KEM providers.
func (b *builder) providers(of section) (t table, ok bool) {
	var pairs []results.Comparison // one of each pair
	var found []results.Comparison
	for _, c := range b.s.Comparisons {
		if c.Experiment != b.experiment || c.Kind != "kem" || sectionOf(c.Arm) != of || !slices.Contains(b.kem, c.Metric) {
			continue
		}
		found = append(found, c)
		if !slices.ContainsFunc(pairs, func(p results.Comparison) bool { return p.Arm == c.Arm && p.Base == c.Base }) {
			pairs = append(pairs, c)
		}
	}
	if len(pairs) == 0 {
		return table{}, false
	}
	t = table{Title: b.title(of) + ": KEM providers compared", Labels: 2, Head: []string{"group", "KEM by"}, Rows: make([][]cell, len(pairs))}
	for i, p := range pairs {
		t.Rows[i] = []cell{{Text: groupLabel(p.Arm)}, {Text: p.Arm.KEM + " vs " + p.Base.KEM}}
	}
	for _, name := range b.kem {
		t.addProviderColumn(name, pairs, found)
	}
	var warned []results.Row
	for _, c := range found {
		warned = append(warned, results.Row{Arm: c.Arm, Warnings: c.Warnings})
	}
	t.Notes = append(t.legend(), notes(warned, len(pairs))...)
	return t, true
}

func (t *table) addProviderColumn(name string, pairs, found []results.Comparison) {
	metric, _ := results.MetricByName(name)
	t.Head = append(t.Head, strings.ReplaceAll(strings.ReplaceAll(name, "_cpu", " CPU"), "_", " ")+arrow(metric))
	for i, p := range pairs {
		text := cell{}
		for _, c := range found {
			if c.Metric == name && c.Arm == p.Arm && c.Base == p.Base {
				text = cell{effect(c), marked(c)}
			}
		}
		t.Rows[i] = append(t.Rows[i], text)
	}
}
