package results

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheckAcceptsARunInOrder(t *testing.T) {
	require.NoError(t, Check(exampleRun()))
	require.NoError(t, Check(Manifest{}, nil, nil))
	kex := Manifest{Arms: []ArmOf{{Experiment: "kex"}}}
	require.NoError(t, Check(kex, nil, []Trial{{Experiment: "kex", Values: map[string]float64{"keygen": 1}}}), "nothing is counted")
}

func TestCheckFindsViolations(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(m *Manifest, samples *[]Sample, trials *[]Trial)
		want  string
	}{
		{"scheduled", func(_ *Manifest, _ *[]Sample, trials *[]Trial) { (*trials)[0].Scheduled = 6 },
			"trial (handshake, arm 0, block 0): scheduled 6, but completed 3 + failed 1 + dropped 1"},
		{"a sample lost", func(_ *Manifest, samples *[]Sample, _ *[]Trial) { *samples = (*samples)[1:] },
			"counted completed 3, failed 1, dropped 1; its samples say 2, 1, 1"},
		{"a failure that the trial calls a success", func(_ *Manifest, samples *[]Sample, _ *[]Trial) { (*samples)[0].Class = ClassCrypto },
			"its samples say 2, 2, 1"},
		{"a drop that the trial calls a failure", func(_ *Manifest, samples *[]Sample, _ *[]Trial) { (*samples)[3].Class = ClassDropped },
			"its samples say 3, 0, 2"},
		{"a failure without a sample", func(_ *Manifest, _ *[]Sample, trials *[]Trial) { (*trials)[0].Scheduled, (*trials)[0].Failed = 6, 2 },
			"counted completed 3, failed 2, dropped 1; its samples say 3, 1, 1"},
		{"a drop without a sample", func(_ *Manifest, _ *[]Sample, trials *[]Trial) { (*trials)[0].Scheduled, (*trials)[0].Dropped = 6, 2 },
			"counted completed 3, failed 1, dropped 2; its samples say 3, 1, 1"},
		{"no trial", func(_ *Manifest, _ *[]Sample, trials *[]Trial) { *trials = (*trials)[:3] },
			"samples without a trial (handshake, arm 1, block 1)"},
		{"a trial twice", func(_ *Manifest, _ *[]Sample, trials *[]Trial) { *trials = append(*trials, (*trials)[0]) },
			"trial (handshake, arm 0, block 0): recorded twice"},
		{"trial's times", func(_ *Manifest, _ *[]Sample, trials *[]Trial) { (*trials)[2].Started = 10_001 },
			"finished at 10000 before it started at 10001"},
		{"sent early", func(_ *Manifest, samples *[]Sample, _ *[]Trial) { (*samples)[1].Sent = 999 },
			"sample 1 (handshake, arm 0, block 0): sent before it was intended: intended 1000, sent 999"},
		{"answered early", func(_ *Manifest, samples *[]Sample, _ *[]Trial) { (*samples)[1].First = 1009 }, "answered before it was sent"},
		{"completed before the answer", func(_ *Manifest, samples *[]Sample, _ *[]Trial) { (*samples)[1].Completed = 1499 }, "completed too early"},
		{"completed before it was sent", func(_ *Manifest, samples *[]Sample, _ *[]Trial) { (*samples)[3].Completed = 4000 }, "completed too early"},
		{"dropped before it was intended", func(_ *Manifest, samples *[]Sample, _ *[]Trial) { (*samples)[4].Completed = 4999 }, "completed too early"},
		{"negative body", func(_ *Manifest, samples *[]Sample, _ *[]Trial) { (*samples)[0].Down = -1 }, "down -1"},
		{"unknown arm", func(m *Manifest, _ *[]Sample, _ *[]Trial) { m.Arms = m.Arms[:1] }, "the manifest has 1 arms"},
		{"another experiment's arm", func(_ *Manifest, samples *[]Sample, _ *[]Trial) { (*samples)[0].Experiment = "wire" },
			"sample (wire, arm 0, block 0): that arm belongs to handshake"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, samples, trials := exampleRun()
			c.spoil(&m, &samples, &trials)
			assert.ErrorContains(t, Check(m, samples, trials), c.want)
		})
	}
}

func TestCheckIsBrief(t *testing.T) {
	m, samples, trials := exampleRun()
	for i := range samples {
		samples[i].Completed = -1
	}
	err := Check(m, samples, trials)
	require.Error(t, err)
	assert.Equal(t, maxViolations+1, len(strings.Split(err.Error(), "\n")))
	assert.ErrorContains(t, err, "and 12 more")
}
