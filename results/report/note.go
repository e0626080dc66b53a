package report

import (
	"fmt"
	"slices"
	"strings"

	"pqbench/results"
)

// legend explains the signs that a table uses.
func (t *table) legend() []string {
	var signs []string
	for _, s := range []struct {
		used func(text string) bool
		text string
	}{
		{contains("↓"), "↓ lower is better"},
		{contains("↑"), "↑ higher is better"},
		{func(text string) bool { return strings.HasSuffix(text, " =") }, "= the same in every run with this seed"},
		{contains("%"), "difference [95 % interval]"},
		{func(text string) bool {
			return strings.Contains(text, ", ") && strings.Contains(text, "[") && !strings.Contains(text, "%")
		}, "value [95 % interval]"},
		{func(text string) bool { return text != missing && strings.Contains(text, missing) }, "median [least–greatest]"},
		{func(text string) bool {
			return strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")") && strings.Contains(text, "%")
		}, "( ) too few blocks to tell a difference from noise"},
		{contains("~ "), "~ no difference found"},
		{contains("? "), "? a difference by its interval, but not by the corrected test"},
		{contains("≈ "), "≈ equal within the margin"},
		{func(text string) bool { return text == missing }, missing + " no number, see below"},
	} {
		if t.has(s.used) {
			signs = append(signs, s.text)
		}
	}
	if len(signs) == 0 {
		return nil
	}
	return []string{strings.Join(signs, " · ")}
}

func contains(sign string) func(string) bool {
	return func(text string) bool { return strings.Contains(text, sign) }
}

// has looks through heads and cells.
func (t *table) has(used func(text string) bool) bool {
	return slices.ContainsFunc(t.Head, used) || slices.ContainsFunc(t.Rows, func(row []cell) bool {
		return slices.ContainsFunc(row, func(c cell) bool { return used(c.Text) })
	})
}

// notes are the rows' warnings, each once, with whom it concerns: everybody, up to three arms by name, or a count.
func notes(rows []results.Row, arms int) []string {
	var texts []string
	concerns := make(map[string][]string)
	for _, r := range rows {
		for _, w := range r.Warnings {
			if concerns[w] == nil {
				texts = append(texts, w)
			}
			if label := armLabel(r.Arm); !slices.Contains(concerns[w], label) {
				concerns[w] = append(concerns[w], label)
			}
		}
	}
	var out []string
	for _, text := range texts {
		switch of := concerns[text]; {
		case len(of) == arms:
			out = append(out, text)
		case len(of) <= 3:
			out = append(out, strings.Join(of, "; ")+": "+text)
		default:
			out = append(out, fmt.Sprintf("%d arms: %s", len(of), text))
		}
	}
	return out
}
