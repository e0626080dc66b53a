package compare

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/bench/role"
	"pqbench/results"
)

var (
	aHead = tapeHead{Commit: "abc", Go: "go1.26.8", Host: results.Host{CPU: "a fast one", Cores: 2}, Program: "p", Plan: "q"}
	anArm = [arms]Values{{"x": 1}, {"x": 2}, {"x": 3}}
	work  = []role.Busy{{Client: 1, Server: 2}, {Client: 3, Server: 4}, {Client: 5, Server: 6}}
)

// recorded is a tape of two rounds.
func recorded(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "tape.jsonl")
	tape, err := openTape(path, aHead)
	require.NoError(t, err)
	require.NoError(t, tape.begin(work))
	for _, name := range []string{"wire", "goodput"} {
		require.NoError(t, tape.add(taped{Experiment: name, Arms: anArm, Cost: time.Second}))
	}
	tape.close()
	return path
}

func TestTapeIsResumed(t *testing.T) {
	path := recorded(t)
	// A crash in the middle of a line.
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(`{"experiment":"wi`)
	require.NoError(t, err)
	require.NoError(t, file.Close())

	tape, err := openTape(path, aHead)
	require.NoError(t, err)
	assert.Equal(t, work, tape.head.Busy)
	assert.Equal(t, 2*time.Second, tape.spent())
	require.NoError(t, tape.add(taped{Experiment: "wire", Arms: anArm, Cost: 3 * time.Second}))
	tape.close()

	tape, err = openTape(path, aHead)
	require.NoError(t, err)
	tape.close()
	assert.Equal(t, map[string]time.Duration{"wire": 4 * time.Second, "goodput": time.Second}, tape.spentOn())
}

func TestTapeOfSomethingElse(t *testing.T) {
	path := recorded(t)
	for want, head := range map[string]tapeHead{
		"it was recorded with abc on go1.26.8, and this is abd on go1.26.8": {Commit: "abd", Go: aHead.Go, Host: aHead.Host},
		"it was recorded on another host (CPU: a fast one and a slow one)":  {Commit: aHead.Commit, Go: aHead.Go, Host: results.Host{CPU: "a slow one", Cores: 2}, Program: "p", Plan: "q"},
		"it was recorded with another build of abc":                         {Commit: aHead.Commit, Go: aHead.Go, Host: aHead.Host, Program: "changed", Plan: "q"},
		"it was recorded with another plan":                                 {Commit: aHead.Commit, Go: aHead.Go, Host: aHead.Host, Program: "p", Plan: "changed"},
	} {
		_, err := openTape(path, head)
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, "remove it, or choose another folder")
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for old, now := range map[string]string{`"schema":3`: `"schema":2`, `{"Client":1,"Server":2},`: "", `"cost":1000000000`: `"cost":0`, `{"exp`: `{exp`, `{"x":2},`: "", `"arms"`: `"burden":4,"arms"`} {
		require.Contains(t, string(text), old)
		require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), old, now, 1)), 0o644))
		_, err := openTape(path, aHead)
		assert.ErrorContains(t, err, "line ", now)
	}
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	_, err = openTape(path, aHead)
	assert.ErrorContains(t, err, "it has no head")
}

// Whatever the bytes, what is read is whole lines of rounds that can be drawn.
func FuzzTape(f *testing.F) {
	head, err := json.Marshal(tapeHead{Schema: tapeSchema, Busy: work})
	require.NoError(f, err)
	f.Add(append(head, []byte("\n"+`{"experiment":"wire","arms":[{"x":1},{"x":2},{"x":3}],"cost":5}`+"\n")...))
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"experiment"`))
	f.Fuzz(func(t *testing.T, text []byte) {
		tape := &tape{}
		whole, err := tape.read(bytes.NewReader(text))
		if err != nil {
			return
		}
		if whole > int64(len(text)) || whole > 0 && text[whole-1] != '\n' {
			t.Fatalf("%d of %d bytes are whole lines", whole, len(text))
		}
		for _, r := range tape.rounds {
			if r.whole() != nil {
				t.Errorf("read %+v", r)
			}
		}
	})
}

// handshakeTape is a tape of handshakes whose arms have a noise, and whose burdens are what they say. The base again is
// slower than the others throughout, by chance.
func handshakeTape(rounds int, noise float64) *tape {
	r := rand.New(rand.NewPCG(1, 1))
	tape := &tape{}
	for range rounds {
		one := taped{Experiment: burdened, Burden: tape.next(Experiment{Name: burdened}), Cost: 2 * time.Second}
		for a := range arms {
			v := 1e6 * math.Exp(noise*r.NormFloat64())
			if a == Again {
				v *= 1.003
			}
			if a == Head && one.Burden > 0 {
				v *= 1 + burdens[one.Burden-1]
			}
			one.Arms[a] = Values{"total_cpu": v, "client_cpu": v, "server_cpu": v}
		}
		tape.rounds = append(tape.rounds, one)
	}
	return tape
}

// A burden that was calibrated badly is drawn as what it was meant to be, and told as what it came out as.
func TestBurdensAreLevelled(t *testing.T) {
	tape := handshakeTape(400, 0.001)
	for _, r := range tape.rounds {
		if r.Burden > 0 {
			for name := range r.Arms[Head] {
				r.Arms[Head][name] *= 1.02
			}
		}
	}
	var r Report
	rounds := tape.pools()
	r.realise(rounds)
	assert.InDelta(t, 1.01*1.02-1, r.Realised[0].share(), 0.003)
	before := rounds[pool{burdened, 1}][0].Arms
	r.level(rounds)
	var after Report
	after.realise(rounds)
	for i, meant := range burdens {
		assert.InDelta(t, meant, after.Realised[i].share(), 1e-4)
	}
	one := rounds[pool{burdened, 1}][0].Arms
	assert.Equal(t, before[Base], one[Base])
	assert.Greater(t, before[Head]["server_cpu"], one[Head]["server_cpu"])
	recorded := tape.rounds[slices.IndexFunc(tape.rounds, func(r taped) bool { return r.Burden == 1 })]
	assert.Equal(t, before, recorded.Arms, "the tape is as it was")
}

// What the tape is of is told apart by what it says.
func TestTapeHeadNamesPlanAndProgram(t *testing.T) {
	plan, err := OpenPlan("")
	require.NoError(t, err)
	one, err := newTapeHead(plan)
	require.NoError(t, err)
	again, err := newTapeHead(plan)
	require.NoError(t, err)
	assert.Equal(t, one, again)
	assert.NotEmpty(t, one.Program)
	plan.Experiments[1].Count++
	other, err := newTapeHead(plan)
	require.NoError(t, err)
	assert.NotEqual(t, one.Plan, other.Plan)
	assert.Equal(t, one.Program, other.Program)
}

// Drawing takes the head's place at random, so that a place that is slower shows in what is not drawn alone.
func TestPlaceOfTheHead(t *testing.T) {
	tape := handshakeTape(400, 0.001)
	var fair, unfair Report
	fair.realise(tape.pools())
	assert.False(t, fair.placed())
	for _, r := range tape.rounds {
		if r.Burden == 0 {
			r.Arms[Head]["total_cpu"] *= 1.01
		}
	}
	unfair.realise(tape.pools())
	assert.True(t, unfair.placed())
	assert.Equal(t, results.VerdictRegressed, unfair.Verdict())
	var text strings.Builder
	require.NoError(t, unfair.Write(&text))
	assert.Contains(t, text.String(), "a head that is the base came out as +0.8")
	assert.Contains(t, text.String(), "NOT KEPT")
}

// Drawing at random hides that an unchanged program was slower for a while; the record as it went does not.
func TestCalibrationSeesWhatDrawingHides(t *testing.T) {
	tape := handshakeTape(400, 0.02)
	for i, r := range tape.rounds {
		r.Arms[i/benchBlocks%2]["total_cpu"] *= 1.03
	}
	var r Report
	r.calibration(tape.rounds, 200, 1)
	assert.True(t, r.Drawn.nominal())
	assert.False(t, r.Stretches.nominal())
	assert.Equal(t, results.VerdictRegressed, r.Verdict())
}

func TestResample(t *testing.T) {
	plan, err := OpenPlan("")
	require.NoError(t, err)
	plan.Experiments = []Experiment{plan.experiment("handshake")}
	s, err := SelfTest{Plan: plan, Comparisons: 200}.withDefaults()
	require.NoError(t, err)
	r := s.resample(handshakeTape(1200, 0.02))
	for i, want := range burdens {
		assert.InDelta(t, want-0.0015, r.Realised[i].share(), 0.003, "against both bases, one of which is 0.3 %% slower")
	}
	rate := func(i int) float64 { return float64(r.Rows[i].Regressed) / float64(r.Rows[i].Trials) }
	assert.LessOrEqual(t, rate(0), 0.02, "a base that is slower by chance is no false alarm")
	assert.Greater(t, rate(1), 0.6)
	assert.Greater(t, rate(2), 0.95)
	assert.Greater(t, rate(3), 0.99)
	assert.Zero(t, rate(4), "a tape without wire has no bytes")
	assert.InDelta(t, 0.05, float64(r.Drawn.Rejected)/float64(r.Drawn.Trials), 0.03)
	assert.Equal(t, 30, r.Stretches.Trials)
	assert.True(t, r.Stretches.nominal())
	assert.Equal(t, results.VerdictRegressed, r.Verdict(), "not every promise is kept")
	var text strings.Builder
	require.NoError(t, r.Write(&text))
	assert.Contains(t, text.String(), "no change")
	assert.Contains(t, text.String(), "NOT KEPT")
	assert.Contains(t, text.String(), "a burden of +2.00 % came out as +")
}

// Live comparisons that the promises do not allow, by the interval that so few have, break the verdict.
func TestLiveComparisonsContradict(t *testing.T) {
	quiet := liveResult{Fit: true}
	alarm := liveResult{Regressed: []string{mainMetric}, Fit: true}
	found, missed := liveResult{Share: 0.02, Regressed: []string{mainMetric}, Fit: true}, liveResult{Share: 0.02, Fit: true}
	for _, c := range []struct {
		name string
		live []liveResult
		want string // in the report; empty for a verdict that stands
	}{
		{"none", nil, ""},
		{"as promised", []liveResult{quiet, found, quiet, found}, ""},
		{"one missed of two", []liveResult{found, missed}, ""},
		{"an alarm, of one", []liveResult{alarm}, "1 of 1 live comparisons of an unchanged head raised a false alarm"},
		{"an alarm, of three", []liveResult{alarm, quiet, quiet}, ""},
		{"two alarms, of three", []liveResult{alarm, quiet, alarm}, "2 of 3 live comparisons of an unchanged head"},
		{"two missed", []liveResult{missed, missed}, "0 of 2 live comparisons found a slower head"},
		{"intervals beside the truth", []liveResult{{}, {}}, "0 of 2 live intervals hold the truth"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Report{Live: c.live}
			var text strings.Builder
			require.NoError(t, r.Write(&text))
			if c.want == "" {
				assert.Equal(t, results.VerdictUnchanged, r.Verdict())
				assert.NotContains(t, text.String(), "flatters")
				return
			}
			assert.Equal(t, results.VerdictRegressed, r.Verdict())
			assert.Contains(t, text.String(), c.want)
		})
	}
}
