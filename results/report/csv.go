package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"pqbench/results"
)

// WriteCSV writes the rows: a line per metric and arm, numbers in the unit that the line names, empty where
// there is none. The column arm names the whole of it, with the factors that have no column.
func WriteCSV(w io.Writer, s results.Summary) error {
	c := csv.NewWriter(w) // its error comes back from Error
	c.Write([]string{"experiment", "metric", "group", "codepoint", "kem", "cert", "initial", "concurrency", "tunnels", "policy", "accept", "resumed", "stack", "aa", "arm",
		"unit", "better", "value", "low", "high", "n", "warnings"})
	for _, r := range s.Rows {
		a := r.Arm
		c.Write([]string{r.Experiment, r.Metric, a.Group, a.Codepoint, a.KEM, a.Cert, count(a.Initial), count(a.Concurrency), count(a.Tunnels),
			a.Policy, a.Accept, strconv.FormatBool(a.Resumed),
			a.Stack, strconv.FormatBool(a.AA), a.String(), r.Unit, r.Better, number(r.Value), number(r.Low), number(r.High),
			strconv.Itoa(r.N), strings.Join(r.Warnings, "; ")})
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// count is a factor of an arm; zero does not apply.
func count(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// number has all its digits: rounding is for people.
func number(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}

// WriteJSON writes the summary as it stands in summary.json.
func WriteJSON(w io.Writer, s results.Summary) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}
