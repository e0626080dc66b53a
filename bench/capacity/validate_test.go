package capacity

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pqbench/bench"
	"pqbench/bench/capacity/storm"
	"pqbench/results"
)

// checkedArm is a storm that can be simulated.
var checkedArm = results.Arm{Group: "X25519", Tunnels: 50, Timers: "1s/5s", Outage: "close 2s", Admission: "none"}

// validate reads a run of storms, with a trial of checkedArm for each of the values.
func validate(t *testing.T, more []made, blocks ...map[string]float64) []Check {
	t.Helper()
	planned := func(m *results.Manifest) {
		m.PlanText = "experiments:\n  - run: storm\n    groups: [X25519]\n    timeout: 2m\n"
	}
	arms := append(all(), more...)
	for _, values := range blocks {
		storm := map[string]float64{"outage": 2e9, "lost_connections": 200}
		maps.Copy(storm, values)
		arms = append(arms, made{"storm", checkedArm, storm})
	}
	want := target()
	m, err := Read([]string{blockwise(t, planned, arms...)}, &want)
	require.NoError(t, err)
	checks, err := m.Validate(t.Context())
	require.NoError(t, err)
	return checks
}

// A storm that went as the simulation has it is found right, one that took twice as long is not, and what cannot be
// simulated is refused.
func TestValidate(t *testing.T) {
	colo := checkedArm
	colo.Outage = "colo close"
	other := []made{{"storm", colo, map[string]float64{"outage": 2e9, "lost_connections": 200}}}
	values := map[string]float64{"recover_50": 1, "recover_99": 1, "recover_100": 1, "peak_rate": 1}
	checks := validate(t, other, values)
	require.Len(t, checks, 2)
	require.Contains(t, checks[0].Refused, "the loss of one data center of two is not simulated")
	require.Len(t, checks[1].Metrics, 4, "CPU that was not measured is not shown")
	for _, m := range checks[1].Metrics {
		require.False(t, m.OK(), m.Name)
		values[m.Name] = m.Predicted
	}
	for _, m := range validate(t, nil, values)[0].Metrics {
		require.True(t, m.OK(), m.Name)
		require.Zero(t, m.Miss())
		values[m.Name] *= 2
	}
	for _, m := range validate(t, nil, values)[0].Metrics {
		require.InDelta(t, -0.5, m.Miss(), 1e-9)
		require.False(t, m.OK())
	}
}

// The edge's CPU stands beside the times as a share of the machine's cores until all were back, and is not held against
// the simulation.
func TestValidateShowsCPU(t *testing.T) {
	values := map[string]float64{}
	for _, m := range validate(t, nil, nil)[0].Metrics {
		values[m.Name] = m.Predicted
	}
	values["edge_storm_cpu"] = values["recover_100"] // one core of two
	checks := validate(t, nil, values)
	m := checks[0].Metrics[4]
	require.Equal(t, "edge_cpu_share", m.Name)
	require.True(t, m.OnlyForShow)
	require.InDelta(t, 0.5, m.Measured, 1e-9)
	require.Greater(t, m.Predicted, 0.0)
	require.Less(t, m.Predicted, 0.1, "200 connections are not much")
	p := &Plan{Target: target(), Measured: &Measured{}, Checks: checks}
	s := p.checkSection()
	require.Contains(t, s.paragraphs[0], "all 4 predictions are within 15 %")
	require.Contains(t, s.paragraphs[0], "4 would be as near if computing took no time at all")
	require.Contains(t, s.paragraphs[0], "None checks a cost")
	require.Equal(t, "50 %", s.rows[4][3])

	values["failed_refused"] = 21
	p.Checks = validate(t, nil, values, values)
	require.Contains(t, p.checkSection().list[0], "42 dials refused, or without a registration in the end, by an edge that had no limit")
	values["unregistered"], values["lost_again"] = 2, 3
	p.Checks = validate(t, nil, values, values)
	require.Contains(t, p.checkSection().list[0], "46 dials refused")
	require.Contains(t, p.checkSection().list[1], "6 connections lost again")

	delete(values, "recover_100")
	m = validate(t, nil, values)[0].Metrics[4]
	require.InDelta(t, values["edge_storm_cpu"]/120e9/2, m.Measured, 1e-9, "until the watch ended")
}

// A block that was not back is longer than any other: it is in the median, and a simulation that has it back is wrong.
func TestValidateCounts(t *testing.T) {
	right := map[string]float64{}
	for _, m := range validate(t, nil, nil)[0].Metrics {
		right[m.Name] = m.Predicted
	}
	censored := map[string]float64{"recover_50": right["recover_50"], "peak_rate": right["peak_rate"]}
	metric := func(name string, blocks ...map[string]float64) CheckedMetric {
		for _, m := range validate(t, nil, blocks...)[0].Metrics {
			if m.Name == name {
				return m
			}
		}
		t.Fatalf("%s is not checked", name)
		return CheckedMetric{}
	}
	most := metric("recover_99", right, right, censored)
	require.Equal(t, right["recover_99"], most.Measured)
	require.InDelta(t, 0, most.Miss(), 1e-9)
	require.Equal(t, []int{3, 2}, []int{most.PredictedBlocks, most.MeasuredBlocks})
	require.False(t, most.OK(), "one of three blocks was not back")
	require.Equal(t, "3: back in 3 simulated, 2 measured", most.blocks(3))

	few := metric("recover_99", right, censored, censored)
	require.True(t, math.IsInf(few.Measured, 1))
	require.False(t, few.OK())
	require.Equal(t, "differs", few.off())
	require.True(t, metric("recover_50", right, censored, censored).OK())

	half := metric("recover_99", right, censored)
	require.True(t, math.IsInf(half.Measured, 1), "between a time and never")

	p := &Plan{Target: target(), Measured: &Measured{}, Checks: validate(t, nil, right, censored, censored)}
	var text bytes.Buffer
	require.NoError(t, writeText(&text, []section{p.checkSection()}))
	require.Regexp(t, `99 % +\S+ s +not back +differs ! +\S+ s +3: back in 3 simulated, 1 measured`, text.String())
	_, err := json.Marshal(p.checkRecords())
	require.NoError(t, err)
}

// A connection that was away when the edge went is not a quarter of the fleet.
func TestALossThatIsNotWholeIsRounded(t *testing.T) {
	trial := results.Trial{Values: map[string]float64{"lost_connections": 11_999}}
	require.Equal(t, 4, perTrial(storm.Config{Tunnels: 3000}, &trial).Connections)
}

// Where neither is back within the time that was watched, they agree.
func TestValidateNeverBack(t *testing.T) {
	m := CheckedMetric{Predicted: math.Inf(1), Measured: math.Inf(1)}
	require.True(t, m.OK())
	require.Equal(t, "agrees", m.off())
	require.Equal(t, "not back", came(m.Predicted, "ns"))
}

// Of two storms of a plan, each is watched for as long as its own entry says, and shares cores with the arms of its own.
func TestEachStormIsOfItsEntry(t *testing.T) {
	plan, err := bench.ParsePlan("two", []byte("experiments:\n"+
		"  - {run: storm, groups: [X25519], sizes: [10], ending: close, outage: 2s, timeout: 1m}\n"+
		"  - {run: storm, groups: [X25519], sizes: [20, 30], ending: kill, outage: 1m, timeout: 3m, beside: true}\n"))
	require.NoError(t, err)
	first, second := results.Arm{Tunnels: 10, Outage: "close 2s"}, results.Arm{Tunnels: 20, Outage: "kill 1m"}
	third := second
	third.Tunnels = 30
	m := results.Manifest{}
	for _, a := range []results.Arm{first, second, third} {
		m.Arms = append(m.Arms, results.ArmOf{Experiment: "storm", Arm: a})
	}
	require.Equal(t, time.Minute, watched(plan, first))
	require.Equal(t, 3*time.Minute, watched(plan, third))
	require.Equal(t, []int{1, 2}, []int{atOnce(plan, m, first), atOnce(plan, m, second)})
}
