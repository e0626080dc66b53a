package history

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"pqbench/results"
	"pqbench/results/export"
)

// trendWidth is how many characters a trend takes in a table.
const trendWidth = 24

// WriteTable writes the series as a table: those with a change point or a last step beyond the fence, or all of them. Below each
// stand its change points.
func WriteTable(w io.Writer, list []Analysis, all bool) error {
	var text, rows strings.Builder
	table := tabwriter.NewWriter(&rows, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "metric\twhere\truns\ttrend\tlast\tlast step\tfence")
	below := []string{""} // the change points of each row
	quiet, short := 0, 0
	for _, a := range list {
		if !a.Searched {
			short++
		}
		if !all && len(a.Changes) == 0 && !a.Beyond() {
			quiet++
			continue
		}
		a.row(table)
		below = append(below, a.points())
	}
	_ = table.Flush() // a Builder does not fail
	if quiet < len(list) {
		for i, line := range strings.Split(strings.TrimSpace(rows.String()), "\n") {
			text.WriteString(strings.TrimRight(line, " ") + "\n" + below[i])
		}
		text.WriteByte('\n')
	}
	fmt.Fprintf(&text, "%d series", len(list))
	if quiet > 0 {
		fmt.Fprintf(&text, ", %d of them without a change (--all shows them)", quiet)
	}
	if short > 0 {
		fmt.Fprintf(&text, "; %d have fewer than %d runs and were not searched", short, MinRuns)
	}
	text.WriteByte('\n')
	if searched := len(list) - short; searched > 20 {
		fmt.Fprintf(&text, "of %d series without any change, about %d would show one by chance\n", searched, (searched+99)/100)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// row is a series.
func (a Analysis) row(w io.Writer) {
	last := a.last()
	title := last.Metric
	if m, ok := results.MetricByName(last.Metric); ok {
		title = m.Title
	}
	fmt.Fprintf(w, "%s\t%s: %s\t%d\t%s\t%s\t%s\t%s\n", title, last.Experiment, last.Arm, len(a.Lines), a.Trend(trendWidth),
		export.Value(last.Value, last.Unit), percent("%+.2f %%", a.Step), percent("%.2f %%", a.Fence))
}

// points are the change points, a line for each; the verdict goes by the metric's better way.
func (a Analysis) points() string {
	var text strings.Builder
	for _, c := range a.Changes {
		fmt.Fprintf(&text, "  %s %s\n", results.Direction(c.After-c.Before, a.last().Better), c)
	}
	return text.String()
}

// percent is a share; "–" where there is none.
func percent(format string, share float64) string {
	if share != share {
		return "–"
	}
	if math.IsInf(share, 0) {
		return "from 0"
	}
	return fmt.Sprintf(format, 100*share)
}
