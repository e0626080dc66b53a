package export

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

var update = flag.Bool("update", false, "write the golden files")

func p(v float64) *float64 { return &v }

// sample has one finding of each verdict, with all that a format may have to escape.
func sample() results.Findings {
	x, pq := results.Arm{Group: "X25519", Path: "100ms"}, results.Arm{Group: "X25519MLKEM768", KEM: "circl-asm", Cert: "ecdsa-p256"}
	return results.Findings{
		Schema: 1, Tier: results.TierPaired, Base: "commit 0123456 (main|a)", Head: "commit 89abcde <\"b\" & c>",
		Host:  results.Host{CPU: "CPU A", Cores: 2, OS: "linux", Arch: "amd64", Kernel: "6.1"},
		Noise: &results.Noise{Before: 0.012, After: 0.02, Drift: -0.005, Steal: 0.001, Load: 1},
		Findings: []results.Finding{
			{Experiment: "handshake", Metric: "handshake_p50", Arm: pq, Unit: "ns", Better: "lower", Base: p(871042), Head: p(872000), Effect: p(0.0011),
				Low: p(-0.004), High: p(0.006), P: p(0.61), Verdict: results.VerdictUnchanged, HeadLow: p(860000), HeadHigh: p(880000)},
			{Experiment: "handshake", Metric: "total_cpu", Arm: pq, Unit: "ns", Better: "lower", Base: p(1.5e6), Head: p(1.575e6), Effect: p(0.05),
				Low: p(0.041), High: p(0.059), P: p(0.00001), Verdict: results.VerdictRegressed, Note: "measured again: 100 % sure, see a|b\nand _c_"},
			{Experiment: "gate", Metric: "client_bytes", Arm: x, Unit: "B", Better: "lower", Base: p(2504), Head: p(2505), Effect: p(1.0 / 2504),
				Verdict: results.VerdictRegressed, File: "results/baseline/a,b.json", Line: 26},
			{Experiment: "gate", Metric: "handshake_mean", Arm: x, Unit: "ns", Better: "lower", Base: p(100000005), Head: p(100000002), Effect: p(-3e-8), Verdict: results.VerdictImproved},
			{Experiment: "gate", Metric: "ptos", Arm: x, Unit: "count", Better: "lower", Base: p(0), Head: p(1), Verdict: results.VerdictRegressed},
			{Experiment: "gate", Metric: "retries", Arm: x, Unit: "count", Better: "lower", Base: p(0), Verdict: results.VerdictMissing, Note: "not measured any more"},
			{Experiment: "requests", Metric: "requests_per_second", Arm: pq, Unit: "1/s", Better: "higher", Base: p(12000), Head: p(11900), Effect: p(-0.008),
				Low: p(-0.03), High: p(0.01), P: p(0.2), Verdict: results.VerdictInconclusive, Note: "12 more rounds would decide it"},
			{Experiment: "goodput", Metric: "goodput_down", Arm: pq, Unit: "bit/s", Better: "higher", Head: p(5.2e9), Verdict: results.VerdictNew},
			{Experiment: "wire", Metric: "made_up", Arm: results.Arm{}, Unit: "", Head: p(3), Verdict: ""},
		},
		Warnings: []string{"the host is noisy: 5 % @someone #12"},
	}
}

func written(t *testing.T, format string, f results.Findings) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Write(&b, format, f))
	return b.String()
}

func TestGolden(t *testing.T) {
	for _, format := range Formats() {
		t.Run(format, func(t *testing.T) {
			got := written(t, format, sample())
			path := filepath.Join("testdata", format+".golden")
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
	require.ErrorContains(t, Write(&bytes.Buffer{}, "yaml", sample()), "valid: text, json")
}

func TestJSONComesBack(t *testing.T) {
	var back results.Findings
	require.NoError(t, json.Unmarshal([]byte(written(t, "json", sample())), &back))
	assert.Equal(t, sample(), back)
}

// Nothing found is no pass in any format that passes or fails.
func TestNothingFoundIsNoPass(t *testing.T) {
	none := results.Findings{Schema: 1, Tier: results.TierExact}
	for _, format := range []string{"text", "summary"} {
		assert.Contains(t, written(t, format, none), "inconclusive: nothing was compared")
	}
	assert.Contains(t, written(t, "junit", none), `<skipped message="inconclusive: nothing was compared"`)
	assert.Equal(t, "# EOF\n", written(t, "openmetrics", none))
	assert.Equal(t, "[]\n", written(t, "gab-smaller", none))
	assert.Equal(t, "{}\n", written(t, "bmf", none))
}

func TestSummarySaysTheVerdictFirstAndFoldsTheRest(t *testing.T) {
	got := written(t, "summary", sample())
	first, _, _ := strings.Cut(got, "\n")
	assert.Equal(t, "## pqbench, paired: regressed: of 9 numbers 3 regressed, 1 missing, 1 inconclusive, 1 improved, 1 new, 1 unchanged", first)
	open, folded, ok := strings.Cut(got, "<details>")
	require.True(t, ok)
	assert.NotContains(t, open, "| unchanged |")
	assert.Contains(t, folded, "| unchanged |")
	assert.Contains(t, folded, "CPU A, 2 cores, linux/amd64, 6.1; noise 1.2 % before")
	for _, row := range strings.Split(got, "\n") {
		if strings.HasPrefix(row, "|") {
			assert.Equal(t, len(columns)+1, strings.Count(strings.ReplaceAll(row, `\|`, ""), "|"), "cells of %s", row)
		}
	}
	assert.NotContains(t, got, "@someone", "nobody is mentioned")
}

func TestSummaryStaysWithinTheLimit(t *testing.T) {
	for _, verdict := range []string{results.VerdictUnchanged, results.VerdictRegressed} {
		f := sample()
		one := f.Findings[1]
		one.Verdict, one.Note = verdict, strings.Repeat("a long note ", 20)
		for range 20_000 {
			f.Findings = append(f.Findings, one)
		}
		got := written(t, "summary", f)
		assert.Less(t, len(got), 1<<20)
		assert.Contains(t, got, "rows are left out")
		assert.Contains(t, got, "<sub>CPU A", "host and noise are still there")
	}
}

func TestAnnotationsAreFew(t *testing.T) {
	f := sample()
	for range 50 {
		f.Findings = append(f.Findings, f.Findings[2])
	}
	lines := strings.Split(strings.TrimSpace(written(t, "annotations", f)), "\n")
	errors := 0
	for _, line := range lines {
		require.Regexp(t, `^::(error|warning|notice) (file=[^:,]*,line=\d+,)?title=[^:,]*::[^\r\n]+$`, line)
		if strings.HasPrefix(line, "::error") {
			errors++
		}
	}
	assert.Equal(t, mostAnnotations, errors)
	assert.Contains(t, written(t, "annotations", f), "::45 more: see the step summary")
	assert.Contains(t, lines[1], "file=results/baseline/a%2Cb.json,line=26,")
}

func TestJUnitCounts(t *testing.T) {
	var got junitSuites
	require.NoError(t, xml.Unmarshal([]byte(written(t, "junit", sample())), &got))
	require.Len(t, got.Suites, 1)
	failures, skipped := 0, 0
	for _, c := range got.Suites[0].Cases {
		if c.Failure != nil {
			failures++
		}
		if c.Skipped != nil {
			skipped++
		}
	}
	assert.Equal(t, 5, failures, "three regressions, one missing, and the whole")
	assert.Equal(t, []int{10, 5, 1}, []int{got.Tests, failures, skipped})
	assert.Equal(t, []int{10, 5, 1}, []int{got.Suites[0].Tests, got.Suites[0].Failures, got.Suites[0].Skipped})
}

// What fails although it is an improvement is a failure wherever CI looks.
func TestAnImprovementThatFails(t *testing.T) {
	f := results.Findings{Tier: results.TierExact, Findings: []results.Finding{
		{Experiment: "gate", Metric: "client_datagrams", Unit: "datagrams", Better: "lower", Base: p(4), Head: p(3), Verdict: results.VerdictImproved, Fails: true},
	}}
	var got junitSuites
	require.NoError(t, xml.Unmarshal([]byte(written(t, "junit", f)), &got))
	assert.Equal(t, 2, got.Failures)
	assert.Contains(t, written(t, "annotations", f), "::error ")
	assert.Contains(t, written(t, "summary", f), "## pqbench, exact: regressed")
}

// The same number of two hosts has two names.
func TestHostsHaveNames(t *testing.T) {
	one := results.Finding{Experiment: "handshake", Metric: "total_cpu", Unit: "ns", Better: "lower", Head: p(1), Verdict: results.VerdictUnchanged, Host: "CPU A"}
	other := one
	other.Host = "CPU B"
	f := results.Findings{Tier: results.TierHistory, Findings: []results.Finding{one, other}}
	for _, format := range []string{"bmf", "openmetrics", "gab-smaller", "junit"} {
		text := written(t, format, f)
		assert.Contains(t, text, "CPU A", format)
		assert.Contains(t, text, "CPU B", format)
	}
}

func TestTrackers(t *testing.T) {
	var smaller, bigger []actionBenchmark
	require.NoError(t, json.Unmarshal([]byte(written(t, "gab-smaller", sample())), &smaller))
	require.NoError(t, json.Unmarshal([]byte(written(t, "gab-bigger", sample())), &bigger))
	assert.Len(t, smaller, 5)
	assert.Len(t, bigger, 2)
	assert.Equal(t, "± 1e+04", smaller[0].Range)
	for _, each := range append(smaller, bigger...) {
		assert.NotEmpty(t, each.Name)
	}

	var bmf map[string]map[string]struct {
		Value float64  `json:"value"`
		Low   *float64 `json:"lower_value"`
		High  *float64 `json:"upper_value"`
	}
	require.NoError(t, json.Unmarshal([]byte(written(t, "bmf", sample())), &bmf))
	m := bmf["handshake/group=X25519MLKEM768/kem=circl-asm/cert=ecdsa-p256"]["handshake_p50 (ns)"]
	assert.Equal(t, 872000.0, m.Value)
	assert.Equal(t, 860000.0, *m.Low)

	twice := sample()
	twice.Findings = append(twice.Findings, twice.Findings[0])
	assert.ErrorContains(t, Write(&bytes.Buffer{}, "bmf", twice), "two values")
}

func TestNumbersTellApart(t *testing.T) {
	for _, test := range []struct {
		f                  results.Finding
		base, head, change string
	}{
		{results.Finding{Unit: "ns", Base: p(100000005), Head: p(100000002), Effect: p(-3e-8)}, "100.000005 ms", "100.000002 ms", "-3 ns (-3e-06 %)"},
		{results.Finding{Unit: "B", Base: p(2504), Head: p(2505), Effect: p(1.0 / 2504)}, "2504 B", "2505 B", "+1 B (+0.0399 %)"},
		{results.Finding{Unit: "count", Base: p(0), Head: p(1)}, "0", "1", "+1"},
		{results.Finding{Unit: "datagrams", Base: p(5.24), Head: p(5.26), Effect: p(0.02 / 5.24)}, "5.240 datagrams", "5.260 datagrams", "+0.02 datagrams (+0.382 %)"},
		{results.Finding{Unit: "ns", Base: p(1.5e6), Head: p(1.575e6), Effect: p(0.05), Low: p(0.041), High: p(0.059)}, "1.500 ms", "1.575 ms", "+5.00 % [+4.10, +5.90]"},
		{results.Finding{Unit: "ns", Head: p(0)}, "–", "0 ns", ""},
	} {
		base, head := values(test.f)
		assert.Equal(t, []string{test.base, test.head, test.change}, []string{base, head, change(test.f)})
	}
}

func TestOfRun(t *testing.T) {
	v := 5.0
	m := results.Manifest{Plan: "quick", Complete: false, Reason: "interrupted", Versions: results.Versions{Commit: "0123456", Dirty: true}}
	s := results.Summary{Rows: []results.Row{{Experiment: "wire", Metric: "retries", Unit: "count", Value: &v, Warnings: []string{"a", "b"}}}, Warnings: []string{"noisy"}}
	f := OfRun(m, s)
	assert.Equal(t, []string{"the run is incomplete: interrupted", "noisy"}, f.Warnings)
	assert.Contains(t, f.Head, "commit 0123456 with changes")
	assert.Equal(t, results.Finding{Experiment: "wire", Metric: "retries", Unit: "count", Head: &v, Note: "a; b"}, f.Findings[0])
	for _, format := range Formats() {
		assert.NotEmpty(t, written(t, format, f), format)
	}
	assert.Contains(t, written(t, "summary", f), "1 numbers, not judged")
}
