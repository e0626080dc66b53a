package export

import (
	"fmt"
	"io"
	"strings"

	"pqbench/results"
)

// summaryLimit is what GitHub takes of one step, less room for what else a step writes; a longer one is dropped as a whole.
const summaryLimit = 1<<20 - 64<<10

// Summary writes Markdown for a step summary: the verdict, the rows that matter, all rows folded away, host and noise. Where
// there are more rows than fit, it says how many were left out.
func Summary(w io.Writer, f results.Findings) error {
	var head, foot strings.Builder
	fmt.Fprintf(&head, "## pqbench, %s: %s\n\n%s\n\n", f.Tier, markdown(verdictLine(f)), markdown(sides(f)))
	for _, warning := range f.Warnings {
		fmt.Fprintf(&head, "> %s\n>\n", markdown(warning))
	}
	if len(f.Warnings) > 0 {
		head.WriteByte('\n')
	}
	fmt.Fprintf(&foot, "\n<sub>%s</sub>\n", markdown(host(f)))

	budget := summaryLimit - head.Len() - foot.Len()
	matter := table(significant(f), &budget)
	all := ""
	if n := len(f.Findings); n > 0 {
		// The fold takes some room itself.
		budget -= 256
		all = fmt.Sprintf("<details><summary>all %d numbers</summary>\n\n%s\n</details>\n", n, table(byGravity(f.Findings), &budget))
	}
	_, err := io.WriteString(w, head.String()+matter+all+foot.String())
	return err
}

// table draws rows until the budget, in bytes, is used up. No rows make no table.
func table(rows []results.Finding, budget *int) string {
	if len(rows) == 0 {
		return ""
	}
	var text strings.Builder
	text.WriteString("| " + strings.Join(columns, " | ") + " |\n|---|---|---:|---:|---:|---:|---|---|\n")
	for i, one := range rows {
		escaped := cells(one)
		for k := range escaped {
			escaped[k] = markdown(escaped[k])
		}
		line := "| " + strings.Join(escaped, " | ") + " |\n"
		if text.Len()+len(line)+128 > *budget {
			fmt.Fprintf(&text, "\n%d rows are left out: a step summary takes 1 MiB.\n", len(rows)-i)
			break
		}
		text.WriteString(line)
	}
	text.WriteByte('\n')
	*budget -= text.Len()
	return text.String()
}

// markdown is text that stays text in a table of GitHub's Markdown.
func markdown(text string) string { return escape.Replace(text) }

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "\\|", "\r", "", "\n", " ", "*", "\\*", "_", "\\_", "`", "\\`",
	"[", "\\[", "]", "\\]", "~", "\\~", "@", "&#64;", "#", "&#35;")
