package bench

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/bench/knee"
	"pqbench/bench/role"
	"pqbench/loadgen"
	"pqbench/results"
)

// A knee beyond which units were dropped before any could take as long as the bound is not verified; one whose bound allows
// fewer in flight than there may be is.
func TestAKneeOfTheUnitsInFlight(t *testing.T) {
	for bound, doubted := range map[time.Duration]bool{500 * time.Millisecond: true, 100 * time.Millisecond: false} {
		r := &runner{}
		s := kneeSearch{r: r, p: part{Experiment: &Experiment{Load: Load{Drive: driveRequests, Bounds: Bounds{MaxP99: Duration(bound)}}}}}
		trial := results.Trial{Values: map[string]float64{"knee_verified": 1}, Probes: []results.Probe{{Rate: 4000, Dropped: 7}}}
		s.crowded(&trial, knee.Result{Knee: 3900, Beyond: 4000})
		assert.Equal(t, doubted, trial.Values["knee_verified"] == 0)
		assert.Equal(t, doubted, len(r.manifest.Warnings) > 0)
	}
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]Rate{"50/s": 50, "3000/m": 50, "60/min": 1, "7200/h": 2, "12.5": 12.5, "1e3/s": 1000} {
		got, err := ParseRate(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "0", "0/s", "-1/s", "NaN", "Inf/s", "50/", "50/d", "fast", "1/s/s"} {
		_, err := ParseRate(text)
		assert.Error(t, err, text)
	}
}

// What is read is above zero and finite, and reads the same when it is written.
func FuzzParseRate(f *testing.F) {
	for _, seed := range []string{"50/s", "3000/m", "1e-9/h", "1e308", "0x10/s", "junk", "5/s/s", "1_000/s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRate(text)
		if err != nil {
			return
		}
		if !(r > 0) || math.IsInf(float64(r), 1) {
			t.Fatalf("%q is %g", text, float64(r))
		}
		again, err := ParseRate(r.String())
		if err != nil || math.Abs(float64(again/r)-1) > 1e-5 {
			t.Fatalf("%q is written %q, which reads %v, %v", text, r, again, err)
		}
	})
}

func load(t *testing.T, fields string) (*Experiment, error) {
	t.Helper()
	p, err := ParsePlan("x", []byte("experiments:\n  - groups: [X25519, X25519MLKEM768]\n"+fields))
	if err != nil {
		return nil, err
	}
	return &p.Experiments[0], nil
}

func TestLoadPlanRefuses(t *testing.T) {
	for fields, want := range map[string]string{
		"    run: rate\n": "say one of rates, phases, trace and loop: closed",
		"    run: rate\n    rates: [1/s]\n    loop: closed\n":                                           "say one of",
		"    run: rate\n    rates: [1/s, 60/m]\n":                                                       "listed twice",
		"    run: rate\n    rates: [fast]\n":                                                            "not a rate above zero",
		"    run: rate\n    rates: [1/s]\n    arrivals: burst\n":                                        "unknown arrivals",
		"    run: rate\n    rates: [1/s]\n    arrivals: trace\n":                                        "go together",
		"    run: rate\n    rates: [1/s]\n    procs: 300\n":                                             "out of range",
		"    run: rate\n    rates: [1000000/s]\n    time: 1m\n":                                         "shorter or slower",
		"    run: rate\n    phases: [{name: a, time: 1s, rate: 1/s, warmup: true}]\n":                   "all of them are warm-up",
		"    run: rate\n    phases: [{name: a, time: 1s, rate: 1/s}, {name: a, time: 1s, rate: 1/s}]\n": "taken",
		"    run: rate\n    rates: [1/s]\n    target: {address: nowhere}\n":                             "no HOST:PORT",
		"    run: rate\n    rates: [1/s]\n    drive: requests\n    target: {address: 'a:1'}\n":          "need a local edge",
		"    run: rate\n    rates: [1/s]\n    target: {adress: 'a:1'}\n":                                `unknown field "adress"`,
		"    run: knee\n    loop: closed\n":                                                             "no knee",
		"    run: knee\n    rates: [1/s]\n":                                                             "does not apply",
		"    run: knee\n    min_completed: 2\n":                                                         "out of range",
		"    run: rate\n    loop: closed\n    procs: 2\n    concurrency: [1]\n":                         "too little for 2 processes",
		"    run: wire\n    target: {address: 'a:1'}\n":                                                 "does not apply",
	} {
		_, err := load(t, fields)
		assert.ErrorContains(t, err, want, fields)
	}
}

// Phases that are measured are arms of one trial; a warm-up is none.
func TestPhasesAreArms(t *testing.T) {
	e, err := load(t, "    run: rate\n    arrivals: constant\n    edge_cores: [1]\n    phases: [{name: w, time: 1s, rate: 9/s, warmup: true}, {name: a, time: 1s, rate: 1/s}, {name: b, time: 1s, rate: 1/s, to: 3/s}]\n")
	require.NoError(t, err)
	arms, _ := e.arms()
	var names []string
	for i := range arms {
		arms[i].id = i
		names = append(names, arms[i].Arm.String())
	}
	const same = "/cert=ecdsa-p256/load=handshakes/arrivals=constant/rate="
	assert.Equal(t, []string{
		"group=X25519" + same + "1/phase=a/edge_cores=1", "group=X25519MLKEM768/kem=go" + same + "1/phase=a/edge_cores=1",
		"group=X25519" + same + "1..3/phase=b/edge_cores=1", "group=X25519MLKEM768/kem=go" + same + "1..3/phase=b/edge_cores=1",
	}, names)
	first, followers := leads(arms)
	require.Len(t, first, 2)
	assert.Equal(t, []int{0, 2}, []int{followers[0][0].id, followers[0][1].id})
	assert.Equal(t, []int{1, 3}, []int{followers[1][0].id, followers[1][1].id})
}

// Every sample lands in its phase, and the accounting of each holds.
func TestOfferedFillsPhases(t *testing.T) {
	phases := []loadgen.Phase{{Time: time.Second, Warmup: true}, {Time: time.Second}, {Time: time.Second}}
	o := offered{phases: phases, start: 10, halted: int64(2500 * time.Millisecond), byPhase: make([][]results.Sample, 3)}
	sample := func(ms int64, class string) results.Sample {
		at := o.start + ms*1e6
		return results.Sample{Intended: at, Sent: at, Completed: at + 2e6, Class: class}
	}
	o.byPhase[1] = []results.Sample{sample(1000, ""), sample(1500, results.ClassTimeout), sample(1999, ""), sample(1999, results.ClassDropped)}
	o.byPhase[2] = []results.Sample{sample(2000, "")}
	o.cpu = make([]cpuTimesOf, 4)
	var a, b results.Trial
	o.fill(&a, 1, generator{})
	assert.Equal(t, []int{4, 2, 1, 1}, []int{a.Scheduled, a.Completed, a.Failed, a.Dropped})
	assert.Equal(t, 4.0, a.Values["offered_rate"])
	assert.Equal(t, 1.0, a.Values["achieved_rate"], "the second was complete after the phase's end")
	assert.Equal(t, 0.5, a.Values["completed_share"])
	o.fill(&b, 2, generator{})
	assert.InEpsilon(t, 2.0, b.Values["offered_rate"], 1e-6, "one in the half second until it was halted")
}

// What is scheduled in the calibration counts as got through when it is complete at the calibration's end; what is
// intended in the last moment before it need not be.
func TestCalibrationCountsWhatIsCompleteInTime(t *testing.T) {
	end := int64(3 * time.Second)
	due := func(n int, completed int64) (out []results.Sample) {
		for i := range n {
			out = append(out, results.Sample{Intended: int64(i) * 1e6, Sent: int64(i) * 1e6, Completed: completed})
		}
		return out
	}
	late := results.Sample{Intended: end - int64(grace) + 1, Completed: end + 1e9}
	dropped := results.Sample{Intended: 1, Completed: 1, Class: results.ClassDropped}
	for name, c := range map[string]struct {
		samples []results.Sample
		want    float64
	}{
		"all in time":          {due(10, end), 1},
		"one in flight at end": {append(due(10, end), late), 1},
		"a backlog":            {append(due(9, end), due(1, end+1)...), 0.9},
		"a drop":               {append(due(9, end), dropped), 0.9},
	} {
		assert.InDelta(t, c.want, calibrationValues(c.samples, end)["calibration_completed_share"], 1e-9, name)
	}
	assert.Empty(t, calibrationValues([]results.Sample{late}, end), "nothing was due")
}

// A generator is calibrated at the most that it will have to do.
func TestCalibrationIsAtTheGreatestRate(t *testing.T) {
	assert.Equal(t, loadgen.Phase{Name: "calibration", Time: calibration, From: 100, To: 100}, steady(loadgen.Phase{Time: time.Minute, From: 10, To: 100}))
	assert.Equal(t, loadgen.Phase{Name: "calibration", Time: time.Second, From: 50, To: 50}, steady(loadgen.Phase{Time: time.Second, From: 50, To: 50}))

	burst := steady(loadgen.TracePhase([]time.Duration{0, time.Minute, time.Minute + 1, time.Minute + time.Second, 2 * time.Minute}))
	assert.Equal(t, []time.Duration{0, 1, time.Second}, burst.Recorded, "the busiest stretch")
	assert.Equal(t, time.Second+calibration/4, burst.Time)
	for _, trace := range [][]time.Duration{{0, 0}, {0}, {5 * time.Second}} {
		phase := steady(loadgen.TracePhase(trace))
		at, err := loadgen.Schedule([]loadgen.Phase{phase}, 1)
		require.NoError(t, err)
		assert.NotEmpty(t, at)
		assert.NotEmpty(t, calibrationValues([]results.Sample{{Intended: at[0], Sent: at[0], Completed: at[0] + 1000}}, int64(phase.Time)))
	}
}

// A burst has no rate, and what it takes until all of it has ended is its own.
func TestABurstHasNoRate(t *testing.T) {
	at := make([]time.Duration, 100)
	for i := range at {
		at[i] = 500 * time.Millisecond
	}
	trace := func(of loadgen.Phase) results.Trial {
		o := &offered{phases: []loadgen.Phase{of}, halted: int64(of.Time), byPhase: make([][]results.Sample, 1), cpu: []cpuTimesOf{{known: true}, {known: true, edge: 1e5}},
			drained: 2e9, spent: cpuTimesOf{known: true, edge: 1e8}}
		for _, instant := range of.Recorded {
			o.byPhase[0] = append(o.byPhase[0], results.Sample{Intended: int64(instant), Sent: int64(instant), Completed: int64(instant) + 1e9})
		}
		var trial results.Trial
		o.fill(&trial, 0, generator{edge: &role.Proc{}})
		return trial
	}
	of := trace(loadgen.TracePhase(at)).Values
	assert.NotContains(t, of, "offered_rate")
	assert.NotContains(t, of, "achieved_rate")
	assert.InDelta(t, 1e6, of["edge_cpu_per_unit"], 1, "1e8 ns over 100 units")
	assert.InDelta(t, 0.05/float64(processors()), of["edge_cpu_share"], 1e-9, "1e8 of 2e9 ns")

	slow := trace(loadgen.TracePhase([]time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second})).Values
	assert.InDelta(t, 1, slow["offered_rate"], 1e-9)
	assert.InDelta(t, 1, slow["achieved_rate"], 1e-9, "the last one is complete at 4 s")
}

// Phases that a schedule did not come to have no trial, and the CPU time of one that was cut to nothing is not told.
func TestPhasesThatWereNotReached(t *testing.T) {
	o := &offered{phases: []loadgen.Phase{{Time: time.Second}, {Time: time.Second}, {Time: time.Second}}, start: 5, halted: int64(1010 * time.Millisecond)}
	assert.True(t, o.reached(0))
	assert.True(t, o.reached(1))
	assert.False(t, o.reached(2))
	o.byPhase = make([][]results.Sample, 3)
	o.cpu = []cpuTimesOf{{known: true}, {known: true, generator: 1e8}, {known: true, generator: 3e8}, {known: true, generator: 3e8}}
	var whole, cut results.Trial
	o.fill(&whole, 0, generator{})
	o.fill(&cut, 1, generator{})
	assert.InDelta(t, 0.1/float64(processors()), whole.Values["generator_cpu_share"], 1e-9)
	assert.NotContains(t, cut.Values, "generator_cpu_share", "of 10 ms")
}
