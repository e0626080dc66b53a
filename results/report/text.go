package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"pqbench/results"
)

// Options of the tables on a terminal. The zero value is the default.
type Options struct {
	// Color marks good news green and bad news red.
	Color bool
	// Width of the terminal in columns. A wider table goes on below, with its rows' names repeated; 0 is as wide as it gets.
	Width int
}

// WriteTables writes warnings, tables and the claims of the announcement as text. Everything it prints is in the summary.
func WriteTables(w io.Writer, m results.Manifest, s results.Summary, o Options) error {
	t := &textWriter{w: bufio.NewWriter(w), o: o}
	for _, warning := range s.Warnings {
		t.line(t.paint(worse, "warning: "), warning)
	}
	if len(s.Warnings) > 0 {
		t.line()
	}
	for _, l := range layouts {
		b := builder{m: m, s: s, layout: l}
		for _, each := range b.mainTables() {
			t.table(each)
		}
	}
	t.claims(s)
	for _, sentence := range answer(s) {
		t.line(sentence)
	}
	if err := t.w.Flush(); err != nil {
		return fmt.Errorf("write tables: %w", err)
	}
	return nil
}

// claims draws a list: the numbers of a claim are a sentence, too long for a column.
func (t *textWriter) claims(s results.Summary) {
	of, ok := claimsTable(s)
	if !ok {
		return
	}
	t.line(of.Title)
	unmeasured := 0
	for _, row := range of.Rows {
		group, claim, outcome, here := row[0].Text, row[1].Text, row[2], row[3].Text
		if outcome.Text == notMeasured {
			unmeasured++
			continue
		}
		t.line("  ", t.paint(outcome.Mark, fmt.Sprintf("%-13s", outcome.Text)), "  ", group, ": ", claim)
		if here != "" {
			t.line(strings.Repeat(" ", 17), here)
		}
	}
	if unmeasured > 0 {
		t.line("  ", notMeasured, fmt.Sprintf(": %d more, by name in %s", unmeasured, MarkdownFile))
	}
	for _, n := range of.Notes {
		t.line("  ", n)
	}
	t.line()
}

type textWriter struct {
	w *bufio.Writer // its error comes back from Flush
	o Options
}

func (t *textWriter) line(parts ...string) {
	for _, p := range parts {
		t.w.WriteString(p)
	}
	t.w.WriteByte('\n')
}

// table draws one, in as many parts as the width asks for.
func (t *textWriter) table(of table) {
	of.align()
	t.line(of.Title)
	widths := of.widths()
	for from := of.Labels; from < len(of.Head); {
		to := t.fit(widths, of.Labels, from)
		if from > of.Labels {
			t.line()
		}
		t.part(of, widths, from, to)
		from = to
	}
	for _, n := range of.Notes {
		t.line("  ", n)
	}
	t.line()
}

const gap = "  "

// fit is the end of the columns that fit beside the labels: at least one.
func (t *textWriter) fit(widths []int, labels, from int) int {
	if t.o.Width <= 0 {
		return len(widths)
	}
	used := 0
	for _, w := range widths[:labels] {
		used += w + len(gap)
	}
	to := from
	for to < len(widths) && (to == from || used+widths[to] <= t.o.Width) {
		used += widths[to] + len(gap)
		to++
	}
	return to
}

// part draws the labels and the columns from..to.
func (t *textWriter) part(of table, widths []int, from, to int) {
	header := make([]cell, len(of.Head))
	for i, h := range of.Head {
		header[i].Text = h
	}
	for _, row := range append([][]cell{header}, of.Rows...) {
		var line strings.Builder
		for i, c := range row {
			if i >= of.Labels && (i < from || i >= to) {
				continue
			}
			if i > 0 {
				line.WriteString(gap)
			}
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.Text))
			if i < of.Labels {
				line.WriteString(c.Text + padding)
			} else {
				line.WriteString(padding + t.paint(c.Mark, c.Text))
			}
		}
		t.line(strings.TrimRight(line.String(), " "))
	}
}

func (t *textWriter) paint(m mark, text string) string {
	if !t.o.Color || m == plain || text == "" {
		return text
	}
	code := map[mark]string{better: "32", worse: "31"}[m]
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// widths are those of the columns, in characters.
func (t *table) widths() []int {
	widths := make([]int, len(t.Head))
	for i, h := range t.Head {
		widths[i] = utf8.RuneCountInString(h)
		for _, row := range t.Rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].Text))
		}
	}
	return widths
}

// align fills numbers with spaces on the right until their points stand below each other. Cells with more than a number stay.
func (t *table) align() {
	for i := t.Labels; i < len(t.Head); i++ {
		longest := 0
		for _, row := range t.Rows {
			longest = max(longest, afterPoint(row[i].Text))
		}
		for _, row := range t.Rows {
			if text := row[i].Text; text != "" && !strings.ContainsAny(text, " "+missing) {
				row[i].Text += strings.Repeat(" ", longest-afterPoint(text))
			}
		}
	}
}

// afterPoint is how many characters a plain number has from its point on.
func afterPoint(text string) int {
	if strings.ContainsAny(text, " "+missing) {
		return 0
	}
	if at := strings.IndexByte(text, '.'); at >= 0 {
		return len(text) - at
	}
	return 0
}
