package export

import (
	"fmt"
	"io"
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
		fmt.Fprintln(table, strings.Join(columns, "\t"))
		for _, one := range rows {
			fmt.Fprintln(table, strings.TrimRight(strings.Join(cells(one), "\t"), "\t"))
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
