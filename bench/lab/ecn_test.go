package lab

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/bench"
	"pqbench/bench/lab/link"
)

// Marks that are cleared or mangled cost a tunnel nothing. Where marked datagrams vanish every handshake succeeds, which
// marks nothing, and no connection registers before it times out: QUIC does not try without marks early enough. Computing
// changes none of it.
func TestMiddleboxesThatActOnECN(t *testing.T) {
	t.Setenv("QUIC_GO_DISABLE_ECN", "0")
	t.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "1")
	if err := link.MarkingUnsupported(); err != nil {
		t.Skip(err)
	}
	const rtt = 50 * time.Millisecond
	for _, cost := range []*Cost{nil, {Share: bench.Duration(time.Millisecond), Server: bench.Duration(time.Millisecond), Client: bench.Duration(time.Millisecond)}} {
		handshake := rtt
		if cost != nil {
			handshake += 3 * time.Millisecond
		}
		for _, box := range []string{"", "clear-ecn", "mangle-ecn", "block-ecn"} {
			cell := Cell{Offer: []string{"X25519MLKEM768"}, RTT: rtt, Middlebox: box, Cost: cost}
			for _, r := range trials(t, Job{Cell: cell, Seed: 1, Requests: []int{1000}}, 3) {
				require.Empty(t, r.Class, box)
				assert.Equal(t, handshake, r.Handshake.Round(time.Millisecond), box)
				if box == "block-ecn" {
					assert.Contains(t, r.Detail, "register connection", box)
					assert.Zero(t, r.Registered, box)
					continue
				}
				assert.Empty(t, r.Detail, box)
				assert.Equal(t, handshake+rtt, r.Registered.Round(time.Millisecond), box)
				require.Len(t, r.Answers, 1, box)
				assert.Equal(t, rtt, r.Answers[0].Last.Round(time.Millisecond), box)
			}
		}
	}
}

// A connector whose first connection did not register makes no second: that would be another trial's, with the luck of
// its back-off.
func TestTunnelThatDoesNotRegisterEndsItsTrial(t *testing.T) {
	s := &setting{}
	cell := Cell{Offer: []string{"X25519"}, RTT: 50 * time.Millisecond, Loss: "0", Cert: "ecdsa-p256", Accept: "all", Middlebox: "block-ecn"}
	t.Setenv("QUIC_GO_DISABLE_ECN", "0")
	t.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "1")
	if err := link.MarkingUnsupported(); err != nil {
		t.Skip(err)
	}
	require.NoError(t, s.ready(cell))
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		all := s.run(t, Job{Cell: cell, Seed: 1, Requests: []int{1000}}, 0)
		require.Len(t, all, 1)
		assert.Zero(t, all[0].Registered)
		assert.Less(t, time.Since(start), patience/2)
	})
}

// A middlebox that acts on ECN is left out, with the reason, where quic-go would mark nothing.
func TestECNIsLeftOutWhereNothingIsMarked(t *testing.T) {
	t.Setenv("QUIC_GO_DISABLE_ECN", "1")
	e := Experiment{Run: Middleboxes, Groups: []string{"X25519"}}
	require.NoError(t, e.complete())
	cells, skipped, err := e.Cells()
	require.NoError(t, err)
	assert.Len(t, cells, 1+len(link.Middleboxes())-3)
	assert.Len(t, skipped, 3)
	assert.Contains(t, skipped[0], "clear-ecn: ")
	assert.Equal(t, []bench.Size{1000}, e.Requests, "behind every middlebox stands a tunnel")

	e.Middleboxes = []string{"block-ecn"}
	require.ErrorContains(t, e.complete(), "block-ecn: ")
}
