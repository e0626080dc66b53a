package link

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// fates are the first n decisions of a model.
func fates(l Loss, s Schedule, d Dir, n int) []bool {
	lost := make([]bool, n)
	for i, draws, chain := 0, s.direction(d), l.chain(); i < n; i++ {
		lost[i] = chain(draws.next())
	}
	return lost
}

// mean is the share of losses and the mean length of a run of them.
func mean(lost []bool) (share, burst float64) {
	losses, bursts := 0, 0
	for i, l := range lost {
		if l {
			losses++
			if i == 0 || !lost[i-1] {
				bursts++
			}
		}
	}
	return float64(losses) / float64(len(lost)), float64(losses) / float64(max(bursts, 1))
}

func TestLossHasItsMeanAndBursts(t *testing.T) {
	const n = 400_000
	for _, c := range []struct {
		model       Loss
		mean, burst float64 // closed forms
	}{
		{IID{0}, 0, 0},
		{IID{1}, 1, n},
		{IID{0.05}, 0.05, 1 / 0.95},
		{IID{0.5}, 0.5, 2},
		{GilbertElliott{P: 0.01, R: 0.25}, 0.01 / 0.26, 4},
		{GilbertElliott{P: 0.05, R: 0.5}, 0.05 / 0.55, 2},
		{GilbertElliott{P: 0.1, R: 0.1, H: 0.5, K: 0.9}, 0.5*0.5 + 0.5*0.1, math.NaN()},
	} {
		share, burst := mean(fates(c.model, Schedule{Seed: 11}, Up, n))
		// Losses of a chain are correlated over 1/(p+r) datagrams: the standard error is that of fewer.
		independent := float64(n)
		if g, ok := c.model.(GilbertElliott); ok {
			independent *= (g.P + g.R) / 2
		}
		require.InDelta(t, c.mean, c.model.Mean(), 1e-12, c.model)
		require.InDelta(t, c.mean, share, 4*math.Sqrt(c.mean*(1-c.mean)/independent), c.model)
		if !math.IsNaN(c.burst) {
			require.InEpsilon(t, 1+c.burst, 1+burst, 0.03, c.model)
		}
	}
}

// A chain is in its stationary state from the first datagram on: over many trials the first one is lost as often as any.
func TestChainBeginsStationary(t *testing.T) {
	l := GilbertElliott{P: 0.05, R: 0.2}
	const trials = 20_000
	for _, i := range []int{0, 1, 5} {
		lost := 0
		for trial := range uint64(trials) {
			if fates(l, Schedule{Trial: trial}, Down, i+1)[i] {
				lost++
			}
		}
		require.InDelta(t, l.Mean(), float64(lost)/trials, 4*math.Sqrt(l.Mean()*(1-l.Mean())/trials), "datagram %d", i)
	}
}

// What is lost at 1 % is lost at 5 %, so that a sweep over losses compares like with like.
func TestLossesAreNested(t *testing.T) {
	few, many := fates(IID{0.01}, Schedule{}, Up, 10_000), fates(IID{0.05}, Schedule{}, Up, 10_000)
	for i := range few {
		require.False(t, few[i] && !many[i], "datagram %d", i)
	}
}

// Neighbouring seeds, trials and directions have schedules that agree no more often than chance has it.
func TestSchedulesAreIndependent(t *testing.T) {
	const n = 100_000
	a := fates(IID{0.5}, Schedule{Seed: 1, Trial: 1}, Up, n)
	for name, b := range map[string][]bool{
		"direction": fates(IID{0.5}, Schedule{Seed: 1, Trial: 1}, Down, n),
		"trial":     fates(IID{0.5}, Schedule{Seed: 1, Trial: 2}, Up, n),
		"seed":      fates(IID{0.5}, Schedule{Seed: 2, Trial: 1}, Up, n),
		"swapped":   fates(IID{0.5}, Schedule{Seed: 2, Trial: 1}, Down, n),
	} {
		same := 0
		for i := range a {
			if a[i] == b[i] {
				same++
			}
		}
		require.InDelta(t, 0.5, float64(same)/n, 4*0.5/math.Sqrt(n), name)
	}
	require.Equal(t, a, fates(IID{0.5}, Schedule{Seed: 1, Trial: 1}, Up, n))
}
