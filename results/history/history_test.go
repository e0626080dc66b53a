package history

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
	"pqbench/results/stats"
)

const hostA, hostB = "CPU A, 2 cores, linux/amd64", "CPU B, 64 cores, linux/amd64"

// line is a run's one number.
func line(i int, host string, v float64) Line {
	return Line{Schema: Schema, Run: fmt.Sprintf("%s-%03d", host[:5], i), Time: time.Date(2026, 1, 1+i, 3, 0, 0, 0, time.UTC), Commit: fmt.Sprintf("c%03d", i),
		Go: "go1.26.8", Host: host, Experiment: "handshake", Metric: "total_cpu", Arm: results.Arm{Group: "X25519MLKEM768"}, Unit: "ns", Better: "lower", Value: v, N: 500}
}

// noisy are n runs at a level with a noise of 1 %, and more of them at other levels.
func noisy(seed uint64, host string, n int, levels ...float64) (lines []Line) {
	r := rand.New(rand.NewPCG(seed, 1))
	for _, level := range levels {
		for range n {
			lines = append(lines, line(len(lines), host, level*(1+0.01*r.NormFloat64())))
		}
	}
	return lines
}

func TestLinesOfARun(t *testing.T) {
	v, low, high := 850e3, 840e3, 860e3
	m := results.Manifest{Complete: true, Started: time.Date(2026, 11, 22, 22, 15, 0, 5, time.UTC), Versions: results.Versions{Commit: "0123456789ab", Dirty: true, Go: "go1.26.8"},
		Host: results.Host{CPU: "CPU A", Cores: 2, GOMAXPROCS: 1, OS: "linux", Arch: "amd64", Virtual: "yes"}}
	s := results.Summary{Rows: []results.Row{
		{Experiment: "handshake", Metric: "total_cpu", Arm: results.Arm{Group: "X25519"}, Unit: "ns", Better: "lower", Value: &v, Low: &low, High: &high, N: 9},
		{Experiment: "handshake", Metric: "total_cpu", Arm: results.Arm{Group: "X25519", AA: true}, Value: &v},
		{Experiment: "handshake", Metric: "handshake_p99", Arm: results.Arm{Group: "X25519"}},
	}}
	got, err := Lines("20261122T221500Z-standard", m, s)
	require.NoError(t, err)
	assert.Equal(t, []Line{{Schema: 1, Run: "20261122T221500Z-standard", Time: time.Date(2026, 11, 22, 22, 15, 0, 0, time.UTC), Commit: "0123456789ab", Dirty: true,
		Go: "go1.26.8", Host: "CPU A, 2 cores, linux/amd64, GOMAXPROCS 1, virtual (yes)", Experiment: "handshake", Metric: "total_cpu",
		Arm: results.Arm{Group: "X25519"}, Unit: "ns", Better: "lower", Value: v, Low: &low, High: &high, N: 9}}, got)

	m.Virtual = true
	assert.Equal(t, Virtual, HostOf(m))
	m.Complete, m.Reason = false, "interrupted"
	_, err = Lines("x", m, s)
	assert.ErrorContains(t, err, "incomplete (interrupted)")
	m.Complete = true
	_, err = Lines("x", m, results.Summary{})
	assert.ErrorContains(t, err, "no values")
	m.Experiments = []results.Experiment{{Name: "handshake", Note: "40 handshakes"}}
	some, err := Lines("x", m, s)
	require.NoError(t, err)
	m.Experiments[0].Note = "200 handshakes"
	more, err := Lines("x", m, s)
	require.NoError(t, err)
	assert.NotEqual(t, some[0].Method, more[0].Method)
	m.Plan = "compare"
	_, err = Lines("x", m, s)
	assert.ErrorContains(t, err, "is a comparison")
}

func TestReadRefuses(t *testing.T) {
	good, err := write([]Line{line(0, hostA, 1), line(1, hostA, 2)})
	require.NoError(t, err)
	rows := strings.SplitAfter(string(good), "\n")
	for _, test := range []struct{ name, text, want string }{
		{"cut short", string(good[:len(good)-9]), "line 2: it is cut short"},
		{"an empty line", rows[0] + "\n" + rows[1], "line 2: it is empty"},
		{"a merge", rows[0] + "=======\n" + rows[1], "line 2: it is a mark of a merge"},
		{"twice", rows[0] + rows[1] + rows[0], "line 3: run CPU A-000 has total_cpu of group=X25519MLKEM768 on line 1 already"},
		{"another schema", strings.Replace(rows[0], `"schema":1`, `"schema":2`, 1), "line 1: schema version 2"},
		{"an unknown field", strings.Replace(rows[0], `"go"`, `"golang"`, 1), "line 1: damaged"},
		{"text behind", strings.TrimSpace(rows[0]) + " {}\n", "line 1: something stands behind"},
		{"no time", strings.Replace(rows[0], "2026-01-01T03:00:00Z", "0001-01-01T00:00:00Z", 1), "line 1: it has no time"},
		{"half an interval", strings.Replace(rows[0], `"n":`, `"low":1,"n":`, 1), "line 1: its interval"},
		{"a direction", strings.Replace(rows[0], `"lower"`, `"smaller"`, 1), "line 1: better"},
		{"no number", strings.Replace(rows[0], `"value":1`, `"value":"1"`, 1), "line 1: damaged"},
	} {
		_, err := Read(strings.NewReader(test.text))
		assert.ErrorContains(t, err, test.want, test.name)
	}
	lines, err := Read(strings.NewReader(""))
	require.NoError(t, err)
	assert.Empty(t, lines)
}

func TestAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results", "history.jsonl")
	_, err := Open(path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, Append(path, []Line{line(0, hostA, 1)}))
	require.NoError(t, Append(path, []Line{line(1, hostA, 2)}))
	require.ErrorIs(t, Append(path, []Line{line(1, hostA, 3)}), ErrThere)
	require.ErrorContains(t, Append(path, []Line{line(2, hostA, 1), line(2, hostA, 2)}), "already", "what could not be read again is not written")
	bad := line(2, hostA, math.NaN())
	require.ErrorContains(t, Append(path, []Line{line(2, hostA, 1), bad}), "not finite")
	lines, err := Open(path)
	require.NoError(t, err)
	assert.Equal(t, []Line{line(0, hostA, 1), line(1, hostA, 2)}, lines)

	require.NoError(t, os.WriteFile(path, []byte("{}"), 0o600))
	require.ErrorContains(t, Append(path, []Line{line(0, hostA, 1)}), "line 1", "a damaged file does not grow")
}

func TestHostsAreNotMixed(t *testing.T) {
	lines := append(noisy(1, hostA, 10, 100), noisy(2, hostB, 10, 50)...)
	assert.Len(t, Group(lines, false), 2)
	f, all := Findings(lines, Options{})
	assert.Zero(t, f.Count(results.VerdictImproved)+f.Count(results.VerdictRegressed))
	require.Len(t, f.Warnings, 1)
	assert.Contains(t, f.Warnings[0], "--mix-hosts")
	assert.Contains(t, f.Findings[1].Note, "on "+hostB)
	assert.Equal(t, hostB, f.Findings[1].Host)
	assert.Len(t, all, 2)

	for i := range lines { // one after the other in time, too
		lines[i].Time = lines[0].Time.Add(time.Duration(i) * time.Hour)
	}
	f, all = Findings(lines, Options{MixHosts: true})
	require.Len(t, all, 1)
	require.Len(t, all[0].Changes, 1, "mixed, the other host is a change")
	assert.Contains(t, all[0].Changes[0].String(), "from one host to another")
	assert.Contains(t, f.Warnings[0], "may be another machine")
}

func TestGroupSortsByTime(t *testing.T) {
	s := Group([]Line{line(2, hostA, 3), line(0, hostA, 1), line(1, hostA, 2)}, false)
	require.Len(t, s, 1)
	assert.Equal(t, []float64{1, 2, 3}, s[0].Values())
}

func TestAKnownStepIsNamed(t *testing.T) {
	lines := noisy(3, hostA, 20, 100, 107)
	lines[20].Go = "go1.27.0"
	lines[19].Method, lines[20].Method = "1", "2"
	f, all := Findings(lines, Options{Recent: 25})
	require.Len(t, all[0].Changes, 1)
	c := all[0].Changes[0]
	assert.Equal(t, "c020", c.First.Commit)
	assert.Equal(t, "c019", c.LastBefore.Commit)
	assert.InDelta(t, 0.07, c.Change.Value, 0.01)
	assert.Regexp(t, `^\+[67]\.\d\d % \[\+\d\.\d\d, \+\d\.\d\d\] at commit c020 \(2026-01-21, after c019\); also from go1.26.8 to go1.27.0; also measured in another way .another plan, or another pqbench.$`, c.String())
	one := f.Findings[0]
	assert.Equal(t, results.VerdictRegressed, one.Verdict)
	assert.InDelta(t, 100, *one.Base, 1)
	assert.InDelta(t, 107, *one.Head, 1)
	assert.Equal(t, results.VerdictRegressed, f.Verdict())

	f, _ = Findings(lines, Options{Recent: 5})
	assert.Equal(t, results.VerdictUnchanged, f.Findings[0].Verdict, "it is old")
	assert.Contains(t, f.Findings[0].Note, "since 20 runs; before: +")

	for i := range lines {
		lines[i].Better = "higher"
	}
	f, _ = Findings(lines, Options{Recent: 25})
	assert.Equal(t, results.VerdictImproved, f.Findings[0].Verdict)
}

func TestNoAlarmWithoutAStep(t *testing.T) {
	alarms, undecided, series := 0, 0, 200
	for seed := range series {
		f, _ := Findings(noisy(uint64(seed), hostA, 40, 100), Options{})
		alarms += f.Count(results.VerdictRegressed) + f.Count(results.VerdictImproved)
		undecided += f.Count(results.VerdictInconclusive)
	}
	assert.LessOrEqual(t, alarms, 3, "of %d series", series)
	assert.LessOrEqual(t, undecided, 4, "beyond the fence, of %d series", series)
}

func TestTheFence(t *testing.T) {
	lines := noisy(4, hostA, 20, 100)
	lines = append(lines, line(20, hostA, 112))
	f, all := Findings(lines, Options{})
	assert.True(t, all[0].Beyond())
	assert.Equal(t, results.VerdictInconclusive, f.Findings[0].Verdict, "one run is no level")
	assert.Contains(t, f.Findings[0].Note, "fence")
	assert.True(t, math.IsNaN(Analyse(Group(lines[:5], false)[0], stats.DivisiveOptions{}).Fence))
	assert.False(t, Analyse(Group(lines[:5], false)[0], stats.DivisiveOptions{}).Beyond())
}

// A count that was always 0 and is not any more is seen at once, and one that went back to 0 is no step of today.
func TestAStepFromZero(t *testing.T) {
	lines := noisy(4, hostA, 20, 0)
	f, _ := Findings(lines, Options{})
	assert.Equal(t, results.VerdictUnchanged, f.Findings[0].Verdict)
	f, all := Findings(append(lines, line(20, hostA, 3)), Options{})
	assert.Equal(t, results.VerdictInconclusive, f.Findings[0].Verdict)
	assert.Contains(t, f.Findings[0].Note, "the last run is 3, and the one before was 0")
	var table bytes.Buffer
	require.NoError(t, WriteTable(&table, all, true))
	assert.Contains(t, table.String(), "from 0")

	lines = append(lines, line(20, hostA, 3), line(21, hostA, 0), line(22, hostA, 0))
	_, all = Findings(lines, Options{})
	assert.Zero(t, all[0].Step)
}

// A small improvement does not hide the larger regression before it, and one that was undone is none.
func TestARegressionStaysOne(t *testing.T) {
	verdict := func(levels ...float64) results.Finding {
		f, all := Findings(noisy(3, hostA, 12, levels...), Options{Recent: 30})
		require.Len(t, all[0].Changes, len(levels)-1)
		return f.Findings[0]
	}
	f := verdict(100, 120, 114)
	assert.Equal(t, results.VerdictRegressed, f.Verdict)
	assert.InDelta(t, 0.20, *f.Effect, 0.02)
	assert.Contains(t, f.Note, "; and since then -")
	assert.Equal(t, results.VerdictImproved, verdict(100, 120, 105).Verdict, "most of it was undone")
	assert.Equal(t, results.VerdictImproved, verdict(120, 100).Verdict)
	assert.Equal(t, results.VerdictRegressed, verdict(120, 100, 110).Verdict)
}

func TestTooFewRunsAreUndecided(t *testing.T) {
	f, _ := Findings(noisy(5, hostA, MinRuns-1, 100), Options{})
	assert.Equal(t, results.VerdictInconclusive, f.Verdict())
	assert.Contains(t, f.Findings[0].Note, "6 are needed")
	f, _ = Findings(nil, Options{})
	assert.Equal(t, results.VerdictInconclusive, f.Verdict())
}

func TestTable(t *testing.T) {
	lines := noisy(6, hostA, 20, 100, 120)
	for _, l := range noisy(7, hostA, 20, 100, 100) {
		l.Arm.Group = "X25519"
		lines = append(lines, l)
	}
	_, all := Findings(lines, Options{})
	var some, every bytes.Buffer
	require.NoError(t, WriteTable(&some, all, false))
	require.NoError(t, WriteTable(&every, all, true))
	assert.Contains(t, some.String(), "handshake: group=X25519MLKEM768")
	assert.Contains(t, some.String(), "  regressed +")
	assert.Contains(t, some.String(), "at commit c020")
	assert.Contains(t, some.String(), "2 series, 1 of them without a change")
	assert.NotContains(t, some.String(), "group=X25519 ")
	assert.Contains(t, every.String(), "group=X25519 ")
}

func TestTrend(t *testing.T) {
	s := Series{Lines: []Line{line(0, hostA, 1), line(1, hostA, 2), line(2, hostA, 8)}}
	assert.Equal(t, "▁▂█", s.Trend(24))
	assert.Equal(t, "▁█", s.Trend(2))
	s.Lines = s.Lines[:1]
	assert.Equal(t, "▁", s.Trend(24))
}

// FuzzRead: what is read is written again as it can be read, and every error names a line.
func FuzzRead(f *testing.F) {
	good, err := write(noisy(8, hostA, 2, 100))
	require.NoError(f, err)
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add([]byte("\n"))
	f.Add(bytes.Replace(good, []byte(`"n":500`), []byte(`"low":1,"high":2,"n":500`), 1))
	f.Fuzz(func(t *testing.T, text []byte) {
		lines, err := Read(bytes.NewReader(text))
		if err != nil {
			require.Regexp(t, `^line \d+: `, err.Error())
			return
		}
		require.Len(t, lines, bytes.Count(text, []byte("\n")))
		again, err := write(lines)
		require.NoError(t, err)
		back, err := Read(bytes.NewReader(again))
		require.NoError(t, err)
		require.Len(t, back, len(lines))
		for i := range lines {
			require.True(t, lines[i].Time.Equal(back[i].Time))
			require.Equal(t, lines[i].key(), back[i].key())
			require.Equal(t, lines[i].Value, back[i].Value)
		}
		Findings(lines, Options{}) // does not panic
	})
}
