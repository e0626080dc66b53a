package capacity

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// small is a target that the storm decides, on hosts so small that their parts of the fleet differ.
func small() Target {
	t := target()
	t.Tunnels, t.Cores, t.RPS, t.Egress, t.Headroom = 300, 1, 0, 0, 0
	t.Recover = 45 * time.Second
	return t
}

// slow are costs with reconnections so long that chance makes queues on some hosts; a tenth more for the second group.
func slow(reconnection time.Duration) []made {
	arms := all()
	for _, a := range arms {
		if _, ok := a.values["edge_ramp_cpu"]; ok {
			each := float64(reconnection)
			if a.arm.KEM != "" {
				each *= 1.1
			}
			a.values["edge_ramp_cpu"] = 1e9 + float64(a.arm.Tunnels)*4*each
		}
	}
	return arms
}

// Hosts that the simulation asks for beyond the average are in the answer whole: in its draws, in differences, in what-ifs.
func TestUnevenHosts(t *testing.T) {
	want := small()
	m, err := Read([]string{folder(t, 0.01, madeBlocks, nil, slow(200*time.Millisecond)...)}, &want)
	require.NoError(t, err)
	var p *Plan
	for want.Seed = 1; want.Seed < 30; want.Seed++ { // until chance makes queues for both groups
		p, err = Compute(t.Context(), want, m)
		require.NoError(t, err)
		if p.Answers[0].Uneven > 1 && p.Answers[1].Uneven > 1 {
			break
		}
	}
	for i := range p.Answers {
		a := &p.Answers[i]
		require.Greater(t, a.Uneven, 1.0, "hosts that are equal need no more: the test tests nothing")
		average := want.answer(&m.Costs[i], a.Rates, 1)
		require.Greater(t, a.Hosts.Value, average.Hosts.Value)
		require.Equal(t, a.Hosts.Value, float64(a.Storm.Config.Hosts))
		require.Equal(t, dimStorm, a.Binding)
		require.InDelta(t, a.Hosts.Value, a.Dimensions[1].Hosts.Value, 1e-3)
		for k := range a.drawn {
			require.GreaterOrEqual(t, a.drawn[k], average.drawn[k])
		}
		require.Less(t, a.Hosts.Low, a.Hosts.High)
		require.LessOrEqual(t, a.Hosts.Low, a.Hosts.Value)
		require.GreaterOrEqual(t, a.Hosts.High, a.Hosts.Value)
		top := p.Curves[i].Hosts[dimStorm][19] // at the target
		require.InDelta(t, a.Hosts.Value, top, 1e-3)
		for _, w := range p.WhatIfs {
			if w.Change == "twice the time to recover" {
				other := want
				other.Recover *= 2
				answer, err := other.whatIf(t.Context(), &m.Costs[i], a.Uneven)
				require.NoError(t, err)
				require.Equal(t, answer, w.Answers[i])
				require.LessOrEqual(t, answer.Low, answer.Hosts)
				require.LessOrEqual(t, answer.Hosts, answer.High)
			}
		}
	}
	// The medians of the two answers are whole numbers of hosts, and so is what is between them in a draw of no spread.
	d := Difference(&p.Answers[0], &p.Answers[1])
	require.Equal(t, p.Answers[1].Hosts.Value-p.Answers[0].Hosts.Value, d.Value)
	require.LessOrEqual(t, d.Low, d.Value)
	require.GreaterOrEqual(t, d.High, d.Value)
	require.Empty(t, p.Answers[0].Late)
}

// Fleets so small that noise makes their line flat, or worse, do not make reconnections free: the handshake is the least
// that one costs, and where that was not measured either, there is no answer.
func TestNoisyReconnection(t *testing.T) {
	want := small()
	m, err := Read([]string{folder(t, 0, madeBlocks, nil, slow(0)...)}, &want)
	require.NoError(t, err)
	handshake, registration := m.Costs[0].steps()
	require.Equal(t, 500*time.Microsecond, handshake)
	require.Zero(t, registration)
	a, err := want.solve(t.Context(), &m.Costs[0])
	require.NoError(t, err)
	require.InDelta(t, a.Rate*handshake.Seconds(), a.Dimensions[1].Need.Value-300*100e-6, 1e-3)
	require.NoError(t, want.simulate(t.Context(), &m.Costs[0], &a))

	m, err = Read([]string{folder(t, 0, madeBlocks, nil, without(slow(0), "handshake")...)}, &want)
	require.NoError(t, err)
	require.Nil(t, m.Costs[0].reconnect())
	require.Contains(t, m.Costs[0].Missing[reconnection], "did not take more than smaller ones")
	a, err = want.solve(t.Context(), &m.Costs[0])
	require.NoError(t, err)
	require.Contains(t, a.refused(), dimStorm)
	require.NoError(t, want.simulate(t.Context(), &m.Costs[0], &a))
}

// A storm that takes too long on every number of hosts that was tried is not passed over.
func TestLateStorm(t *testing.T) {
	want := small()
	m, err := Read([]string{folder(t, 0, madeBlocks, nil, slow(2500*time.Millisecond)...)}, &want)
	require.NoError(t, err)
	p := &Plan{Target: want, Measured: m, Answers: make([]Answer, 1)}
	p.Answers[0], err = want.solve(t.Context(), &m.Costs[0])
	require.NoError(t, err)
	require.Positive(t, p.Answers[0].Rate)
	first := p.Answers[0].Hosts.Value
	require.NoError(t, want.simulate(t.Context(), &m.Costs[0], &p.Answers[0]))
	require.Greater(t, p.Answers[0].Hosts.Value, first)
	require.Contains(t, strings.Join(p.warnings(), "\n"), "so it did on every number of hosts that was tried, 8 of them")

	// Without what normal operation takes, no number of hosts is known to be enough.
	want.RPS = 1000
	m, err = Read([]string{folder(t, 0, madeBlocks, nil, without(slow(2500*time.Millisecond), "requests")...)}, &want)
	require.NoError(t, err)
	a, err := want.solve(t.Context(), &m.Costs[0])
	require.NoError(t, err)
	hosts := a.Hosts
	require.NoError(t, want.simulate(t.Context(), &m.Costs[0], &a))
	require.Equal(t, hosts, a.Hosts)
	require.Contains(t, a.Late, "cannot be said without what normal operation takes")
}
