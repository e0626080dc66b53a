package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
	"pqbench/results/report"
)

// A threshold that is kept is status 0, one that is not 99, and one that cannot be judged 98: because the generator was
// the limit, whatever the numbers say, or because there are too few samples. A violation is told before what is not known.
func TestThresholds(t *testing.T) {
	value := func(v float64) *float64 { return &v }
	row := func(metric string, v *float64, warnings ...string) results.Row {
		return results.Row{Experiment: "rate", Metric: metric, Arm: results.Arm{Group: "X25519"}, Value: v, Warnings: warnings}
	}
	bound := []results.Generator{{Experiment: "rate", Arm: results.Arm{Group: "X25519"}, Bound: true, Reasons: []string{"it used 95 % of its CPU"}}}
	const limit = 10 * time.Millisecond
	for _, c := range []struct {
		name string
		t    thresholds
		s    results.Summary
		want int
	}{
		{"none set", thresholds{}, results.Summary{Generators: bound}, exitDone},
		{"kept", thresholds{MaxP99: limit}, results.Summary{Rows: []results.Row{row("latency_p99", value(9e6))}}, exitDone},
		{"not kept", thresholds{MaxP99: limit}, results.Summary{Rows: []results.Row{row("latency_p99", value(11e6))}}, exitRegressed},
		{"another percentile", thresholds{MaxP999: limit}, results.Summary{Rows: []results.Row{row("latency_p99", value(11e6)), row("latency_p999", value(5e6))}}, exitDone},
		{"among the failures", thresholds{MaxP50: limit}, results.Summary{Rows: []results.Row{row("latency_p50", nil, "no median: it lies among the failures")}}, exitRegressed},
		{"too few", thresholds{MaxP99: limit}, results.Summary{Rows: []results.Row{row("latency_p99", nil, "no 99th percentile: fewer than ten of 9 samples lie beyond it")}}, exitInconclusive},
		{"generator-bound", thresholds{MaxP99: limit}, results.Summary{Rows: []results.Row{row("latency_p99", value(99e6))}, Generators: bound}, exitInconclusive},
		{"one arm generator-bound, another not kept", thresholds{MaxP99: limit}, results.Summary{Rows: []results.Row{row("latency_p99", value(9e6)),
			{Experiment: "rate", Metric: "latency_p99", Arm: results.Arm{Group: "X25519MLKEM768"}, Value: value(11e6)}}, Generators: bound}, exitRegressed},
		{"no row to judge", thresholds{MaxP99: limit}, results.Summary{Rows: []results.Row{row("latency_p50", value(1e6))}}, exitInconclusive},
		{"no rows", thresholds{MinCompleted: "99%"}, results.Summary{}, exitInconclusive},
		{"too few complete", thresholds{MinCompleted: "99%"}, results.Summary{Rows: []results.Row{row("completed_share", value(0.98))}}, exitRegressed},
		{"enough complete", thresholds{MinCompleted: "99%"}, results.Summary{Rows: []results.Row{row("completed_share", value(0.995))}}, exitDone},
		{"one kept, one not, one unknown", thresholds{MaxP50: limit, MaxP99: limit}, results.Summary{Rows: []results.Row{
			row("latency_p50", value(11e6)), row("latency_p99", nil, "fewer than ten")}}, exitRegressed},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.s.Schema = results.Schema
			text, err := json.Marshal(c.s)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, report.SummaryFile), text, 0o600))
			assert.Equal(t, c.want, exitStatus(c.t.judge(dir), io.Discard))
		})
	}
}

func TestThresholdsRefuse(t *testing.T) {
	for _, bad := range []thresholds{{MaxP50: -1}, {MinCompleted: "2"}, {MinCompleted: "0%"}, {MinCompleted: "101%"}, {MinCompleted: "all"}} {
		assert.Error(t, bad.check(), bad)
	}
	good := thresholds{MaxP99: time.Second, MinCompleted: "99.9%"}
	assert.NoError(t, good.check())
}

// What a mode has no number for is refused, and not kept without a look.
func TestThresholdsOfAMode(t *testing.T) {
	const rate, closed, knee, fleet, storm = "--rate 50/s", "--closed-loop", "--knee", "--tunnels 2", "--tunnels 2 --outage 1s"
	for _, c := range []struct{ flags, want string }{
		{rate + " --max-p50 1s --max-p99 1s --max-p999 1s --min-completed 99%", ""},
		{closed + " --max-p50 1s --max-p99 1s --max-p999 1s --min-completed 99%", ""},
		{knee + " --max-p99 1s --min-completed 99%", ""},
		{knee + " --max-p50 1s", "--max-p50: --knee has no number for it: it goes by --max-p99 and --min-completed"},
		{knee + " --max-p999 1s", "--max-p999: --knee"},
		{fleet, ""},
		{fleet + " --max-p99 1s", "--max-p99: --tunnels has no number for it: no bound is judged there"},
		{storm, ""},
		{storm + " --max-p99 1s", "--max-p99: --tunnels"},
		{storm + " --min-completed 99%", "--min-completed: --tunnels"},
	} {
		var command loadCommand
		parser, err := kong.New(&command)
		require.NoError(t, err)
		_, err = parser.Parse(strings.Fields(c.flags))
		require.NoError(t, err)
		_, err = command.plan()
		if c.want == "" {
			assert.NoError(t, err, c.flags)
		} else {
			assert.ErrorContains(t, err, c.want, c.flags)
		}
	}
}
