package report

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

// find is the row of a metric of an arm.
func find(t *testing.T, s results.Summary, metric string, a results.Arm) results.Row {
	t.Helper()
	for _, r := range s.Rows {
		if r.Metric == metric && r.Arm == a {
			return r
		}
	}
	t.Fatalf("no row of %s for %s", metric, a)
	return results.Row{}
}

func TestRows(t *testing.T) {
	f := newFixture(8, 50, "kex", "handshake", "wire", "requests")
	s := f.summary()
	pq := results.Arm{Group: today, KEM: "go", Cert: "ecdsa-p256", Concurrency: 8}

	p50 := find(t, s, "handshake_p50", pq)
	require.NotNil(t, p50.Value)
	assert.Equal(t, 400, p50.N)
	assert.Equal(t, "ns", p50.Unit)
	assert.Less(t, *p50.Low, *p50.Value)
	assert.Greater(t, *p50.High, *p50.Value)
	assert.Greater(t, *p50.Value, *find(t, s, "since_initial_p50", pq).Value, "the key share is made before the first Initial leaves")
	assert.NotNil(t, find(t, s, "handshake_p90", pq).Value)

	cpu := find(t, s, "total_cpu", pq)
	assert.Equal(t, 400, cpu.N, "handshakes, and not blocks")
	assert.Equal(t, 8, find(t, s, "keygen", results.Arm{Group: today, KEM: "go"}).N, "blocks, where nothing is counted")

	hello := find(t, s, "clienthello_bytes", results.Arm{Group: today, KEM: "go", Cert: "ecdsa-p256", Initial: 1252})
	assert.Equal(t, math.Trunc(*hello.Value), *hello.Value)
	assert.Less(t, *hello.Low, *hello.High, "GREASE")
	for _, r := range s.Rows {
		assert.False(t, r.Experiment == "wire" && r.Metric == "handshake_p50", "a tapped socket's times say nothing")
	}
}

// Service time runs from when a request was sent, handshake time from when it was intended.
func TestWhereTimesBegin(t *testing.T) {
	m := results.Manifest{Complete: true, Arms: []results.ArmOf{{Experiment: "handshake"}, {Experiment: "requests"}}}
	var samples []results.Sample
	for arm, experiment := range []string{"handshake", "requests"} {
		for i := range 40 {
			samples = append(samples, results.Sample{Experiment: experiment, Arm: arm, Block: i % 8, Intended: 100, Sent: 150, Completed: 400})
		}
	}
	s := Summarise(m, samples, nil)
	assert.Equal(t, 300.0, *find(t, s, "handshake_p50", results.Arm{}).Value)
	assert.Equal(t, 250.0, *find(t, s, "service_p50", results.Arm{}).Value)
}

// A storm after which a fleet was not back in time counts as longer than all: it must not drop out of the median.
func TestAStormThatWasNotOver(t *testing.T) {
	for _, c := range []struct {
		name      string
		back      int // of the trials, after 1, 2, 3 ... s; the others never
		want      float64
		unbounded bool
		warning   string
	}{
		{"all", 7, 4e9, false, ""},
		{"most", 5, 4e9, true, "2 of 7 were not back in time, and count as longer than all"},
		{"few", 3, 0, true, "no median: it lies among the failures"},
		{"none", 0, 0, true, "7 of 7 were not back in time, and count as longer than all"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := results.Manifest{Complete: true, Arms: []results.ArmOf{{Experiment: storm}}}
			var trials []results.Trial
			for b := range 7 {
				values := map[string]float64{"dials": 40}
				if b < c.back {
					values["recover_99"] = float64(b+1) * 1e9
				}
				trials = append(trials, results.Trial{Experiment: storm, Block: b, Values: values})
			}
			row := find(t, Summarise(m, nil, trials), "recover_99", results.Arm{})
			if c.want > 0 {
				require.NotNil(t, row.Value)
				assert.Equal(t, c.want, *row.Value)
				require.NotNil(t, row.Low)
			} else {
				assert.Nil(t, row.Value)
			}
			assert.Equal(t, c.unbounded, row.High == nil)
			if c.warning == "" {
				assert.Empty(t, row.Warnings)
			} else {
				assert.Contains(t, row.Warnings, c.warning)
			}
		})
	}
}

// Idle CPU of a thousand tunnels is told with a word where fewer were held.
func TestIdleCPUInProportion(t *testing.T) {
	for tunnels, want := range map[int]int{250: 1, 1000: 0, 2500: 0} {
		arm := results.Arm{Tunnels: tunnels}
		m := results.Manifest{Complete: true, Arms: []results.ArmOf{{Experiment: fleet, Arm: arm}}}
		var trials []results.Trial
		for b := range 6 {
			trials = append(trials, results.Trial{Experiment: fleet, Block: b, Values: map[string]float64{"edge_cpu_per_1000": 0.3, "edge_rss": 1e8}})
		}
		s := Summarise(m, nil, trials)
		assert.Len(t, find(t, s, "edge_cpu_per_1000", arm).Warnings, want, tunnels)
		assert.Empty(t, find(t, s, "edge_rss", arm).Warnings, tunnels)
	}
}

func TestPercentilesThatAreRefused(t *testing.T) {
	f := newFixture(8, 25, "handshake")
	arm := f.m.Arms[0].Arm
	s := f.summary()
	p99 := find(t, s, "handshake_p99", arm)
	assert.Nil(t, p99.Value)
	assert.Nil(t, p99.Low)
	assert.Equal(t, 200, p99.N)
	assert.Equal(t, []string{"no 99th percentile: fewer than ten of 200 samples lie beyond it"}, p99.Warnings)
	assert.NotNil(t, find(t, s, "handshake_p90", arm).Value, "20 of 200 lie beyond this one")
}

func TestFewBlocks(t *testing.T) {
	f := newFixture(5, 50, "handshake")
	s := f.summary()
	for _, metric := range []string{"handshake_p50", "total_cpu"} {
		r := find(t, s, metric, f.m.Arms[0].Arm)
		assert.NotNil(t, r.Value, metric)
		assert.Nil(t, r.Low, metric)
		assert.Nil(t, r.High, metric)
		assert.Equal(t, []string{"no interval: 5 blocks, at least 6 are needed"}, r.Warnings, metric)
	}
	assert.Contains(t, s.Warnings, "handshake: 5 blocks are too few for intervals, at least 6 are needed")
	for _, c := range s.Comparisons {
		assert.Equal(t, results.VerdictInconclusive, c.Verdict)
	}
}

// fail makes every n-th sample of an arm a failure of its class, and keeps the books.
func (f *fixture) fail(arm, every int, class string) {
	n := 0
	failed := map[int]int{}
	for i := range f.samples {
		if s := &f.samples[i]; s.Arm == arm {
			if n++; n%every == 0 {
				s.Class = class
				failed[s.Block]++
			}
		}
	}
	for i := range f.trials {
		if t := &f.trials[i]; t.Arm == arm {
			t.Failed, t.Completed = failed[t.Block], t.Completed-failed[t.Block]
		}
	}
}

func TestFailuresStayInTheDenominator(t *testing.T) {
	f := newFixture(8, 50, "handshake")
	arm := f.m.Arms[0].Arm
	before := find(t, f.summary(), "handshake_p50", arm)
	f.fail(0, 5, results.ClassTimeout)
	s := f.summary()

	after := find(t, s, "handshake_p50", arm)
	assert.Equal(t, before.N, after.N)
	assert.Greater(t, *after.Value, *before.Value, "what failed took longer than everything else")
	assert.Contains(t, after.Warnings, "80 of 400 did not succeed (80 timeout)")
	assert.Contains(t, find(t, s, "total_cpu", arm).Warnings, "80 of 400 did not succeed (80 timeout)")

	assert.Equal(t, 400, find(t, s, "total_cpu", arm).N, "a failed handshake costs CPU, too")
	p90 := find(t, s, "handshake_p90", arm)
	assert.Nil(t, p90.Value, "a tenth of the handshakes took longer, and nobody knows how long")
	assert.Contains(t, p90.Warnings, "no 90th percentile: it lies among the failures")
	assert.Contains(t, s.Warnings, "handshake: 80 of 9600 did not succeed (80 timeout)")
}

// Half of the blocks fail in nine of ten handshakes: the median is known, but with one more such block it would not be.
func TestIntervalThatReachesTheFailures(t *testing.T) {
	f := newFixture(8, 50, "handshake")
	n := 0
	for i := range f.samples {
		if s := &f.samples[i]; s.Arm == 0 && s.Block%2 == 0 {
			if n++; n%10 != 0 {
				s.Class = results.ClassIdle
			}
		}
	}
	r := find(t, f.summary(), "handshake_p50", f.m.Arms[0].Arm)
	require.NotNil(t, r.Value)
	assert.NotNil(t, r.Low)
	assert.Nil(t, r.High)
	assert.Contains(t, r.Warnings, "the interval of the median has no upper end: it lies among the failures")
}

func TestEveryHandshakeFailed(t *testing.T) {
	f := newFixture(8, 50, "handshake")
	for arm := range f.m.Arms {
		f.fail(arm, 1, results.ClassRefused)
	}
	s := f.summary()
	r := find(t, s, "handshake_p50", f.m.Arms[0].Arm)
	assert.Nil(t, r.Value)
	assert.Contains(t, r.Warnings, "no median: it lies among the failures")
	for _, figure := range f.run().figures(s) {
		assert.NotEqual(t, "handshake-time", figure.Name, "there is no time to draw")
	}
}

func TestNoteOfAnArmIsAWarning(t *testing.T) {
	f := newFixture(8, 20, "handshake")
	f.m.Arms[3].Note = "no AVX2 on this CPU: same code as circl-generic"
	assert.Contains(t, find(t, f.summary(), "total_cpu", f.m.Arms[3].Arm).Warnings, f.m.Arms[3].Note)
}
