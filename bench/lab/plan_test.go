package lab

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/bench/lab/link"
	"pqbench/results"
)

func TestBuiltinPlans(t *testing.T) {
	for _, name := range Plans() {
		p, err := OpenPlan(name)
		require.NoError(t, err)
		again, err := ParsePlan("x", []byte(p.Text()))
		require.NoError(t, err, p.Text())
		assert.Equal(t, p, again, "the text kept in a run folder is the plan as it ran")
	}
}

// What no network can have, or the lab does not know, is refused before anything runs.
func TestPlanErrors(t *testing.T) {
	for name, tc := range map[string]struct{ yaml, want string }{
		"loss":          {"loss: [120%]", "120"},
		"MTU":           {"mtu: 1100", "at least 1200"},
		"group":         {"groups: [X25519MLKEM786]", "X25519MLKEM768"},
		"profile":       {"profiles: [lte]", `did you mean "lte-m"`},
		"middlebox":     {"middleboxes: [drop-everything]", "unknown middlebox"},
		"policy":        {"policies: [stritc]", `did you mean "strict"`},
		"certificate":   {"cert: dsa", "unknown certificate"},
		"accept":        {"accept: nothing", "accept"},
		"round trip":    {"rtt: [-5ms]", "not a duration"},
		"reorder":       {"reorder: 2", "reorder"},
		"count":         {"count: -1", "trials"},
		"request count": {"count: 10\n    requests: [1kB]\n    request-count: 11", "a cell has 10 trials"},
		"rate":          {"rate: 1MB", "write 1Mbit"},
		"queue":         {"queue: -1", "write 64KiB"},
		"no group":      {"groups: []", "groups: the list is empty"},
		"profile and":   {"profiles: [5g]\n    loss: [5%]", "whole path"},
		"way":           {"down: {loss: 120%}", "120"},
		"way's field":   {"down: {los: 1%}", `unknown field "los"`},
		"clients":       {"clients: [10]", "add cpu"},
		"unknown field": {"losses: [0]", `line 4: unknown field "losses"`},
		"kind":          {"run: other", "unknown experiment"},
	} {
		t.Run(name, func(t *testing.T) {
			text := "name: x\nexperiments:\n  - run: paths\n    " + tc.yaml
			if name == "kind" {
				text = "name: x\nexperiments:\n  - " + tc.yaml
			}
			_, err := ParsePlan("x", []byte(text))
			require.ErrorContains(t, err, tc.want)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
	_, err := OpenPlan("lab-quik")
	require.ErrorContains(t, err, `did you mean "lab-quick"`)
	_, err = ParsePlan("x", nil)
	require.ErrorContains(t, err, "empty")
}

// What a plan says of one way holds for that way, and the arm's name says so.
func TestAsymmetricPlan(t *testing.T) {
	p, err := ParsePlan("x", []byte("experiments:\n  - run: paths\n    groups: [X25519]\n    rtt: [28ms]\n    loss: [1%]\n    rate: 1Mbit\n    mtu: 1400\n"+
		"    down: {rate: 5Mbit/s, loss: 2%, jitter: 3ms}"))
	require.NoError(t, err)
	cells, _, err := p.Experiments[0].Cells()
	require.NoError(t, err)
	require.Len(t, cells, 1)
	path, err := cells[0].path()
	require.NoError(t, err)
	assert.Equal(t, link.Path{
		Up:   link.Direction{Delay: 14 * time.Millisecond, Rate: 1e6, MTU: 1400, Loss: link.IID{P: 0.01}},
		Down: link.Direction{Delay: 14 * time.Millisecond, Rate: 5e6, MTU: 1400, Loss: link.IID{P: 0.02}, Jitter: 3 * time.Millisecond},
	}, path)
	arm := cells[0].arm(Paths)
	assert.Equal(t, "28ms+1Mbit+mtu1400+down+5Mbit+jitter3ms", arm.Path)
	assert.Equal(t, "1% up, 2% down", arm.Loss)
	again, err := ParsePlan("x", []byte(p.Text()))
	require.NoError(t, err, p.Text())
	assert.Equal(t, p, again)
}

// A cell's arm tells it apart from every other of the standard lab, and each group is compared with X25519 on its path.
func TestCellsAndPairs(t *testing.T) {
	p, err := OpenPlan("lab-quick")
	require.NoError(t, err)
	r := &run{plan: p}
	require.NoError(t, r.layOut())
	for _, pair := range r.manifest.Pairs {
		arm, base := r.manifest.Arms[pair.Arm].Arm, r.manifest.Arms[pair.Base].Arm
		assert.Equal(t, control, base.Group)
		assert.NotEqual(t, control, arm.Group)
		assert.Equal(t, []string{base.Path, base.Loss}, []string{arm.Path, arm.Loss})
	}
	assert.NotEmpty(t, r.manifest.Pairs)
}

// What is marked as the same in every run are metrics, none of which counts bytes; with a rate a byte is time.
func TestReproducible(t *testing.T) {
	for _, name := range reproducible {
		i := slices.IndexFunc(results.Metrics(), func(m results.Metric) bool { return m.Name == name })
		require.GreaterOrEqual(t, i, 0, name)
		assert.NotEqual(t, "B", results.Metrics()[i].Unit, name)
	}
	assert.Equal(t, reproducible, exact([]Cell{{RTT: time.Second, Loss: "0"}}))
	assert.Empty(t, exact([]Cell{{RTT: time.Second, Loss: "0"}, {RTT: time.Second, Loss: "0", Rate: 1e6}}))
	assert.Empty(t, exact([]Cell{{Profile: "lte-m"}}))
}
