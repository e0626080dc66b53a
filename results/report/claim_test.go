package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outcomes are the claims' by group and text.
func outcomes(f *fixture) map[string]string {
	out := make(map[string]string)
	for _, c := range claims(f.summary()) {
		out[c.group+": "+c.text] = c.outcome
	}
	return out
}

func TestClaims(t *testing.T) {
	f := newFixture(30, 60, "wire", "requests", "goodput")
	got := outcomes(f)
	assert.Equal(t, holds, got[kyber512+": the ClientHello fits one Initial datagram"])
	assert.Equal(t, holds, got[kyber768+": the ClientHello needs two Initial datagrams"])
	assert.Equal(t, holds, got[today+": the ClientHello needs two Initial datagrams"])
	assert.Equal(t, holds, got[kyber768+": about a kilobyte more each way, in messages"])
	assert.Equal(t, doesNotHold, got[kyber512+": about a kilobyte more each way, in UDP payload"], "the padding of the Initial swallows it")
	assert.Equal(t, notMeasured, got[kyber768+": once established, no difference"])
}

func TestClaimsThatFail(t *testing.T) {
	f := newFixture(30, 20, "wire", "requests", "goodput")
	for i, trial := range f.trials {
		a := f.m.Arms[trial.Arm].Arm
		switch {
		case a.Group == kyber512 && trial.Experiment == "wire":
			f.trials[i].Values["client_initial_datagrams"] = 2
		case a.Group == today && trial.Experiment == "goodput":
			f.trials[i].Values["goodput_up"] *= 0.9
		}
	}
	got := outcomes(f)
	assert.Equal(t, doesNotHold, got[kyber512+": the ClientHello fits one Initial datagram"])
	assert.Equal(t, doesNotHold, got[today+": once established, no difference"])
	sentences := answer(f.summary())
	assert.Contains(t, sentences[2], "Once the tunnel stands there is a difference: upload −9.3 % [−10.2, −8.9]")
}

func TestNothingClaimedWithoutMeasurement(t *testing.T) {
	f := newFixture(8, 20, "kex")
	for _, c := range claims(f.summary()) {
		assert.Equal(t, notMeasured, c.outcome)
	}
	_, ok := claimsTable(f.summary())
	assert.False(t, ok)
}

func TestAnswerIsThreeSentences(t *testing.T) {
	got := answer(newFixture(20, 60, everything...).summary())
	require.Len(t, got, 3)
	assert.Regexp(t, `^A handshake with X25519MLKEM768 takes 1\.4\d ms instead of 1\.1\d ms with X25519 \(\+2\d`, got[0])
	assert.Contains(t, got[0], "of CPU on both sides together")
	assert.Contains(t, got[1], "the client's first flight takes 2 datagrams instead of 1")
	assert.Contains(t, got[2], "assembly runs the KEM of X25519Kyber768Draft00 1.6 (key generation)")
}
