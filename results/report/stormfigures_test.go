package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

// stormFixture is a storm of a small and of a large fleet, in two blocks: a handshake in every tenth of a second for two
// and a half seconds, all of which register.
func stormFixture() *fixture {
	f := newFixture(0, 0)
	f.m.Experiments = []results.Experiment{{Name: storm, Blocks: 2, Done: 2}}
	f.m.Arms, f.m.Pairs, f.samples, f.trials = nil, nil, nil, nil
	for i, tunnels := range []int{10, 25} {
		f.m.Arms = append(f.m.Arms, results.ArmOf{Experiment: storm, Arm: results.Arm{Group: "X25519", Tunnels: tunnels, Admission: "none", Outage: "close 1s", Timers: "1s/5s"}})
		for block := range 2 {
			series := map[string][]float64{"handshakes": nil, "failed": nil, "in_progress": nil, "back": nil}
			for n := range tunnels {
				series["handshakes"] = append(series["handshakes"], 1)
				series["failed"] = append(series["failed"], 0)
				series["in_progress"] = append(series["in_progress"], float64(n%4))
				series["back"] = append(series["back"], float64(n+1))
			}
			f.trials = append(f.trials, results.Trial{Experiment: storm, Arm: i, Block: block, Started: 1, Finished: 2, Scheduled: tunnels, Completed: tunnels,
				Values: map[string]float64{"lost_connections": float64(tunnels), "outage": 1e9, "recover_99": 1e9},
				Series: &results.Series{Step: 1e8, Values: series}})
		}
	}
	return f
}

// A storm is drawn in steps of a second, of which the levels are those at the ends: all that are back are back.
func TestStormFigures(t *testing.T) {
	f := stormFixture()
	r := f.run()
	large := &r.arms[1]
	assert.Equal(t, [][2]float64{{1, 10}, {2, 10}, {2.5, 5}}, large.overTime(completedCourse))
	assert.Equal(t, [][2]float64{{1, 40}, {2, 80}, {2.5, 100}}, large.overTime(backCourse))
	assert.Equal(t, [][2]float64{{1, 3}, {2, 3}, {2.5, 3}}, large.overTime(queueCourse))
	assert.Equal(t, [][2]float64{{1, 0}, {2, 0}, {2.5, 0}}, large.overTime(failedCourse))

	figures := r.figures(f.summary())
	require.Equal(t, []string{"storm", "storm-queue"}, names(figures))
	for _, figure := range figures {
		assert.Contains(t, figure.where, "25 tunnels")
		assert.Contains(t, figure.Caption, "of 2 kinds of storms that with the largest fleet")
		svg, err := figure.svg()
		require.NoError(t, err)
		assert.Contains(t, string(svg), "edge back")
		assert.NotContains(t, string(svg), "e-1", "an axis of nothing ends at 1")
	}
}

// A storm whose busiest second took all of the host's cores, which connectors and edge share, may be the connectors' doing.
func TestStormGenerator(t *testing.T) {
	for peak, bound := range map[float64]bool{0.7: false, 0.95: true} {
		f := stormFixture()
		for i := range f.trials {
			f.trials[i].Values["host_cpu_peak"], f.trials[i].Values["connector_cpu_peak"], f.trials[i].Values["edge_cpu_peak"] = peak, peak/2, peak/2
		}
		s := f.summary()
		require.Len(t, s.Generators, 2)
		assert.Equal(t, bound, s.Generators[1].Bound)
		if bound {
			assert.Contains(t, s.Generators[1].Reasons[0], "the host's cores were used for 95 %, by the connectors for 48 %")
		}
	}
	assert.Empty(t, stormFixture().summary().Generators, "nothing is known of the CPU")
}
