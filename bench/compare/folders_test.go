package compare

import (
	"cmp"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

// aRun is a run folder of kex and wire trials.
type aRun struct {
	manifest results.Manifest
	client   float64 // ns, of the first arm
	bytes    float64
	without  string // a metric that is not measured
	note     string // how key agreement is measured
	seed     uint64
}

func (a aRun) write(t *testing.T) Operand {
	m := a.manifest
	m.Complete, m.Schema = true, results.Schema
	m.Arms = []results.ArmOf{{Experiment: "kex", Arm: results.Arm{Group: "X25519", KEM: "go"}}, {Experiment: "wire", Arm: results.Arm{Group: "X25519"}}}
	m.Experiments = []results.Experiment{{Name: "kex", Note: cmp.Or(a.note, "kex")}, {Name: "wire", Note: "wire"}}
	root := t.TempDir()
	w, err := results.Create(root, "made", m)
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(a.seed, 1))
	for block := range 20 {
		for arm, values := range []map[string]float64{{"client": a.client * (1 + 0.01*r.NormFloat64()), "server": 100}, {"client_bytes": a.bytes}} {
			delete(values, a.without)
			require.NoError(t, w.Write(results.Record{Trial: &results.Trial{Experiment: m.Arms[arm].Experiment, Arm: arm, Block: block, Values: values}}))
		}
	}
	dir, err := w.Finish(m)
	require.NoError(t, err)
	return Operand{Name: dir, Run: dir}
}

// compared are the verdicts by metric, and all warnings.
func compared(t *testing.T, base, head aRun) (verdicts map[string]string, warnings string) {
	plan, err := OpenPlan("")
	require.NoError(t, err)
	base.seed, head.seed = 1, 2
	f, err := compareRuns(base.write(t), head.write(t), plan)
	require.NoError(t, err)
	verdicts = map[string]string{}
	for _, one := range f.Findings {
		verdicts[one.Metric] = one.Verdict
	}
	return verdicts, strings.Join(f.Warnings, "\n")
}

// What a plan ignores is ignored between folders, too.
func TestCompareRunsIgnores(t *testing.T) {
	plan, err := parsePlan(Plan{}, []byte("experiments:\n  - {name: kex, share: 1, group: X25519, provider: go, time: 1ms}\nmetrics:\n  kex/client: {ignore: true}\n"))
	require.NoError(t, err)
	usual, slow := aRun{client: 1000, bytes: 1280, seed: 1}, aRun{client: 2000, bytes: 1280, seed: 2}
	f, err := compareRuns(usual.write(t), slow.write(t), plan)
	require.NoError(t, err)
	for _, one := range f.Findings {
		assert.NotEqual(t, "client", one.Metric)
	}
	assert.Equal(t, results.VerdictUnchanged, f.Verdict())
}

func TestCompareRuns(t *testing.T) {
	usual := aRun{client: 1000, bytes: 1280}
	with := func(change func(*aRun)) aRun {
		changed := usual
		change(&changed)
		return changed
	}
	const same, worse, better, open = results.VerdictUnchanged, results.VerdictRegressed, results.VerdictImproved, results.VerdictInconclusive
	for _, c := range []struct {
		name                  string
		base, head            aRun
		client, server, bytes string
		warning               string
	}{
		{"the same", usual, usual, same, same, same, "made one after the other"},
		{"slower", usual, with(func(r *aRun) { r.client = 1100 }), worse, same, same, ""},
		{"faster", usual, with(func(r *aRun) { r.client = 900 }), better, same, same, ""},
		{"a byte more", usual, with(func(r *aRun) { r.bytes++ }), same, same, worse, ""},
		{"the head lacks one", usual, with(func(r *aRun) { r.without = "server" }), same, results.VerdictMissing, same, ""},
		{"the base lacks one", with(func(r *aRun) { r.without = "server" }), usual, same, results.VerdictNew, same, ""},
		{"another host", usual, with(func(r *aRun) { r.manifest.Host.CPU, r.bytes = "another", 1281 }), open, same, worse, "the hosts differ (CPU:  and another)"},
		{"another plan", usual, with(func(r *aRun) { r.manifest.Plan = "quick" }), same, same, same, "the plans differ"},
		{"another method", usual, with(func(r *aRun) { r.client, r.note, r.bytes = 1100, "kex by hand", 1281 }), open, same, worse, `kex was measured in another way, so that only what no machine changes is judged: ["kex"], and now ["kex by hand"]`},
		{"dirty", usual, with(func(r *aRun) { r.manifest.Versions.Dirty = true }), same, same, same, "changes that no commit has"},
	} {
		got, warnings := compared(t, c.base, c.head)
		assert.Equal(t, map[string]string{"client": c.client, "server": c.server, "client_bytes": c.bytes}, got, c.name)
		assert.Contains(t, warnings, c.warning, c.name)
	}
}

// What has dice in it differs between any two runs, and is no difference; what is left when they are out is one.
func TestCompareRunsWithDice(t *testing.T) {
	plan, err := OpenPlan("")
	require.NoError(t, err)
	run := func(seed uint64, more float64, failed int) Operand {
		m := results.Manifest{Schema: results.Schema, Complete: true, Arms: []results.ArmOf{{Experiment: "wire", Arm: results.Arm{Group: "X25519"}}}}
		w, err := results.Create(t.TempDir(), "made", m)
		require.NoError(t, err)
		r := rand.New(rand.NewPCG(seed, 1))
		for block := range 20 {
			grease, signature := float64(r.IntN(16)), float64(r.IntN(3))
			trial := results.Trial{Experiment: "wire", Block: block, Scheduled: 10, Completed: 10, Values: map[string]float64{
				"clienthello_bytes": 1500 + grease + more, "clienthello_grease_bytes": grease, "server_bytes": 2090 + grease + signature, "certificate_bytes": 600 + signature,
				"client_datagrams": 3 + float64(block%2), "client_share_bytes": 32,
			}}
			if block < failed {
				trial.Completed, trial.Failed = 0, 10
			}
			for i := range 10 {
				s := results.Sample{Experiment: "wire", Block: block, Intended: int64(i), Sent: int64(i), Completed: int64(i)}
				if block < failed {
					s.Class = results.ClassTimeout
				}
				require.NoError(t, w.Write(results.Record{Sample: &s}))
			}
			require.NoError(t, w.Write(results.Record{Trial: &trial}))
		}
		dir, err := w.Finish(m)
		require.NoError(t, err)
		return Operand{Name: dir, Run: dir}
	}
	for seed := range uint64(10) {
		f, err := compareRuns(run(seed, 0, 0), run(seed+100, 0, 0), plan)
		require.NoError(t, err)
		assert.Equal(t, results.VerdictUnchanged, f.Verdict(), "%+v", f.Findings)
	}
	f, err := compareRuns(run(1, 0, 0), run(2, 1, 0), plan)
	require.NoError(t, err)
	assert.Equal(t, results.VerdictRegressed, f.Verdict(), "one byte more")
	for _, one := range f.Findings {
		assert.Equal(t, one.Metric == "clienthello_bytes", one.Verdict == results.VerdictRegressed, one.Metric)
	}

	f, err = compareRuns(run(1, 0, 1), run(2, 0, 5), plan)
	require.NoError(t, err)
	last := f.Findings[len(f.Findings)-1]
	assert.Equal(t, "failed_share", last.Metric)
	assert.Equal(t, results.VerdictRegressed, last.Verdict)
	f, err = compareRuns(run(1, 0, 5), run(2, 0, 5), plan)
	require.NoError(t, err)
	assert.NotEqual(t, "failed_share", f.Findings[len(f.Findings)-1].Metric)
}

// Two folders of which one is empty are not alike.
func TestCompareRunsOfNothing(t *testing.T) {
	plan, err := OpenPlan("")
	require.NoError(t, err)
	empty := results.Manifest{Schema: results.Schema, Arms: []results.ArmOf{{Experiment: "wire", Arm: results.Arm{Group: "X25519"}}}, Reason: "interrupted"}
	w, err := results.Create(t.TempDir(), "made", empty)
	require.NoError(t, err)
	dir, err := w.Finish(empty)
	require.NoError(t, err)
	f, err := compareRuns(Operand{Name: dir, Run: dir}, aRun{client: 1, bytes: 2}.write(t), plan)
	require.NoError(t, err)
	assert.Equal(t, results.VerdictInconclusive, f.Verdict())
}
