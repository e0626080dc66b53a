package export

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"pqbench/results"
)

// Text writes the verdict, what differs as a table, and the warnings.
func Text(w io.Writer, f results.Findings) error {
	var text strings.Builder
	for _, warning := range f.Warnings {
		fmt.Fprintln(&text, "warning: "+warning)
	}
	if rows := significant(f); len(rows) > 0 {
		table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
		for _, row := range filled(rows) {
			fmt.Fprintln(table, strings.TrimRight(strings.Join(row, "\t"), "\t"))
		}
		_ = table.Flush() // a Builder does not fail
		text.WriteByte('\n')
	}
	fmt.Fprintf(&text, "%s\n%s\n", verdictLine(f), sides(f))
	_, err := io.WriteString(w, text.String())
	return err
}

// columns are those of text and of Markdown tables.
var columns = []string{"verdict", "metric", "old", "new", "change", "p", "where", "note"}

func cells(f results.Finding) []string {
	base, head := values(f)
	return []string{f.Verdict, title(f), base, head, change(f), pValue(f), where(f), strings.ReplaceAll(f.Note, "\n", " ")}
}

// filled is a table with its head, less the columns that no row has anything in.
func filled(list []results.Finding) (table [][]string) {
	rows := [][]string{columns}
	for _, one := range list {
		rows = append(rows, cells(one))
	}
	table = make([][]string, len(rows))
	for c := range columns {
		if !slices.ContainsFunc(rows[1:], func(row []string) bool { return row[c] != "" }) {
			continue
		}
		for r := range rows {
			table[r] = append(table[r], rows[r][c])
		}
	}
	return table
}
