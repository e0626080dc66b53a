package export

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"pqbench/results"
)

// writers are the formats by name.
var writers = map[string]func(io.Writer, results.Findings) error{
	"text":        Text,
	"json":        JSON,
	"summary":     Summary,
	"annotations": Annotations,
	"junit":       JUnit,
	"openmetrics": OpenMetrics,
	"gab-smaller": func(w io.Writer, f results.Findings) error { return ActionBenchmark(w, f, "lower") },
	"gab-bigger":  func(w io.Writer, f results.Findings) error { return ActionBenchmark(w, f, "higher") },
	"bmf":         Bencher,
}

// Formats are the names that Write knows, for a flag's help:
//   - text: tables for a terminal
//   - json: the findings as they are
//   - summary: Markdown for GITHUB_STEP_SUMMARY
//   - annotations: workflow commands that GitHub shows beside the code
//   - junit: JUnit XML
//   - openmetrics: OpenMetrics text
//   - gab-smaller, gab-bigger: JSON for github-action-benchmark, customSmallerIsBetter and customBiggerIsBetter
//   - bmf: Bencher Metric Format
//
// The first two are of findings alone; a run has tables and JSON of its own.
func Formats() []string {
	return []string{"text", "json", "summary", "annotations", "junit", "openmetrics", "gab-smaller", "gab-bigger", "bmf"}
}

// Write writes findings in a format. The error of an unknown one names those there are.
func Write(w io.Writer, format string, f results.Findings) error {
	write, ok := writers[format]
	if !ok {
		return fmt.Errorf("format %q: unknown (valid: %s)", format, strings.Join(Formats(), ", "))
	}
	if err := write(w, f); err != nil {
		return fmt.Errorf("write findings as %s: %w", format, err)
	}
	return nil
}

// JSON writes the findings as they are.
func JSON(w io.Writer, f results.Findings) error { return indented(w, f) }

// gravity is the order in which a reader wants to see verdicts.
var gravity = []string{results.VerdictRegressed, results.VerdictMissing, results.VerdictInconclusive, results.VerdictImproved,
	results.VerdictNew, results.VerdictUnchanged, ""}

// byGravity puts what needs a reader first, and keeps the order otherwise.
func byGravity(list []results.Finding) []results.Finding {
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b results.Finding) int {
		return slices.Index(gravity, a.Verdict) - slices.Index(gravity, b.Verdict)
	})
	return sorted
}

// significant are the findings that a reader has to know of. Where everything is new, a number is one when it differs from
// what stands beside it.
func significant(f results.Findings) []results.Finding {
	allNew := f.Count(results.VerdictNew) == len(f.Findings)
	return slices.DeleteFunc(byGravity(f.Findings), func(one results.Finding) bool {
		return one.Verdict == results.VerdictUnchanged || one.Verdict == "" ||
			one.Verdict == results.VerdictNew && (same(one.Base, one.Head) || allNew && one.Base == nil)
	})
}

func same(a, b *float64) bool { return a != nil && b != nil && *a == *b }

// verdictLine is the whole in a sentence: "regressed: 2 of 412 numbers regressed, 1 improved".
func verdictLine(f results.Findings) string {
	if len(f.Findings) == 0 {
		return results.VerdictInconclusive + ": nothing was compared"
	}
	var counts []string
	for _, verdict := range gravity {
		if n := f.Count(verdict); n > 0 && verdict != "" {
			counts = append(counts, fmt.Sprintf("%d %s", n, verdict))
		}
	}
	if len(counts) == 0 {
		return fmt.Sprintf("%d numbers, not judged", len(f.Findings))
	}
	return fmt.Sprintf("%s: of %d numbers %s", f.Verdict(), len(f.Findings), strings.Join(counts, ", "))
}

// sides names what was compared.
func sides(f results.Findings) string {
	if f.Base == "" {
		return f.Head
	}
	return f.Head + " against " + f.Base
}

// host is where the numbers are from, and how quiet it was.
func host(f results.Findings) string {
	h := f.Host
	text := strings.Join(slices.DeleteFunc([]string{h.CPU, fmt.Sprintf("%d cores", h.Cores), h.OS + "/" + h.Arch, h.Kernel, virtual(h)},
		func(s string) bool { return s == "" || s == "/" || s == "0 cores" }), ", ")
	switch {
	case f.Noise == nil && f.Tier == results.TierExact:
		return text + "; exact numbers, no noise"
	case f.Noise == nil:
		return text
	}
	text += fmt.Sprintf("; noise %.1f %% before, %.1f %% after, drift %+.1f %%", 100*f.Noise.Before, 100*f.Noise.After, 100*f.Noise.Drift)
	if f.Noise.Steal >= 0 {
		text += fmt.Sprintf(", steal %.1f %%", 100*f.Noise.Steal)
	}
	return text
}

func virtual(h results.Host) string {
	if h.Virtual == "" {
		return ""
	}
	return "virtual (" + h.Virtual + ")"
}
