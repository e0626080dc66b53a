package results

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchproc"
)

// benchText is a run in the Go benchmark format.
func benchText(t *testing.T, m Manifest, trials []Trial, samples []Sample) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, WriteBench(&out, m, trials, samples))
	return out.String()
}

// parseBench reads it with the format's own reader, which must not complain.
func parseBench(t *testing.T, text string) ([]*benchfmt.Result, benchfmt.UnitMetadataMap) {
	t.Helper()
	var got []*benchfmt.Result
	r := benchfmt.NewReader(strings.NewReader(text), "bench.txt")
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.Result:
			got = append(got, rec.Clone())
		case *benchfmt.SyntaxError:
			t.Fatal(rec)
		}
	}
	require.NoError(t, r.Err())
	return got, r.Units()
}

func TestWriteBench(t *testing.T) {
	m, samples, trials := exampleRun()
	want := `goos: linux
goarch: amd64
pkg: pqbench
cpu: Example CPU
# commit 0123abcd
# go1.26.8, plan quick, seed 7, started 2026-03-01T12:30:05Z
Unit handshake-p50-ns better=lower
Unit client-cpu-ns better=lower
BenchmarkHandshake/group=X25519/kem=go/concurrency=8-2	4	1917.25 ns/op	890 handshake-p50-ns	1234.5 client-cpu-ns
BenchmarkHandshake/group=X25519/kem=go/concurrency=8-2	4	1917.25 ns/op	890 handshake-p50-ns	1234.5 client-cpu-ns
BenchmarkHandshake/group=X25519MLKEM768/kem=go/concurrency=8-2	4	1917.25 ns/op	890 handshake-p50-ns	1234.5 client-cpu-ns
BenchmarkHandshake/group=X25519MLKEM768/kem=go/concurrency=8-2	4	1917.25 ns/op	890 handshake-p50-ns	1234.5 client-cpu-ns
`
	text := benchText(t, m, trials, samples)
	assert.Equal(t, want, text)
	got, units := parseBench(t, text)
	require.Len(t, got, 4)
	assert.Equal(t, 4, got[0].Iters)
	p50, ok := got[0].Value("handshake-p50-sec")
	assert.True(t, ok)
	assert.InDelta(t, 890e-9, p50, 1e-15)
	assert.Equal(t, -1, units.GetBetter("handshake-p50-sec"))
}

// What `benchstat -col /group` does: rows are names without the group. Every group must have a value in every row.
func TestBenchPairsGroups(t *testing.T) {
	m := Manifest{Host: Host{GOMAXPROCS: 1}}
	var trials []Trial
	for _, arm := range []Arm{
		{Group: "X25519Kyber768Draft00", Codepoint: "0x6399", KEM: "circl-asm", Cert: "rsa-2048"},
		{Group: "X25519Kyber768Draft00", KEM: "circl-generic", Cert: "rsa-2048"},
		{Group: "X25519", Cert: "rsa-2048"},
	} {
		for block := range 6 {
			trials = append(trials, Trial{Experiment: "handshake", Arm: len(m.Arms), Block: block,
				Values: map[string]float64{"client_cpu": float64(100 + block)}})
		}
		m.Arms = append(m.Arms, ArmOf{Experiment: "handshake", Arm: arm})
	}
	m.Pairs = []Pair{{Arm: 0, Base: 2, Kind: "group"}, {Arm: 1, Base: 2, Kind: "group"}, {Arm: 1, Base: 0, Kind: "kem"}}
	got, _ := parseBench(t, benchText(t, m, trials, nil))
	assert.Contains(t, string(got[0].Name), "group=X25519/", "the control comes first")

	filter, err := benchproc.NewFilter("*")
	require.NoError(t, err)
	var parser benchproc.ProjectionParser
	cols, err := parser.Parse("/group", filter)
	require.NoError(t, err)
	rows, err := parser.Parse(".fullname", filter)
	require.NoError(t, err)
	table := map[string]map[string]int{}
	for _, r := range got {
		row, col := rows.Project(r).String(), cols.Project(r).String()
		if table[row] == nil {
			table[row] = map[string]int{}
		}
		table[row][col]++
	}
	assert.Equal(t, map[string]map[string]int{
		".fullname:Handshake/kem=circl-asm/cert=rsa-2048-1":     {"/group:X25519": 6, "/group:X25519Kyber768Draft00-0x6399": 6},
		".fullname:Handshake/kem=circl-generic/cert=rsa-2048-1": {"/group:X25519": 6, "/group:X25519Kyber768Draft00": 6},
	}, table)
	for _, r := range got {
		_, parts := r.Name.Parts()
		assert.Equal(t, "-1", string(parts[len(parts)-1]), "GOMAXPROCS of %s", r.Name)
	}
}

func TestBenchUnits(t *testing.T) {
	for name, want := range map[string]string{
		"handshake_p50":       "handshake-p50-ns",
		"client_cpu":          "client-cpu-ns",
		"client_datagrams":    "client-datagrams/op",
		"client_bytes":        "client-bytes/op",
		"client_allocs":       "client-allocs/op",
		"requests_per_second": "requests/s",
		"goodput_down":        "goodput-down-bit/s",
		"cpu_per_gb":          "cpu-ns/GB",
		"cpu_per_gb_up":       "cpu-up-ns/GB",
		"ns/op":               "ns/op",
		"not a metric":        "not-a-metric",
	} {
		assert.Equal(t, want, benchUnit(name), name)
	}
	seen := map[string]string{}
	for _, m := range Metrics() {
		unit := benchUnit(m.Name)
		assert.Empty(t, seen[unit], "%s and %s have the same unit", m.Name, seen[unit])
		seen[unit] = m.Name
	}
}

// Every metric that there is survives the way through the format, with its direction and assumption.
func TestBenchKeepsEveryMetric(t *testing.T) {
	m, _, _ := exampleRun()
	values := map[string]float64{"": 1, "unheard of": 3, "bad": math.NaN(), "worse": math.Inf(1)}
	for i, metric := range Metrics() {
		values[metric.Name] = 1.25 + float64(i)
	}
	got, units := parseBench(t, benchText(t, m, []Trial{{Experiment: "handshake", Arm: 1, Values: values}}, nil))
	require.Len(t, got, 1)
	assert.Len(t, got[0].Values, len(Metrics())+1)
	better := map[string]int{"lower": -1, "higher": 1, "": 0}
	for i, metric := range Metrics() {
		v := got[0].Values[i]
		value, unit := v.Value, v.Unit
		if v.OrigUnit != "" {
			value, unit = v.OrigValue, v.OrigUnit
		}
		assert.Equal(t, benchUnit(metric.Name), unit)
		assert.Equal(t, values[metric.Name], value, metric.Name)
		assert.Equal(t, better[metric.Better], units.GetBetter(v.Unit), metric.Name)
		exact := units.Get(v.Unit, "assume")
		assert.Equal(t, metric.Exact, exact != nil && exact.Value == "exact", metric.Name)
	}
}

func TestBenchFailures(t *testing.T) {
	m, _, _ := exampleRun()
	sample := func(class string, took int64) Sample {
		return Sample{Experiment: "handshake", Arm: 1, Sent: 5, Completed: 5 + took, Class: class}
	}
	trial := []Trial{{Experiment: "handshake", Arm: 1, Scheduled: 3, Completed: 1, Failed: 2}}
	got, _ := parseBench(t, benchText(t, m, trial, []Sample{sample("", 100), sample(ClassTimeout, 500), sample(ClassIdle, 300)}))
	require.Len(t, got, 1)
	assert.Equal(t, 3, got[0].Iters, "failures stay in the denominator")
	assert.Equal(t, 300.0, got[0].Values[0].OrigValue)
	assert.Len(t, got[0].Values, 1, "the median is a failure: there is no number for it")

	assert.NotContains(t, benchText(t, m, trial, []Sample{sample(ClassDropped, 0)}), "Benchmark", "nothing ran")
	trial[0].Values = map[string]float64{"handshake_p50": 77}
	assert.Contains(t, benchText(t, m, trial, []Sample{sample("", 100)}), "\t77 handshake-p50-ns", "the trial's own value wins")
}

func TestBenchHeaderIsSafe(t *testing.T) {
	m, samples, trials := exampleRun()
	m.Host.CPU = "two\nlines: of it"
	m.Versions.Dirty = true
	m.Complete, m.Reason = false, "interrupted\nby the user"
	m.Arms[1].Arm.Cert = "a b"
	text := benchText(t, m, trials, samples)
	assert.Contains(t, text, "cpu: two lines: of it\n")
	assert.Contains(t, text, "# commit 0123abcd (with changes that are not committed)\n")
	assert.Contains(t, text, "# incomplete: interrupted by the user\n")
	got, _ := parseBench(t, text)
	require.Len(t, got, 4)
	var keys []string
	for _, c := range got[0].Config {
		keys = append(keys, c.Key)
	}
	assert.Equal(t, []string{"goos", "goarch", "pkg", "cpu"}, keys, "another commit must not be another table")
}

func TestBenchNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1234567890123: "1234567890123", 871042.123456: "871042.1", 0.000012345678: "0.00001234568", -2.5: "-2.5", 1e21: "1000000000000000000000",
	} {
		assert.Equal(t, want, benchNumber(v))
	}
}

func TestBenchWriteError(t *testing.T) {
	m, samples, trials := exampleRun()
	assert.ErrorIs(t, WriteBench(fullDisk{}, m, trials, samples), errFull)
}

var errFull = errors.New("disk full")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

// The hundreds of trials of a virtual arm become ten lines, and lose nothing of their mean.
func TestVirtualTrialsAreMerged(t *testing.T) {
	m := Manifest{Virtual: true, Arms: []ArmOf{{Experiment: "paths", Arm: Arm{Group: "X25519", Path: "20ms"}}}}
	var trials []Trial
	for i := range 200 {
		trials = append(trials, Trial{Experiment: "paths", Block: i, Completed: 1, Values: map[string]float64{"handshake_mean": float64(i)}})
	}
	var b strings.Builder
	require.NoError(t, WriteBench(&b, m, trials, nil))
	lines, sum := 0, 0.0
	for line := range strings.Lines(b.String()) {
		if fields := strings.Fields(line); len(fields) > 3 && strings.HasPrefix(line, "Benchmark") {
			lines++
			v, err := strconv.ParseFloat(fields[2], 64)
			require.NoError(t, err)
			sum += v
			require.Equal(t, "20", fields[1], "trials behind the line")
		}
	}
	require.Equal(t, 10, lines, b.String())
	require.InDelta(t, 99.5, sum/10, 1e-9)
}
