package export

import (
	"strings"

	"pqbench/results"
)

// OfRun is a run's rows as findings: values with their intervals, of which nothing was asked.
func OfRun(m results.Manifest, s results.Summary) results.Findings {
	f := results.Findings{Schema: results.Schema, Tier: "run", Head: "plan " + m.Plan + " at " + m.Started.UTC().Format("2006-01-02 15:04 MST") + ", commit " + m.Versions.Commit,
		Host: m.Host, Warnings: s.Warnings}
	if m.Versions.Dirty {
		f.Head += " with changes"
	}
	if !m.Complete {
		f.Warnings = append([]string{"the run is incomplete: " + m.Reason}, f.Warnings...)
	}
	if !m.Virtual {
		f.Noise = &m.Noise
	}
	for _, row := range s.Rows {
		f.Findings = append(f.Findings, results.Finding{Experiment: row.Experiment, Metric: row.Metric, Arm: row.Arm, Unit: row.Unit,
			Better: row.Better, Head: row.Value, HeadLow: row.Low, HeadHigh: row.High, Note: strings.Join(row.Warnings, "; ")})
	}
	return f
}
