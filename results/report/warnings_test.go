package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

func TestQuietRunHasNoWarnings(t *testing.T) {
	f := newFixture(8, 20, "kex", "handshake", "wire", "requests", "goodput", "overhead")
	assert.Empty(t, f.summary().Warnings)
}

func TestWarningsOnTop(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(f *fixture)
		want  string
	}{
		{"incomplete", func(f *fixture) { f.m.Complete, f.m.Reason = false, "interrupted" }, "this run is incomplete: interrupted"},
		{"incomplete without reason", func(f *fixture) { f.m.Complete = false }, "this run is incomplete: no reason recorded"},
		{"noise", func(f *fixture) { f.m.Noise.After = 0.14 }, "noisy host: a fixed computation varied by 14 %"},
		{"drift", func(f *fixture) { f.m.Noise.Drift = -0.08 }, "the host changed its speed during the run: a fixed computation took −8 % after it"},
		{"steal", func(f *fixture) { f.m.Noise.Steal = 0.025 }, "the hypervisor took 2.5 % of the CPU time away"},
		{"dirty", func(f *fixture) { f.m.Versions.Dirty = true }, "built from a tree with changes that are not committed"},
		{"skipped", func(f *fixture) {
			f.m.Experiments = append(f.m.Experiments, results.Experiment{Name: "goodput", Blocks: 8, Skipped: "no ports"})
		}, "goodput was not measured: no ports"},
		{"skipped in part", func(f *fixture) { f.m.Experiments[0].Skipped = "no Kyber" }, "requests is not whole: no Kyber"},
		{"cut short", func(f *fixture) { f.m.Experiments[0].Blocks = 20 }, "requests: 8 of 20 blocks measured"},
		{"an arm without trials", func(f *fixture) {
			f.m.Arms = append(f.m.Arms, results.ArmOf{Experiment: "requests", Arm: results.Arm{Group: "secp384r1"}})
		}, "requests: nothing was measured of group=secp384r1"},
		{"the run's own", func(f *fixture) { f.m.Warnings = []string{"no counter of lost packets"} }, "no counter of lost packets"},
		{"books that do not agree", func(f *fixture) { f.trials[0].Scheduled++ }, "the records contradict each other: trial (requests, arm 0, block 0)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(8, 10, "requests")
			require.Empty(t, f.summary().Warnings)
			c.spoil(f)
			got := f.summary().Warnings
			require.NotEmpty(t, got)
			assert.Contains(t, strings.Join(got, "\n"), c.want)
		})
	}
}

// The control is made 5 % dearer the second time: the report must not be believed, and says so first.
func TestAAAlarm(t *testing.T) {
	f := newFixture(20, 20, "handshake")
	for i, trial := range f.trials {
		if f.m.Arms[trial.Arm].Arm.AA && f.m.Arms[trial.Arm].Arm.Concurrency == 8 {
			f.trials[i].Values["total_cpu"] *= 1.05
		}
	}
	f.m.Versions.Dirty = true
	s := f.summary()
	require.Len(t, s.Warnings, 2)
	assert.Contains(t, s.Warnings[0], "A/A alarm (handshake, X25519, ecdsa-p256 certificate, 8 in flight): the control differs from itself in CPU per handshake, both sides +4.9 % [4.8, 5.2]")
}
