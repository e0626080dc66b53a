package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

// upkeepFixture is fleets of some sizes with some timers, whose tunnels send 4 datagrams in a keep-alive period.
func upkeepFixture(fleets map[string][]int) *fixture {
	f := newFixture(0, 0)
	f.m.Experiments = []results.Experiment{{Name: fleet, Blocks: 1, Done: 1}}
	f.m.Arms, f.m.Pairs, f.samples, f.trials = nil, nil, nil, nil
	for timers, sizes := range fleets {
		for _, size := range sizes {
			f.trials = append(f.trials, results.Trial{Experiment: fleet, Arm: len(f.m.Arms), Values: map[string]float64{
				"client_keepalive_datagrams": 4, "client_keepalive_bytes": float64(size), "server_keepalive_bytes": 1, "edge_cpu_per_1000": 0.1, "connector_cpu_per_1000": 0.2,
			}})
			f.m.Arms = append(f.m.Arms, results.ArmOf{Experiment: fleet, Arm: results.Arm{Group: "X25519", Tunnels: size, Timers: timers}})
		}
	}
	return f
}

// Timers are compared over fleets of the same size where there are some, and not at all where all are the same.
func TestUpkeepByTimers(t *testing.T) {
	sizes := func(fleets map[string][]int) (out []int) {
		for _, u := range (lookup{upkeepFixture(fleets).summary()}).upkeeps() {
			out = append(out, u.arm.Tunnels)
		}
		return out
	}
	assert.Equal(t, []int{200, 200}, sizes(map[string][]int{"1s/5s": {100, 200, 1000}, "15s/60s": {100, 200}}))
	assert.Equal(t, []int{1000, 200}, sizes(map[string][]int{"1s/5s": {100, 1000}, "15s/60s": {200}}))
	assert.Empty(t, sizes(map[string][]int{"1s/5s": {100, 200}}))

	f := upkeepFixture(map[string][]int{"1s/5s": {10}, "15s/60s": {10}})
	table, ok := lookup{f.summary()}.upkeepTable()
	require.True(t, ok)
	require.Len(t, table.Rows, 2)
	assert.Equal(t, []cell{{Text: "X25519"}, {Text: "1s"}, {Text: "5s"}, {Text: "10"}, {Text: "4.00"}, {}, {Text: "10.0"}, {Text: "1.00"}, {Text: "20.0"}, {Text: "10.0"}}, table.Rows[0])
	figures := f.run().figures(f.summary())
	require.Contains(t, names(figures), "fleet-keepalive")
	for _, figure := range figures {
		_, err := figure.svg()
		require.NoError(t, err)
	}
}
