package report

import (
	"bytes"
	_ "embed"
	"fmt"
	htmltemplate "html/template"
	"regexp"
	"strings"
	"text/template"
)

//go:embed report.md.tmpl
var markdownText string

//go:embed report.html.tmpl
var htmlText string

var markdownTemplate = template.Must(template.New("report.md").Funcs(template.FuncMap{
	"md": markdownEscape, "table": markdownTable, "fence": fence,
}).Parse(markdownText))

var htmlTemplate = htmltemplate.Must(htmltemplate.New("report.html").Funcs(htmltemplate.FuncMap{
	"inline": inlineSVG, "mark": markClass, "left": leftColumn,
}).Parse(htmlText))

func (d document) markdown() ([]byte, error) {
	var b bytes.Buffer
	if err := markdownTemplate.Execute(&b, d); err != nil {
		return nil, fmt.Errorf("draw report.md: %w", err)
	}
	return b.Bytes(), nil
}

func (d document) html() ([]byte, error) {
	var b bytes.Buffer
	if err := htmlTemplate.Execute(&b, d); err != nil {
		return nil, fmt.Errorf("draw report.html: %w", err)
	}
	return b.Bytes(), nil
}

var markdownEscaper = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "*", `\*`, "`", "\\`", "](", `]\(`)

// markdownEscape keeps a text on its line, and its signs from meaning anything.
func markdownEscape(text string) string {
	return markdownEscaper.Replace(strings.Join(strings.Fields(text), " "))
}

// markdownTable draws a table; what names the rows stands on the left, numbers on the right.
func markdownTable(t table) string {
	var b strings.Builder
	line := func(cell func(i int) string) {
		for i := range t.Head {
			b.WriteString("| " + cell(i) + " ")
		}
		b.WriteString("|\n")
	}
	line(func(i int) string { return markdownEscape(t.Head[i]) })
	line(func(i int) string {
		if i < t.Labels {
			return "---"
		}
		return "---:"
	})
	for _, row := range t.Rows {
		line(func(i int) string { return markdownEscape(row[i].Text) })
	}
	return b.String()
}

// fence is one that the text cannot end.
func fence(text string) string {
	f := "```"
	for strings.Contains(text, f) {
		f += "`"
	}
	return f
}

func markClass(m mark) string { return [...]string{plain: "", better: "better", worse: "worse"}[m] }

// leftColumn tells whether a column names the rows.
func leftColumn(t table, i int) bool { return i < t.Labels }

var svgRoot = regexp.MustCompile(`(?s)^.*?<svg width="[^"]*" height="[^"]*"`)

// inlineSVG makes a drawing part of a page: without a prolog, as wide as there is room, and named for those who do not see it.
// What it holds is gonum's drawing, which escapes every text.
func inlineSVG(p picture) htmltemplate.HTML {
	root := `<svg role="img" aria-label="` + htmltemplate.HTMLEscapeString(p.Title) + `"`
	at := svgRoot.FindIndex(p.SVG)
	if at == nil {
		return ""
	}
	return htmltemplate.HTML(root + string(p.SVG[at[1]:])) //nolint:gosec // see above
}
