package report

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

// addPaths adds two groups on two paths: near by the hybrid's mean is lower, far away it is higher.
func (f *fixture) addPaths() {
	f.m.Virtual = true
	f.m.Experiments = append(f.m.Experiments, results.Experiment{Name: paths, Blocks: f.blocks, Done: f.blocks})
	for _, path := range []struct {
		name         string
		base, hybrid float64 // mean, ms
	}{{"20ms", 40, 30}, {"100ms", 125, 145}} {
		base := -1
		for _, group := range []string{"X25519", today} {
			id := f.arm(paths, results.Arm{Group: group, Path: path.name, Loss: "5%"}, base, "group", 0)
			mean := path.hybrid
			if base < 0 {
				base, mean = id, path.base
			}
			for b := range f.blocks {
				took := mean * 1e6 * f.noise(0.02)
				f.samples = append(f.samples, results.Sample{Experiment: paths, Arm: id, Block: b, Completed: int64(took)})
				f.trials = append(f.trials, results.Trial{Experiment: paths, Arm: id, Block: b, Finished: int64(took), Scheduled: 1, Completed: 1,
					Values: map[string]float64{"handshake_mean": took, "in_propagation": took * 0.7, "in_timers": took * 0.3}})
			}
		}
	}
}

func TestPathsAreComparedByTheirMeans(t *testing.T) {
	f := newFixture(60, 0)
	f.addPaths()
	s := f.summary()
	sentences := answer(s)
	require.Len(t, sentences, 2, "%q", sentences)
	assert.Regexp(t, `takes longer than with X25519 on 1 of 2 paths: by up to \+1\d`, sentences[0])
	assert.Contains(t, sentences[0], "(100ms round trip, 5% lost each way), most of it propagation")
	assert.Regexp(t, `^The penalty changes its sign with the round trip. Near by \(20ms round trip, 5% lost each way\): −2\d.*; propagation 2\d.* ms instead of 2\d.* ms, timers .* ms\. `+
		`Far away \(100ms round trip, 5% lost each way\): \+1\d`, sentences[1])
	for _, c := range s.Comparisons {
		if c.Metric == "handshake_mean" {
			assert.NotNil(t, c.Low)
			require.NotNil(t, c.P)
			assert.Less(t, *c.P, 0.05, "by Student's test, corrected for both paths")
		}
	}
	figures := f.run().figures(s)
	assert.Equal(t, []string{"path-explained"}, names(figures), "two paths make no map, one loss no curve")
	svg, err := figures[0].svg()
	require.NoError(t, err)
	assert.Len(t, regexp.MustCompile(`>(29|30|39|40|12[3-7]|14[3-7])\.\d<`).FindAll(svg, -1), 4, "every bar has its number")
	for _, table := range (&builder{m: f.m, s: s, layout: layoutOf(paths)}).mainTables() {
		assert.Contains(t, table.Title, networkTime)
	}
}

func TestPathsInWords(t *testing.T) {
	for _, tc := range []struct {
		arm  results.Arm
		want string
	}{
		{results.Arm{Path: "100ms", Loss: "5%"}, "100ms round trip, 5% lost each way"},
		{results.Arm{Path: "28ms+1Mbit+down+5Mbit", Loss: "1% up, 2% down"}, "28ms round trip with 1Mbit, down, 5Mbit, 1% up, 2% down lost"},
		{results.Arm{Path: "lte-m"}, "lte-m"},
	} {
		assert.Equal(t, tc.want, pathLabel(tc.arm))
	}
}

// What a report says of its method holds for virtual time: there is no loopback in it, and no clock of a machine.
func TestVirtualRunsSayHowTheyWereMade(t *testing.T) {
	for _, virtual := range []bool{false, true} {
		m := results.Manifest{Virtual: virtual}
		text := strings.Join(limits(m), "\n")
		for _, f := range method(m) {
			text += "\n" + f.Name + ": " + f.Text
		}
		for _, foreign := range []string{"loopback", "monotonic clock", "CPU"} {
			assert.Equal(t, !virtual, strings.Contains(text, foreign), foreign)
		}
		assert.Equal(t, virtual, strings.Contains(text, "Network time only"))
	}
}

func layoutOf(experiment string) layout {
	for _, l := range layouts {
		if l.experiment == experiment {
			return l
		}
	}
	return layout{}
}

// A path without delay is not won by whoever sends a datagram less.
func TestNanosecondsAreNoDifference(t *testing.T) {
	f := newFixture(60, 0)
	f.addPaths()
	for i := range f.trials {
		f.trials[i].Values["handshake_mean"] /= 1e7
	}
	for _, c := range f.summary().Comparisons {
		if c.Metric == "handshake_mean" {
			assert.Equal(t, results.VerdictEquivalent, c.Verdict)
		}
	}
}

func TestPublishedFiguresStandBesideOurs(t *testing.T) {
	f := newFixture(60, 0)
	f.addPaths()
	_, ok := literatureTable(f.summary())
	assert.False(t, ok, "no condition of a paper was measured")
	for i := range f.m.Arms {
		f.m.Arms[i].Arm.Path, f.m.Arms[i].Arm.Loss = "5g", ""
		f.m.Arms[i].Arm.Group = []string{"X25519", kyber768, "secp256r1", kyber512}[i]
	}
	table, ok := literatureTable(f.summary())
	require.True(t, ok)
	require.Len(t, table.Rows, 1)
	assert.Equal(t, "46.20, 46.46", table.Rows[0][3].Text)
	assert.Equal(t, "+0.26", table.Rows[0][4].Text)
}
