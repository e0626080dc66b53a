package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pqbench/results"
)

// A table is laid out but not drawn: a terminal, Markdown and HTML draw the same one.
type table struct {
	Title  string
	Labels int // how many columns on the left name the row
	Head   []string
	Rows   [][]cell
	Notes  []string
}

// A cell is a text, and whether it is good or bad news.
type cell struct {
	Text string
	Mark mark
}

type mark int

const (
	plain mark = iota
	better
	worse
)

// mainTables are those of an experiment that are printed everywhere: the values by section, and what the KEM providers
// differ in.
func (b *builder) mainTables() []table {
	var out []table
	for _, of := range b.sections() {
		if t, ok := b.values(of, b.main); ok {
			out = append(out, t)
		}
	}
	for _, of := range b.sections() {
		if t, ok := b.providers(of); ok {
			out = append(out, t)
		}
	}
	if b.experiment == fleet {
		if t, ok := (lookup{b.s}).upkeepTable(); ok {
			out = append(out, t)
		}
	}
	if b.experiment == paths {
		if t, ok := literatureTable(b.s); ok {
			out = append(out, t)
		}
	}
	return out
}

// moreTables are those that only the report has.
func (b *builder) moreTables() []table {
	var out []table
	for _, of := range b.sections() {
		if t, ok := b.values(of, b.more); ok {
			t.Title += ", further"
			out = append(out, t)
		}
	}
	return out
}

// A builder makes the tables of one experiment.
type builder struct {
	m results.Manifest
	s results.Summary
	layout
}

// sections are in the order of the rows.
func (b *builder) sections() []section {
	var all []section
	for _, row := range b.s.Rows {
		if of := sectionOf(row.Arm); row.Experiment == b.experiment && !slices.Contains(all, of) {
			all = append(all, of)
		}
	}
	return all
}

// arms are those of a section: the bases of comparisons first, each followed by its second appearance, then the order
// of the manifest.
func (b *builder) arms(of section) []results.Arm {
	var arms []results.Arm
	for _, row := range b.s.Rows {
		if row.Experiment == b.experiment && sectionOf(row.Arm) == of && !slices.Contains(arms, row.Arm) {
			arms = append(arms, row.Arm)
		}
	}
	if slices.Contains([]string{paths, middleboxes, silence}, b.experiment) || offers(b.experiment) {
		return arms // in the order of the factors
	}
	slices.SortStableFunc(arms, func(x, y results.Arm) int { return b.rank(x) - b.rank(y) })
	return arms
}

func (b *builder) rank(a results.Arm) int {
	base := a
	base.AA = false
	isBase := slices.ContainsFunc(b.s.Comparisons, func(c results.Comparison) bool {
		return c.Experiment == b.experiment && c.Base == base && c.Kind == b.kinds[0]
	})
	switch {
	case isBase && !a.AA:
		return 0
	case isBase:
		return 1
	}
	return 2
}

func (b *builder) row(metric string, a results.Arm) *results.Row {
	i := slices.IndexFunc(b.s.Rows, func(r results.Row) bool {
		return r.Experiment == b.experiment && r.Metric == metric && r.Arm == a
	})
	if i < 0 {
		return nil
	}
	return &b.s.Rows[i]
}

// comparison is that of the arm which comes first in the kinds.
func (b *builder) comparison(metric string, a results.Arm, kinds ...string) *results.Comparison {
	for _, kind := range kinds {
		for i, c := range b.s.Comparisons {
			if c.Experiment == b.experiment && c.Metric == metric && c.Arm == a && c.Kind == kind {
				return &b.s.Comparisons[i]
			}
		}
	}
	return nil
}

// title is the experiment's, with the section's factors and the blocks measured.
func (b *builder) title(of section) string {
	parts := []string{b.layout.title}
	if text := of.String(); text != "" {
		parts = append(parts, text)
	}
	if at := target(b.m, b.experiment); at != "" {
		parts = append(parts, "at "+at)
	}
	if b.m.Virtual {
		parts = append(parts, timesOf(b.m.Computing), fmt.Sprintf("%d trials a cell", b.trials(of)))
		return strings.Join(parts, ", ")
	}
	var blocks []string
	for _, r := range b.s.Rows {
		if n := strconv.Itoa(r.Blocks); r.Experiment == b.experiment && sectionOf(r.Arm) == of && !slices.Contains(blocks, n) {
			blocks = append(blocks, n)
		}
	}
	text := strings.Join(blocks, " or ") + " blocks"
	if text == "1 blocks" {
		text = "1 block"
	}
	return strings.Join(append(parts, text), ", ")
}

// trials is how many a section's cells have.
func (b *builder) trials(of section) (n int) {
	for _, r := range b.s.Rows {
		if r.Experiment == b.experiment && sectionOf(r.Arm) == of {
			n = max(n, r.N)
		}
	}
	return n
}

// values is the table of a section's arms by metrics. It is not ok without any value.
func (b *builder) values(of section, columns []column) (t table, ok bool) {
	arms := b.arms(of)
	t = table{Title: b.title(of)}
	b.labels(&t, arms)
	var warned []results.Row
	for _, c := range columns {
		rows := b.column(c.metric, arms)
		if len(rows) == 0 {
			continue
		}
		warned = append(warned, rows...)
		if !slices.ContainsFunc(rows, func(r results.Row) bool { return r.Value != nil }) {
			continue // the notes say why
		}
		b.addValues(&t, c, arms)
		if c.effect {
			warned = append(warned, b.addEffects(&t, c, arms)...)
		}
	}
	if len(t.Head) == t.Labels {
		return table{}, false
	}
	t.addCounts(warned, arms)
	b.addGenerators(&t, arms)
	t.Notes = append(t.legend(), notes(warned, len(arms))...)
	return t, true
}

// column is the rows of a metric that there are.
func (b *builder) column(metric string, arms []results.Arm) []results.Row {
	var rows []results.Row
	for _, a := range arms {
		if r := b.row(metric, a); r != nil {
			rows = append(rows, *r)
		}
	}
	return rows
}

// labels begins the rows with what names them.
func (b *builder) labels(t *table, arms []results.Arm) {
	t.Rows = make([][]cell, len(arms))
	for _, l := range []struct {
		head string
		of   func(results.Arm) string
	}{
		{"stack", func(a results.Arm) string { return a.Stack }},
		{"middlebox", func(a results.Arm) string { return a.Middlebox }},
		{"lost", func(a results.Arm) string { return a.Loss }},
		{"connector", func(a results.Arm) string { return a.Policy }},
		{"edge accepts", func(a results.Arm) string { return a.Accept }},
		{"session", ticket},
		{"edge cores", edgeCores},
		{"arrivals", func(a results.Arm) string { return a.Arrivals }},
		{"phase", func(a results.Arm) string { return a.Phase }},
		{"rate", func(a results.Arm) string { return a.Rate }},
		{"group", groupLabel},
		{"of the tunnels", func(a results.Arm) string { return a.Share }},
		{"admission", func(a results.Arm) string { return a.Admission }},
		{"KEM by", func(a results.Arm) string { return a.KEM }},
		{b.outcomeHead(), b.outcome},
	} {
		if !slices.ContainsFunc(arms, func(a results.Arm) bool { return l.of(a) != "" }) {
			continue
		}
		t.Head = append(t.Head, l.head)
		t.Labels++
		for i, a := range arms {
			t.Rows[i] = append(t.Rows[i], cell{Text: l.of(a)})
		}
	}
}

// addValues adds a metric's values in a unit that fits them all.
func (b *builder) addValues(t *table, c column, arms []results.Arm) {
	metric, _ := results.MetricByName(c.metric)
	var values []float64
	for _, r := range b.column(c.metric, arms) {
		if r.Value != nil {
			values = append(values, *r.Value)
		}
	}
	s := scaleFor(metric, values)
	same := b.same(c.metric)
	head := c.head + " " + s.unit + arrow(metric)
	if same {
		head += " ="
	}
	t.Head = append(t.Head, strings.Join(strings.Fields(head), " "))
	for i, a := range arms {
		text, r := "", b.row(c.metric, a)
		if b.m.Virtual && !same && !metric.Exact && r != nil && r.Value != nil {
			text = within(*r.Value, r.Low, r.High, s.divisor)
		} else {
			text = valueText(metric, r, s.divisor)
		}
		t.Rows[i] = append(t.Rows[i], cell{Text: text})
	}
}

// same reports whether a metric has the same values in every run with the same seed.
func (b *builder) same(metric string) bool {
	return slices.ContainsFunc(b.m.Experiments, func(e results.Experiment) bool {
		return e.Name == b.experiment && slices.Contains(e.Exact, metric)
	})
}

// arrow marks which direction is the better one.
func arrow(m results.Metric) string {
	switch m.Better {
	case "lower":
		return " ↓"
	case "higher":
		return " ↑"
	}
	return ""
}

// valueText is a value as its interval allows. An exact one has its range where it has any.
func valueText(metric results.Metric, r *results.Row, divisor float64) string {
	switch {
	case r == nil:
		return "" // the metric does not apply to the arm
	case r.Value == nil:
		return missing
	case !metric.Exact:
		return rounded(*r.Value, r.Low, r.High, divisor)
	case r.Low != nil && r.High != nil && *r.Low != *r.High:
		return fmt.Sprintf("%s [%s–%s]", whole(*r.Value), whole(*r.Low), whole(*r.High))
	}
	return whole(*r.Value)
}

// addEffects adds the difference from the base: in per cent with its interval, or plainly where the metric is exact.
// It returns what is to be noted of them.
func (b *builder) addEffects(t *table, c column, arms []results.Arm) (warned []results.Row) {
	metric, _ := results.MetricByName(c.metric)
	found := make([]*results.Comparison, len(arms))
	head := ""
	for i, a := range arms {
		found[i] = b.comparison(c.metric, a, b.kinds...)
		if found[i] != nil && (head == "" || found[i].Kind == b.kinds[0]) {
			head = baseName(*found[i])
		}
	}
	if head == "" {
		return nil
	}
	t.Head = append(t.Head, "vs "+head)
	for i, a := range arms {
		text := cell{}
		if of := found[i]; of != nil {
			warned = append(warned, results.Row{Arm: a, Warnings: of.Warnings})
			text = cell{effect(*of), marked(*of)}
			if metric.Exact {
				text.Text = b.exactDifference(c.metric, a, of.Base)
			}
			if base := baseName(*of); base != head {
				text.Text += " vs " + base
			}
		}
		t.Rows[i] = append(t.Rows[i], text)
	}
	return warned
}

// baseName is what an effect's column is headed with.
func baseName(c results.Comparison) string {
	switch c.Kind {
	case "stack":
		return c.Base.Stack
	case "kem":
		return c.Base.KEM
	case policy:
		return c.Base.Policy
	}
	return groupLabel(c.Base)
}

func (b *builder) exactDifference(metric string, arm, base results.Arm) string {
	x, y := b.row(metric, arm), b.row(metric, base)
	if x == nil || y == nil || x.Value == nil || y.Value == nil {
		return missing
	}
	return signed(*x.Value-*y.Value, 0)
}

// marked is good or bad news only where there is a difference, and a better direction.
func marked(c results.Comparison) mark {
	metric, _ := results.MetricByName(c.Metric)
	if c.Kind == "aa" || c.Verdict != results.VerdictHigher && c.Verdict != results.VerdictLower || metric.Better == "" {
		return plain
	}
	if c.Verdict == metric.Better {
		return better
	}
	return worse
}

// addCounts ends the rows with the units of work behind them.
func (t *table) addCounts(rows []results.Row, arms []results.Arm) {
	t.Head = append(t.Head, "n")
	for i, a := range arms {
		n := 0
		for _, r := range rows {
			if r.Arm == a {
				n = max(n, r.N)
			}
		}
		t.Rows[i] = append(t.Rows[i], cell{Text: fmt.Sprint(n)})
	}
}
