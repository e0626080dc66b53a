package report

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

// loadFixture is a run that offered 1,000/s over two seconds in each of some blocks. late is how late the units were sent,
// ns, by the unit's number, below 0 for one that is dropped; once sent they take 1 to 2 ms.
func loadFixture(blocks int, late func(i int) int64, values map[string]float64) *fixture {
	f := newFixture(blocks, 0)
	f.m.Experiments = []results.Experiment{{Name: rate, Blocks: blocks, Done: blocks}}
	f.m.Arms = []results.ArmOf{{Experiment: rate, Arm: results.Arm{Group: "X25519", Load: "handshakes", Arrivals: "poisson", Rate: "1000/s"}}}
	for b := range blocks {
		begin := int64(b) * 3e9
		t := results.Trial{Experiment: rate, Block: b, Started: begin, Finished: begin + 2e9, Scheduled: 2000, Completed: 2000, Values: map[string]float64{"offered_rate": 1000}}
		for name, v := range values {
			t.Values[name] = v
		}
		for i := range 2000 {
			intended := begin + int64(i)*1e6
			if late(i) < 0 {
				t.Completed, t.Dropped = t.Completed-1, t.Dropped+1
				f.samples = append(f.samples, results.Sample{Experiment: rate, Block: b, Intended: intended, Completed: intended, Class: results.ClassDropped})
				continue
			}
			sent := intended + late(i)
			f.samples = append(f.samples, results.Sample{Experiment: rate, Block: b, Intended: intended, Sent: sent, Completed: sent + 1e6 + f.rng.Int64N(1e6)})
		}
		f.trials = append(f.trials, t)
	}
	return f
}

// A generator is the limit when its lateness moves a percentile out of its interval, when its CPU is used up, or when it does
// not even reach its rate at the least edge; and not otherwise.
func TestGeneratorVerdict(t *testing.T) {
	none := func(int) int64 { return 0 }
	drops := func(i int) int64 { // one in fifty
		if i%50 == 0 {
			return -1
		}
		return 0
	}
	for _, c := range []struct {
		name   string
		blocks int
		late   func(int) int64
		values map[string]float64
		want   string // in the reason; empty for no verdict against it
	}{
		{"punctual", 6, none, map[string]float64{"generator_cpu_share": 0.5, "calibration_completed_share": 1}, ""},
		{"late by a microsecond", 6, func(int) int64 { return 1e3 }, nil, ""},
		{"late by a millisecond", 6, func(int) int64 { return 1e6 }, nil, "its lateness moves the median: 2."},
		{"late by a millisecond, one run", 1, func(int) int64 { return 1e6 }, nil, "its lateness moves the median"},
		{"late one time in fifty", 6, func(i int) int64 {
			if i%50 == 0 {
				return 20e6
			}
			return 0
		}, nil, "its lateness moves the 99th percentile"},
		{"out of CPU", 6, none, map[string]float64{"generator_cpu_share": 0.95}, "it used 95 % of the CPU"},
		{"shared cores out of CPU", 6, none, map[string]float64{"generator_cpu_share": 0.5, "shared_cpu_share": 0.95}, "it shares 95 % busy cores"},
		{"what is shown comes first", 6, none, map[string]float64{"generator_cpu_share": 0.95, "shared_cpu_share": 1, "calibration_completed_share": 0.9}, "at an edge that does the least possible it got 90.0 % of this load through\nit used 95 %"},
		{"too few in flight", 6, drops, map[string]float64{"in_flight_limit": 1}, "2 % were dropped because it may have only 1 in flight: the first ones took 1."},
		{"drops of an edge that is overwhelmed", 6, drops, map[string]float64{"in_flight_limit": 100}, ""},
		{"the least edge is as slow", 6, none, map[string]float64{"calibration_p99": 2.5e6}, ""},
		{"the least edge is slower", 6, none, map[string]float64{"calibration_p99": 9e6}, "its p99 was 9 ms, here it is 1.99 ms"},
		{"the least edge is too much", 6, none, map[string]float64{"calibration_completed_share": 0.9}, "at an edge that does the least possible it got 90.0 %"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := loadFixture(c.blocks, c.late, c.values).summary()
			require.Len(t, s.Generators, 1)
			g := s.Generators[0]
			assert.Equal(t, c.want != "", g.Bound, g.Reasons)
			if c.want == "" {
				return
			}
			assert.Contains(t, strings.Join(g.Reasons, "\n"), c.want)
			assert.Contains(t, s.Warnings[0], "generator-bound")
			f := loadFixture(c.blocks, c.late, c.values)
			var tables bytes.Buffer
			require.NoError(t, WriteTables(&tables, f.m, s, Options{}))
			assert.Regexp(t, `1000/s .* generator-bound\n`, tables.String())
		})
	}
}

// What a foreign server chose stands in the sentence, where it is not what the arm is called by.
func TestTheSentenceSaysWhatWasNegotiated(t *testing.T) {
	f := loadFixture(6, func(int) int64 { return 0 }, nil)
	f.m.Arms[0].Arm.Group = "X25519MLKEM768+secp256r1"
	for chosen, want := range map[string]string{"secp256r1": "X25519MLKEM768+secp256r1 (negotiated: secp256r1) p50 1.", "X25519MLKEM768": "X25519MLKEM768+secp256r1 p50 1."} {
		for i := range f.trials {
			f.trials[i].Negotiated = map[string]int{chosen: 2000}
		}
		assert.Contains(t, lookup{f.summary()}.rateSentence("handshakes"), want)
	}
}

// A closed loop is the generator's when the CPU that it may use, or shares with the edge, is used up.
func TestAClosedLoopHasAVerdict(t *testing.T) {
	for want, values := range map[string]map[string]float64{
		"":                          {"generator_cpu_share": 0.5, "edge_cpu_share": 1},
		"it used 95 % of the CPU":   {"generator_cpu_share": 0.95, "edge_cpu_share": 0.5},
		"it shares 99 % busy cores": {"generator_cpu_share": 0.5, "edge_cpu_share": 0.49, "shared_cpu_share": 0.99},
	} {
		f := loadFixture(6, func(int) int64 { return 0 }, values)
		f.m.Arms[0].Arm.Arrivals, f.m.Arms[0].Arm.Rate, f.m.Arms[0].Arm.Concurrency = closedLoop, "", 8
		s := f.summary()
		require.Len(t, s.Generators, 1)
		assert.Equal(t, want != "", s.Generators[0].Bound)
		assert.Contains(t, strings.Join(s.Generators[0].Reasons, "\n"), want)
	}
}

// Latency runs from the intended instant, a drop is longer than everything, and a single run has intervals, too.
func TestRateRows(t *testing.T) {
	f := loadFixture(1, func(int) int64 { return 5e5 }, nil)
	for i := range 40 { // 2 %
		s := &f.samples[i*50]
		s.Class, s.Sent, s.Completed = results.ClassDropped, 0, s.Intended
	}
	f.trials[0].Completed, f.trials[0].Dropped = 1960, 40
	look := lookup{f.summary()}
	arm := f.m.Arms[0].Arm
	p50 := look.row(rate, "latency_p50", arm)
	require.NotNil(t, p50)
	assert.InEpsilon(t, 2.01e6, *p50.Value, 0.01)
	require.NotNil(t, p50.Low, "over stretches of the run")
	assert.Less(t, *p50.Low, *p50.Value)
	assert.Nil(t, look.row(rate, "latency_p99", arm), "it lies among the drops")
	late := look.row(rate, "lateness_p50", arm)
	require.NotNil(t, late)
	assert.InDelta(t, 5e5, *late.Value, 1)
}

// A rate whose 99th percentile lies among the failures is drawn with an arrow, not left out.
func TestRatesBeyondTheKnee(t *testing.T) {
	f := loadFixture(1, func(int) int64 { return 0 }, nil)
	arm, trial := f.m.Arms[0], f.trials[0]
	arm.Arm.Rate, trial.Arm = "2000/s", 1
	trial.Values = map[string]float64{"offered_rate": 2000}
	f.m.Arms, f.trials = append(f.m.Arms, arm), append(f.trials, trial)
	for i, s := range f.samples {
		if s.Arm = 1; i%20 == 0 {
			s.Class = results.ClassTimeout
		}
		f.samples = append(f.samples, s)
	}
	s := f.summary()
	d := &drawer{run: f.run(), s: s, look: lookup{s}, palette: newPalette(f.m)}
	points := d.loadPoints(&d.run.arms[1])
	require.Len(t, points, 1)
	assert.True(t, math.IsInf(points[0].p99, 1))
	assert.InDelta(t, 1.5, points[0].p50, 0.1)
	figure, ok := d.overload(rate, "handshakes")()
	require.True(t, ok)
	assert.Contains(t, figure.Caption, "n = 2000 handshakes a point")
}

// kneeFixture is a search with a curve that rises towards a knee of 900 a second.
func kneeFixture() *fixture {
	f := newFixture(6, 0)
	f.m.Experiments = []results.Experiment{{Name: kneeSearch, Blocks: 6, Done: 6}}
	for n, group := range []string{"X25519", "X25519MLKEM768"} {
		f.m.Arms = append(f.m.Arms, results.ArmOf{Experiment: kneeSearch, Arm: results.Arm{Group: group, Load: "handshakes", Arrivals: "poisson"}})
		capacity := 1000 - 150*float64(n)
		for b := range 6 {
			t := results.Trial{Experiment: kneeSearch, Arm: n, Block: b, Started: 1, Finished: 2, Values: map[string]float64{
				"knee_rate": (0.9 + 0.01*float64(b)) * capacity, "knee_verified": 1, "p99_at_50": 5e6, "calibration_passed": float64(1 - n),
			}}
			for _, r := range []float64{100, 200, 400, 600, 800, 850, 1200} {
				p := results.Probe{Rate: r, Stage: "doubling", Scheduled: 1000, Completed: 1000, Pass: r < 0.9*capacity}
				if r < capacity {
					p50, p99 := 1e6*capacity/(capacity-r), 4.6e6*capacity/(capacity-r)
					p.P50, p.P99 = &p50, &p99
				} else {
					p.Completed, p.Dropped = 600, 400
				}
				t.Probes = append(t.Probes, p)
			}
			f.trials = append(f.trials, t)
		}
	}
	f.m.Pairs = []results.Pair{{Arm: 1, Base: 0, Kind: "group"}}
	return f
}

// The knee is told with its verdict, drawn, and its points are medians that know a failure from what was not measured.
func TestKnee(t *testing.T) {
	f := kneeFixture()
	s := f.summary()
	require.Len(t, s.Generators, 2)
	assert.False(t, s.Generators[0].Bound)
	assert.True(t, s.Generators[1].Bound)
	assert.Contains(t, s.Generators[1].Reasons[0], "did not keep up with the next rate either")

	late := kneeFixture()
	for i := range late.trials {
		late.trials[i].Values["sent_p99_at_50"] = 4.9e6 // every p99 at 50 % is 5 ms
	}
	assert.Equal(t, []string{"its lateness moves the 99th percentile at 50 % of the knee: 5.000 ms from the intended instant, 4.900 ms since it was sent"}, late.summary().Generators[0].Reasons)

	few := kneeFixture()
	few.trials = slices.DeleteFunc(few.trials, func(t results.Trial) bool { return t.Block > 0 })
	for sent, bound := range map[float64]bool{4.9e6: false, 4e6: true} { // without an interval a tenth is tolerated
		few.trials[0].Values["sent_p99_at_50"] = sent
		assert.Equal(t, bound, few.summary().Generators[0].Bound, "%g", sent)
	}

	r := f.run()
	points := probePoints(&r.arms[0])
	require.Len(t, points, 6, "800 and 850 are one point")
	assert.InDelta(t, 100, points[0].rate, 1e-9)
	assert.InEpsilon(t, 4.6/0.9, points[0].p99, 1e-9)
	assert.True(t, math.IsInf(points[5].p99, 1))
	figures := r.figures(s)
	require.Len(t, figures, 1)
	assert.Equal(t, "knee-handshakes", figures[0].Name)
	svg, err := figures[0].svg()
	require.NoError(t, err)
	assert.Contains(t, string(svg), "knee 925/s")
}
