package compare

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDefaultPlan(t *testing.T) {
	plan, err := OpenPlan("")
	require.NoError(t, err)
	kinds := map[string]bool{}
	for _, m := range plan.metrics() {
		kinds[plan.experiment(m.Experiment).kind()] = true
		assert.NotEmpty(t, m.Better, "%s has no better direction", m.Key)
		if !m.Exact {
			assert.Positive(t, float64(m.Threshold), m.Key)
			assert.Greater(t, m.margin(), float64(m.Threshold), m.Key)
		}
	}
	assert.Len(t, kinds, 5, "every kind is judged")
	assert.Len(t, plan.metrics(), len(plan.Metrics), "no metric is named of an experiment that is not there")
}

func open(t *testing.T, text string) (Plan, error) {
	path := filepath.Join(t.TempDir(), "thresholds.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return OpenPlan(path)
}

func TestThresholds(t *testing.T) {
	plan, err := open(t, "metrics:\n  handshake/total_cpu: {threshold: 3%}\n  handshake-time/handshake_p50: {ignore: true}\n  kex-go/client: {threshold: 0.25}\n")
	require.NoError(t, err)
	assert.Equal(t, Share(0.03), plan.Metrics["handshake/total_cpu"].Threshold)
	assert.InDelta(t, 0.06, plan.Metrics["handshake/total_cpu"].margin(), 1e-12, "twice the threshold")
	assert.Equal(t, Share(0.25), plan.Metrics["kex-go/client"].Threshold)
	assert.Equal(t, Share(0.005), plan.Metrics["handshake/client_cpu"].Threshold, "the default's")
	for _, m := range plan.metrics() {
		assert.NotEqual(t, "handshake_p50", m.Name, "ignored")
	}
	again, err := OpenPlan("")
	require.NoError(t, err)
	assert.Equal(t, Share(0.005), again.Metrics["handshake/total_cpu"].Threshold, "the default is not touched")

	alone, err := open(t, "experiments:\n  - {name: wire, share: 1, group: X25519, provider: go, count: 2}\n")
	require.NoError(t, err)
	assert.Len(t, alone.Experiments, 1)
	empty, err := open(t, "")
	require.NoError(t, err)
	assert.Equal(t, again, empty)
}

func TestBadThresholds(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"metric: 3\n", "field metric not found"},
		{"metrics:\n  handshake/total_gpu: {}\n", `metric "handshake/total_gpu" is not known`},
		{"metrics:\n  handshakes/total_cpu: {threshold: 1%}\n", `metric "handshakes/total_cpu": the plan has no experiment "handshakes"`},
		{"metrics:\n  handshake/total_cpu: {threshold: much}\n", `line 2: "much" is no share`},
		{"metrics:\n  handshake/total_cpu: {threshold: -1%}\n", "is no share"},
		{"metrics:\n  handshake/total_cpu: {treshold: 1%}\n", "field treshold not found"},
		{"metrics:\n  handshake/total_cpu: {weight: -1}\n", "weight -1 is negative"},
		{"experiments:\n  - {name: handshake-time, at_once: true, share: 1, group: X25519, provider: go, concurrency: 1, count: 1}\n", `metric "handshake-time/handshake_p50" is how long something lasts`},
		{"experiments:\n  - {name: handshakes, share: 1}\n", `experiment "handshakes" is not known`},
		{"experiments:\n  - {name: wire, share: 1, group: X25519, provider: go}\n", "count, concurrency, time or size is missing"},
		{"experiments:\n  - {name: wire, group: X25519, provider: go, count: 1}\n", "it needs some of the time"},
		{"experiments:\n  - {name: wire, share: 1, group: X25518, provider: go, count: 1}\n", "X25519"},
		{"experiments:\n  - {name: wire, share: 1, group: X25519, provider: gone, count: 1}\n", "provider"},
		{"experiments:\n  - &a {name: wire, share: 1, group: X25519, provider: go, count: 1}\n  - *a\n", "is there twice"},
	} {
		_, err := open(t, c.text)
		assert.ErrorContains(t, err, c.want, c.text)
	}
	_, err := OpenPlan(filepath.Join(t.TempDir(), "nowhere.yaml"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// Whatever the bytes, a plan that is taken is one that can be run.
func FuzzPlan(f *testing.F) {
	f.Add(defaultPlan)
	f.Add([]byte("metrics:\n  handshake/total_cpu: {threshold: 3%}\n"))
	f.Add([]byte("experiments:\n  - {name: kex-x, share: .1, group: 0x6399, provider: circl-asm, time: 1ms}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		plan, err := parsePlan(Plan{}, text)
		if err != nil {
			return
		}
		for _, e := range plan.Experiments {
			if !(e.Share > 0) || e.Slices < 1 || kinds[e.kind()] == nil {
				t.Errorf("taken: %+v", e)
			}
		}
		for key, l := range plan.Metrics {
			if !(l.Threshold >= 0) || !(l.weight() > 0) || !(l.margin() >= 0) {
				t.Errorf("taken: %s %+v", key, l)
			}
		}
	})
}
