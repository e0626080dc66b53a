package report

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

// A load at one rate has a picture, whose two curves are the generator's lateness apart.
func TestPercentileFigure(t *testing.T) {
	f := loadFixture(1, func(int) int64 { return 5e5 }, nil)
	s := f.summary()
	figures := f.run().figures(s)
	require.Len(t, figures, 1, "one rate is no curve over rates")
	assert.Equal(t, "rate-percentiles-handshakes", figures[0].Name)
	svg, err := figures[0].svg()
	require.NoError(t, err)
	for _, text := range []string{"percentile (1000/s)", "n = 2000 handshakes a curve", "since it was sent"} {
		assert.Contains(t, string(svg), text)
	}
	_, of, _ := (&drawer{run: f.run(), s: s, look: lookup{s}, palette: newPalette(f.m)}).tails("handshakes")
	require.Len(t, of["1000/s"], 1)
	curve := of["1000/s"][0]
	assert.InDelta(t, 0.5, curve.intended[1000]-curve.sent[1000], 1e-9, "ms")
	last := curve.drawn()[curvePoints]
	assert.InDelta(t, 0.995, last, 1e-9, "ten of 2,000 units are left")
}

// Curves end before what failed, and an arm of which nothing completes has none.
func TestPercentilesOfFailures(t *testing.T) {
	f := loadFixture(1, func(int) int64 { return 0 }, nil)
	for i := range f.samples {
		if i%10 == 0 {
			f.samples[i].Class = results.ClassTimeout
		}
	}
	d := &drawer{run: f.run(), s: f.summary(), look: lookup{f.summary()}, palette: newPalette(f.m)}
	_, of, _ := d.tails("handshakes")
	assert.True(t, math.IsInf(of["1000/s"][0].intended[1800], 1))
	_, ok := d.percentiles("handshakes")()
	assert.True(t, ok)
	_, ok = d.percentiles("requests")()
	assert.False(t, ok)
	for i := range f.samples {
		f.samples[i].Class = results.ClassTimeout
	}
	assert.NotContains(t, names(f.run().figures(f.summary())), "rate-percentiles-handshakes")
}

// Of many loads three are drawn, on one axis of latency.
func TestPercentilesOfManyLoads(t *testing.T) {
	f := loadFixture(1, func(int) int64 { return 0 }, nil)
	arm, trial, samples := f.m.Arms[0], f.trials[0], slices.Clone(f.samples)
	for n, rate := range []string{"2000/s", "3000/s", "4000/s", "5000/s"} {
		arm.Arm.Rate = rate
		f.m.Arms = append(f.m.Arms, arm)
		trial.Arm = n + 1
		f.trials = append(f.trials, trial)
		for _, s := range samples {
			s.Arm = n + 1
			s.Completed += int64(n+1) * 1e6
			f.samples = append(f.samples, s)
		}
	}
	figures := f.run().figures(f.summary())
	i := slices.IndexFunc(figures, func(f figure) bool { return f.Name == "rate-percentiles-handshakes" })
	require.GreaterOrEqual(t, i, 0)
	require.Len(t, figures[i].panels, 3)
	assert.Contains(t, figures[i].Caption, "of 5 loads the first, the middle and the last")
	for j, of := range []string{"1000/s", "3000/s", "5000/s"} {
		p := figures[i].panels[j]
		assert.Equal(t, "percentile ("+of+")", p.X.Label.Text)
		assert.Equal(t, figures[i].panels[0].Y.Max, p.Y.Max)
	}
}
