package report

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

// duet is a run of two arms that are compared in one metric, a value per block each. NaN leaves a block out.
func duet(pair results.Pair, experiment, metric string, base, arm []float64) results.Summary {
	pair.Arm, pair.Base = 1, 0
	m := results.Manifest{Complete: true, Pairs: []results.Pair{pair},
		Experiments: []results.Experiment{{Name: experiment, Blocks: len(base), Done: len(base)}},
		Arms:        []results.ArmOf{{Experiment: experiment, Arm: results.Arm{Group: "X25519"}}, {Experiment: experiment, Arm: results.Arm{Group: today, KEM: "go"}}}}
	var trials []results.Trial
	for i, values := range [][]float64{base, arm} {
		for block, v := range values {
			if !math.IsNaN(v) {
				trials = append(trials, results.Trial{Experiment: experiment, Arm: i, Block: block, Values: map[string]float64{metric: v}})
			}
		}
	}
	return Summarise(m, nil, trials)
}

// drifting is so many blocks whose values differ from each other by far more than any effect here.
func drifting(blocks int) []float64 {
	values := make([]float64, blocks)
	for i := range values {
		values[i] = 1000 * (1 + 0.3*math.Sin(float64(i)))
	}
	return values
}

// times is base with factors, repeated as often as it takes.
func times(base []float64, factors ...float64) []float64 {
	out := make([]float64, len(base))
	for i, v := range base {
		out[i] = v * factors[i%len(factors)]
	}
	return out
}

func TestVerdicts(t *testing.T) {
	b := drifting(12)
	for _, c := range []struct {
		name    string
		pair    results.Pair
		factors []float64
		want    string
	}{
		{"higher", results.Pair{}, []float64{1.09, 1.1, 1.11}, results.VerdictHigher},
		{"lower", results.Pair{}, []float64{0.91, 0.9, 0.89}, results.VerdictLower},
		{"a small difference is one where differences are asked for", results.Pair{}, []float64{1.009, 1.01, 1.011}, results.VerdictHigher},
		{"none", results.Pair{}, []float64{1.002, 0.998}, results.VerdictEquivalent},
		{"too wide to say", results.Pair{}, []float64{1.2, 0.85, 1.1, 0.9}, results.VerdictInconclusive},
		{"claim of none, small but sure", results.Pair{Equivalence: 0.02}, []float64{1.009, 1.01, 1.011}, results.VerdictEquivalent},
		{"claim of none, refuted", results.Pair{Equivalence: 0.02}, []float64{1.05, 1.06}, results.VerdictHigher},
		{"claim of none, refuted below", results.Pair{Equivalence: 0.02}, []float64{0.95, 0.94}, results.VerdictLower},
		{"claim of none, sure to differ but not by how much", results.Pair{Equivalence: 0.02}, []float64{1.001, 1.015, 1.03}, results.VerdictInconclusive},
		{"claim of none, too wide to say", results.Pair{Equivalence: 0.02}, []float64{1.2, 0.85, 1.1, 0.9}, results.VerdictInconclusive},
		{"a wider margin", results.Pair{Equivalence: 0.1}, []float64{1.05, 1.06}, results.VerdictEquivalent},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.pair.Kind = "group"
			s := duet(c.pair, "handshake", "total_cpu", b, times(b, c.factors...))
			require.Len(t, s.Comparisons, 1)
			got := s.Comparisons[0]
			assert.Equal(t, c.want, got.Verdict)
			assert.Equal(t, 12, got.Blocks)
			require.NotNil(t, got.Ratio)
			require.NotNil(t, got.P)
			assert.LessOrEqual(t, *got.Low, *got.Ratio)
			assert.GreaterOrEqual(t, *got.High, *got.Ratio)
			if c.pair.Equivalence > 0 {
				assert.Equal(t, c.pair.Equivalence, got.Margin)
			} else if c.want != results.VerdictEquivalent {
				assert.Zero(t, got.Margin, "there was no equivalence")
			}
		})
	}
}

func TestComparisonsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name      string
		base, arm []float64
		warning   string
		ratio     bool
	}{
		{"few blocks", drifting(5), times(drifting(5), 2), "no interval: 5 blocks, at least 6 are needed", true},
		{"base of zero", make([]float64, 8), drifting(8), "not compared: compare: base of block 0 is 0", false},
		{"a block without its partner", times(drifting(7), 1, 1, 1, 1, 1, 1, math.NaN()), times(drifting(7), 2), "1 blocks lack one of the two values", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := duet(results.Pair{Kind: "group"}, "handshake", "total_cpu", c.base, c.arm).Comparisons[0]
			require.NotEmpty(t, got.Warnings)
			assert.Contains(t, got.Warnings[0], c.warning)
			assert.Equal(t, c.ratio, got.Ratio != nil)
		})
	}
	few := duet(results.Pair{Kind: "group"}, "handshake", "total_cpu", drifting(5), times(drifting(5), 2)).Comparisons[0]
	assert.Equal(t, results.VerdictInconclusive, few.Verdict, "doubled in every block, and still")
	assert.Nil(t, few.Low)
	assert.Equal(t, 2.0, *few.Ratio)
}

func TestFailuresInTheMiddleAreNotCompared(t *testing.T) {
	f := newFixture(8, 10, "handshake")
	for i := range f.samples {
		if s := &f.samples[i]; s.Arm == 2 && s.Block == 3 {
			s.Class = results.ClassTimeout
		}
	}
	for _, c := range f.summary().Comparisons {
		if c.Metric == "handshake_p50" && c.Arm == f.m.Arms[2].Arm {
			assert.Nil(t, c.Ratio)
			assert.Equal(t, results.VerdictInconclusive, c.Verdict)
			assert.Equal(t, []string{"not compared: the median of at least one block lies among the failures"}, c.Warnings)
			return
		}
	}
	t.Fatal("no comparison")
}

func TestExactComparisons(t *testing.T) {
	for _, c := range []struct {
		name      string
		base, arm []float64
		want      string
		ratio     float64
	}{
		{"a datagram more", []float64{1, 1, 1}, []float64{2, 2, 2}, results.VerdictHigher, 2},
		{"a datagram more, with overlap", []float64{3, 3, 4}, []float64{4, 4, 5}, results.VerdictHigher, 4.0 / 3},
		{"a datagram less", []float64{2, 2}, []float64{1, 1}, results.VerdictLower, 0.5},
		{"the same", []float64{90, 90}, []float64{90, 90}, results.VerdictEquivalent, 1},
		{"dice", []float64{1469, 1477, 1484}, []float64{1470, 1475, 1483}, results.VerdictEquivalent, 1475.0 / 1477},
		{"small but without overlap", []float64{1000, 1000}, []float64{1001, 1001}, results.VerdictHigher, 1.001},
		{"from nothing", []float64{0, 0}, []float64{1, 1}, results.VerdictHigher, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := duet(results.Pair{Kind: "group"}, "wire", "client_bytes", c.base, c.arm).Comparisons[0]
			assert.Equal(t, c.want, got.Verdict)
			assert.Nil(t, got.P, "nothing is tested")
			if c.ratio == 0 {
				assert.Nil(t, got.Ratio)
			} else {
				assert.InDelta(t, c.ratio, *got.Ratio, 1e-12)
			}
		})
	}
}

// The p-value of six blocks that agree is 1/32. Alone that is significant; one of two such comparisons is not.
func TestHolmWithinAFamily(t *testing.T) {
	b := drifting(6)
	one := duet(results.Pair{Kind: "group"}, "handshake", "total_cpu", b, times(b, 1.5)).Comparisons[0]
	assert.Equal(t, results.VerdictHigher, one.Verdict)
	assert.InDelta(t, 2.0/64, *one.P, 1e-12)

	m := results.Manifest{Complete: true}
	var trials []results.Trial
	for i, group := range []string{"X25519", today, kyber768} {
		m.Arms = append(m.Arms, results.ArmOf{Experiment: "handshake", Arm: results.Arm{Group: group}})
		for block, v := range times(b, float64(i+1)) {
			trials = append(trials, results.Trial{Experiment: "handshake", Arm: i, Block: block, Values: map[string]float64{"total_cpu": v, "client_cpu": v}})
		}
	}
	m.Pairs = []results.Pair{{Arm: 1, Base: 0, Kind: "group"}, {Arm: 2, Base: 0, Kind: "group"}}
	all := Summarise(m, nil, trials).Comparisons
	require.Len(t, all, 4)
	for _, c := range all {
		assert.InDelta(t, 2*2.0/64, *c.P, 1e-12, "two comparisons of a metric are a family, two metrics are two")
		assert.Equal(t, results.VerdictInconclusive, c.Verdict)
		assert.Equal(t, []string{"6 blocks cannot show a difference among 2 comparisons: measure at least 7"}, c.Warnings)
	}
}

// Whether the control differs from itself in anything is one question, however many metrics there are.
func TestFamilies(t *testing.T) {
	assert.NotEqual(t, family("handshake", "total_cpu", "group"), family("handshake", "client_cpu", "group"))
	assert.NotEqual(t, family("handshake", "total_cpu", "group"), family("handshake", "total_cpu", "kem"))
	assert.NotEqual(t, family("handshake", "total_cpu", "aa"), family("overhead", "total_cpu", "aa"))
	assert.Equal(t, family("handshake", "total_cpu", "aa"), family("handshake", "client_cpu", "aa"))
}
