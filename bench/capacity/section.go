package capacity

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A section is a part of the report: a heading, sentences, and a table or a list.
type section struct {
	title      string
	paragraphs []string
	head       []string
	rows       [][]string
	list       []string
	figures    []string // names, for the Markdown
}

// writeText prints sections for a terminal. The first column of a table is aligned left, the others right.
func writeText(w io.Writer, sections []section) error {
	var b strings.Builder
	for i, s := range sections {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(s.title + "\n")
		for _, p := range s.paragraphs {
			for _, line := range wrap(p, textWidth-2) {
				b.WriteString("  " + line + "\n")
			}
		}
		textTable(&b, s.head, s.rows)
		for _, item := range s.list {
			for k, line := range wrap(item, textWidth-4) {
				b.WriteString([]string{"  - ", "    "}[min(k, 1)] + line + "\n")
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// textWidth is where sentences are broken, columns.
const textWidth = 118

func textTable(b *strings.Builder, head []string, rows [][]string) {
	widths := make([]int, len(head))
	for _, row := range append([][]string{head}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range append([][]string{head}, rows...) {
		line := " "
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				line += " " + cell + pad
			} else {
				line += "  " + pad + cell
			}
		}
		if len(row) > 0 {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
}

// wrap breaks between words.
func wrap(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		longer := strings.TrimSpace(line + " " + word)
		if line != "" && utf8.RuneCountInString(longer) > width {
			lines, longer = append(lines, line), word
		}
		line = longer
	}
	return append(lines, line)
}

// writeMarkdown writes sections as Markdown; the first one's title is the document's.
func writeMarkdown(w io.Writer, sections []section) error {
	var b strings.Builder
	for i, s := range sections {
		fmt.Fprintf(&b, "%s %s\n\n", []string{"#", "##"}[min(i, 1)], s.title)
		for _, p := range s.paragraphs {
			b.WriteString(escape(p) + "\n\n")
		}
		if len(s.rows) > 0 {
			b.WriteString("| " + strings.Join(s.head, " | ") + " |\n|---" + strings.Repeat("|---:", len(s.head)-1) + "|\n")
			for _, row := range s.rows {
				cells := make([]string, len(row))
				for k, cell := range row {
					cells[k] = escape(cell)
				}
				b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
			}
			b.WriteByte('\n')
		}
		for _, item := range s.list {
			b.WriteString("- " + escape(item) + "\n")
		}
		if len(s.list) > 0 {
			b.WriteByte('\n')
		}
		for _, name := range s.figures {
			fmt.Fprintf(&b, "![%s](plots/%s.svg)\n\n", name, name)
		}
	}
	_, err := io.WriteString(w, strings.TrimRight(b.String(), "\n")+"\n")
	return err
}

// escape keeps text from being taken for a table's border.
func escape(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
