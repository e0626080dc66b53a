package compare

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

// made is a Source of made-up rounds. A round of an experiment costs cost; the arms of a round have noise of their own
// with heavy tails, and a level that the machine gives all of them.
type made struct {
	r       *rand.Rand
	metrics map[string][]string      // by experiment
	noise   float64                  // of one arm in one round, as a share
	effect  map[string]float64       // of the head, as a share, by experiment and metric
	from    int                      // the round that effects begin at
	until   int                      // and that they end before; 0 for never
	cost    time.Duration            //
	lack    map[string]Arm           // experiments that an arm cannot do
	both    bool                     // nor can the other side's
	silent  map[string][]Arm         // arms without a value, by the metric's name
	fail    map[string]error         // experiments that end in an error
	made    map[string]int           // rounds, by experiment
	drift   func(number int) float64 // of base again against base
	exact   bool                     // of wire, every round is the same
}

func (m *made) Round(_ context.Context, experiment string) (Round, error) {
	if a, ok := m.lack[experiment]; ok {
		return Round{}, lackError{arm: a, err: errors.New("rpc: can't find method Role.Fly"), both: m.both}
	}
	if err := m.fail[experiment]; err != nil {
		return Round{}, err
	}
	number := m.made[experiment]
	m.made[experiment]++
	r := Round{Experiment: experiment, Number: number, Cost: m.cost}
	machine := math.Exp(0.2 * m.r.NormFloat64())
	for a := range arms {
		r.Arms[a] = Values{}
		own := m.noise * m.r.NormFloat64()
		if m.r.IntN(20) == 0 {
			own *= 4 // somebody else used the machine
		}
		for _, name := range m.metrics[experiment] {
			v := 1e6 * machine * math.Exp(own)
			if m.exact && experiment == "wire" {
				v = 1e6
			}
			if a == Head && number >= m.from && (m.until == 0 || number < m.until) {
				v *= 1 + m.effect[experiment+"/"+name]
			}
			if a == Again && m.drift != nil {
				v *= 1 + m.drift(number)
			}
			if !slices.Contains(m.silent[name], a) {
				r.Arms[a][name] = v
			}
		}
	}
	return r, nil
}

// handshakesAlone is the default plan's handshake experiment, alone: with the scatter of a round whose arms take eight turns
// of 50 handshakes on two shared cores, 6.4 % for a hundred handshakes and 2 % for a process, and the time it takes. Arms at
// once scatter less: what holds here holds there.
func handshakesAlone(t *testing.T, seed uint64) (Plan, *made) {
	plan, err := OpenPlan("")
	require.NoError(t, err)
	plan.Experiments = []Experiment{plan.experiment("handshake")}
	names := []string{}
	for _, m := range plan.metrics() {
		names = append(names, m.Name)
	}
	return plan, &made{
		r: rand.New(rand.NewPCG(seed, 1)), metrics: map[string][]string{"handshake": names}, made: map[string]int{},
		noise: math.Hypot(0.064/2, 0.02) / math.Sqrt2, // both are of a ratio of two arms
		cost:  2 * time.Second, effect: map[string]float64{},
	}
}

// decideMade runs the procedure.
func decideMade(t *testing.T, plan Plan, m *made, budget time.Duration) Outcome {
	o, err := Procedure{Budget: budget}.Run(t.Context(), plan, m)
	require.NoError(t, err)
	return o
}

// found reports whether anything regressed, and whether anything at all differs.
func found(o Outcome) (regressed, any bool) {
	for _, f := range o.Findings {
		regressed = regressed || f.Verdict == results.VerdictRegressed
		any = any || f.Verdict == results.VerdictRegressed || f.Verdict == results.VerdictImproved
	}
	return regressed, any
}

// rates are how often a comparison finds a regression of CPU per handshake.
func rates(t *testing.T, effect float64, budget time.Duration, comparisons int) (regressed, unchanged float64) {
	var alarms, passes int
	for seed := range comparisons {
		plan, m := handshakesAlone(t, uint64(seed))
		for _, name := range []string{"total_cpu", "client_cpu", "server_cpu"} {
			m.effect["handshake/"+name] = effect
		}
		o := decideMade(t, plan, m, budget)
		if r, _ := found(o); r {
			alarms++
		}
		if o.Findings[2].Verdict == results.VerdictUnchanged {
			passes++
		}
	}
	return float64(alarms) / float64(comparisons), float64(passes) / float64(comparisons)
}

// The figures that the gate promises, on rounds with the known scatter.
func TestProcedureFigures(t *testing.T) {
	const n = 100
	alarms, _ := rates(t, 0, 5*time.Minute, n)
	assert.LessOrEqual(t, alarms, 0.02, "false alarms")
	one, _ := rates(t, 0.01, 5*time.Minute, n)
	assert.GreaterOrEqual(t, one, 0.60, "1 % in five minutes")
	two, _ := rates(t, 0.02, 5*time.Minute, n)
	assert.GreaterOrEqual(t, two, 0.95, "2 % in five minutes")
	five, _ := rates(t, 0.05, time.Minute, n)
	assert.Equal(t, 1.0, five, "5 % in one minute")
	better, _ := rates(t, -0.02, 5*time.Minute, n)
	assert.Zero(t, better, "what got faster is no regression")
	t.Logf("false alarms %.3f, 1 %% %.3f, 2 %% %.3f, 5 %% in a minute %.3f", alarms, one, two, five)
}

// verdicts are those of a comparison, by metric.
func verdicts(o Outcome) map[string]string {
	v := map[string]string{}
	for _, f := range o.Findings {
		v[f.Name] = f.Verdict
	}
	return v
}

func findingOf(t *testing.T, o Outcome, name string) Finding {
	for _, f := range o.Findings {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no finding of %s", name)
	return Finding{}
}

// What was there for a while only, because the machine was disturbed just then, is not confirmed.
func TestDisturbanceIsNoRegression(t *testing.T) {
	wrong := 0
	for seed := range 40 {
		plan, m := handshakesAlone(t, uint64(seed))
		m.effect["handshake/total_cpu"] = 0.15
		m.until = 29 // the rounds before the first look
		o := decideMade(t, plan, m, 5*time.Minute)
		f := findingOf(t, o, "total_cpu")
		wrong += map[bool]int{true: 1}[f.Verdict == results.VerdictRegressed]
		if f.Verdict != results.VerdictRegressed {
			assert.Contains(t, f.Note, "but not when it was measured again", "seed %d", seed)
		}
	}
	assert.LessOrEqual(t, wrong, 8, "of 40: the level of the second measurement is 20 %")
}

// A host on which the same program differs from itself is not believed.
func TestSpoiledCalibration(t *testing.T) {
	plan, m := handshakesAlone(t, 1)
	m.effect["handshake/total_cpu"] = 0.10
	m.drift = func(int) float64 { return 0.05 }
	f := findingOf(t, decideMade(t, plan, m, 5*time.Minute), "total_cpu")
	assert.Equal(t, results.VerdictInconclusive, f.Verdict)
	assert.Contains(t, f.Note, "the A/A calibration found a difference of +")
}

func TestImprovementIsConfirmed(t *testing.T) {
	plan, m := handshakesAlone(t, 2)
	m.effect["handshake/total_cpu"] = -0.05
	o := decideMade(t, plan, m, 5*time.Minute)
	f := findingOf(t, o, "total_cpu")
	assert.Equal(t, results.VerdictImproved, f.Verdict)
	require.NotNil(t, f.Confirmation)
	assert.InDelta(t, -0.05, f.Confirmation.Difference, 0.03)
	assert.InDelta(t, -0.05, f.Difference, 0.03)
	for _, one := range o.Findings {
		assert.NotEqual(t, results.VerdictRegressed, one.Verdict, one.Name)
	}
}

func TestNothingInNoTime(t *testing.T) {
	plan, m := handshakesAlone(t, 3)
	m.effect["handshake/total_cpu"] = 1
	o := decideMade(t, plan, m, 5*time.Second)
	f := findingOf(t, o, "total_cpu")
	assert.Equal(t, results.VerdictInconclusive, f.Verdict)
	assert.Equal(t, "too few rounds: 2, and at least 6 are needed", f.Note)
	assert.Equal(t, 4, f.More)
}

// The rounds that a finding asks for do decide it.
func TestMoreRoundsDecide(t *testing.T) {
	open, decided := 0, 0
	for seed := range 40 {
		plan, m := handshakesAlone(t, uint64(seed))
		f := findingOf(t, decideMade(t, plan, m, 2*time.Minute), "total_cpu")
		if f.More == 0 || f.Verdict != results.VerdictInconclusive {
			continue
		}
		open++
		plan, m = handshakesAlone(t, uint64(seed))
		longer := time.Duration(1.5*float64(f.Rounds+f.More)/0.75) * m.cost
		if again := findingOf(t, decideMade(t, plan, m, longer), "total_cpu"); again.Verdict != results.VerdictInconclusive {
			decided++
		}
	}
	require.Greater(t, open, 5)
	assert.Greater(t, float64(decided)/float64(open), 0.6, "of %d", open)
}

// everything is the whole default plan, with all its metrics made up. Numbers of the protocol are what the machine's mood
// and the noise leave alone.
func everything(t *testing.T) (Plan, *made) {
	plan, m := handshakesAlone(t, 7)
	plan, err := OpenPlan("")
	require.NoError(t, err)
	for _, metric := range plan.metrics() {
		m.metrics[metric.Experiment] = append(m.metrics[metric.Experiment], metric.Name)
	}
	return plan, m
}

func TestLacking(t *testing.T) {
	plan, m := everything(t)
	m.lack = map[string]Arm{"goodput": Base, "requests": Head}
	o := decideMade(t, plan, m, time.Minute)
	assert.Equal(t, results.VerdictNew, findingOf(t, o, "cpu_per_gb").Verdict)
	assert.Equal(t, results.VerdictMissing, findingOf(t, o, "edge_cpu").Verdict)
	assert.Contains(t, findingOf(t, o, "edge_cpu").Note, "the head lacks it")
	assert.NotZero(t, m.made["kex-go"], "the others go on")
	c := comparison{Options: Options{Plan: plan}}
	f := c.findings(o, failed{})
	assert.Equal(t, results.VerdictRegressed, f.Verdict(), "what the head lost is no pass")
	assert.Contains(t, f.Warnings[0], "requests was not compared: the head lacks it")
}

// What both sides lack is the plan's affair: nothing is said of it, and it is no pass. Who is asked first must not matter.
func TestBothLack(t *testing.T) {
	for _, first := range []Arm{Base, Again, Head} {
		plan, m := everything(t)
		m.lack, m.both = map[string]Arm{"goodput": first}, true
		f := findingOf(t, decideMade(t, plan, m, time.Minute), "cpu_per_gb")
		assert.Equal(t, results.VerdictInconclusive, f.Verdict)
		assert.Contains(t, f.Note, "both sides lack it")
	}
}

// A number that a side never has: lost by the head it is no pass, new in the head it is none yet, and one that this host
// does not tell holds up nothing.
func TestSilentMetrics(t *testing.T) {
	plan, m := everything(t)
	m.exact = true
	m.silent = map[string][]Arm{
		"server_allocs": {Head}, "server_datagrams": {Head},
		"client_allocs": {Base, Again}, "client_datagrams": {Base, Again},
		"client_peak_memory": {Base, Again, Head},
	}
	o := decideMade(t, plan, m, 5*time.Minute)
	for name, want := range map[string]string{
		"server_allocs": results.VerdictMissing, "server_datagrams": results.VerdictMissing,
		"client_allocs": results.VerdictNew, "client_datagrams": results.VerdictNew, "client_peak_memory": results.VerdictNew,
	} {
		assert.Equal(t, want, findingOf(t, o, name).Verdict, name)
	}
	assert.Contains(t, findingOf(t, o, "client_peak_memory").Note, "neither side has a value")
	assert.Equal(t, results.VerdictRegressed, comparison{Options: Options{Plan: plan}}.findings(o, failed{}).Verdict())
}

// A source that ends in the middle leaves what was found.
func TestErrorKeepsWhatWasFound(t *testing.T) {
	plan, m := everything(t)
	m.fail = map[string]error{"goodput": errors.New("the machine is on fire")}
	o, err := Procedure{Budget: time.Minute}.Run(t.Context(), plan, m)
	require.ErrorContains(t, err, "on fire")
	assert.NotEmpty(t, o.Rounds)
	for _, f := range o.Findings {
		assert.Equal(t, results.VerdictInconclusive, f.Verdict, f.Key)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Procedure{}.Run(ctx, plan, m)
	require.ErrorIs(t, err, context.Canceled)
}

// The time is shared as the plan says, and not exceeded by more than a round.
func TestTimeIsShared(t *testing.T) {
	plan, m := everything(t)
	m.noise = 0.3 // nothing is decided early
	o := decideMade(t, plan, m, 5*time.Minute)
	assert.LessOrEqual(t, o.Spent, 5*time.Minute*3/4+m.cost)
	total := 0
	for _, n := range m.made {
		total += n
	}
	for _, e := range plan.Experiments[1:4] {
		assert.InDelta(t, e.Share/100, float64(m.made[e.Name])/float64(total), 0.03, e.Name)
	}
}

func TestExact(t *testing.T) {
	m, _ := results.MetricByName("client_bytes")
	for _, c := range []struct {
		base, again, head float64
		want              string
	}{
		{3840, 3840, 3840, results.VerdictUnchanged}, {3840, 3840, 3841, results.VerdictRegressed}, {3840, 3840, 3839, results.VerdictImproved},
		{3840, 3841, 3841, results.VerdictInconclusive}, {3840, 3840, math.NaN(), results.VerdictInconclusive},
	} {
		calm := &Round{Arms: [arms]Values{{"client_bytes": c.base}, {"client_bytes": c.again}, {"client_bytes": c.head}}}
		busy := &Round{Arms: [arms]Values{{"client_bytes": c.base + 1280}, {"client_bytes": c.again}, {"client_bytes": c.head + 40}}}
		f := Finding{Metric: Metric{Metric: m}}
		f.exact(series{busy, calm})
		assert.Equal(t, c.want, f.Verdict, "%v", c)
	}
	f := Finding{Metric: Metric{Metric: m}}
	f.exact(nil)
	assert.Equal(t, results.VerdictInconclusive, f.Verdict, "not measured")
}

// A byte more is found in every comparison, measured again; one that only a disturbed round had is not.
func TestByteMore(t *testing.T) {
	for name, c := range map[string]struct {
		until int
		want  string
	}{"always": {0, results.VerdictRegressed}, "at first": {1, results.VerdictUnchanged}} {
		plan, m := everything(t)
		m.exact, m.cost, m.until = true, 500*time.Millisecond, c.until
		m.effect["wire/clienthello_bytes"] = 1.0 / 1474
		f := findingOf(t, decideMade(t, plan, m, time.Minute), "clienthello_bytes")
		assert.Equal(t, c.want, f.Verdict, name)
	}
}
