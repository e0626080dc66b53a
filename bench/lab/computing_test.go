package lab

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/bench"
)

var someCost = &Cost{
	Share: bench.Duration(100 * time.Microsecond), Server: bench.Duration(time.Millisecond), Client: bench.Duration(200 * time.Microsecond),
}

// One client waits for nobody: its handshake takes a round trip and every step of computing.
func TestComputingTakesItsTime(t *testing.T) {
	for _, offer := range []string{"X25519", "X25519MLKEM768"} {
		got := trials(t, Job{Cell: Cell{Offer: []string{offer}, RTT: 20 * time.Millisecond, Loss: "0", Cost: someCost}}, 1)[0]
		require.Empty(t, got.Class, got.Detail)
		assert.Equal(t, 21300*time.Microsecond, got.Handshake.Round(time.Microsecond), offer)
		assert.Equal(t, 1300*time.Microsecond, got.Explanation.Computing, offer)
		assert.Zero(t, got.Explanation.Cores, offer)
		assert.Equal(t, got.Handshake, got.Explanation.Sum(), offer)
	}
}

// Clients that dial together are served by k cores in turn: of n, the i-th waits for ⌊i/k⌋ others.
func TestClientsWaitForCores(t *testing.T) {
	const n, k = 10, 3
	got := trials(t, Job{Cell: Cell{Offer: []string{"X25519MLKEM768"}, RTT: 20 * time.Millisecond, Loss: "0", Cost: someCost, Clients: n, Cores: k}}, n)
	require.Len(t, got, n)
	var waits []time.Duration
	for _, r := range got {
		require.Empty(t, r.Class, r.Detail)
		assert.Equal(t, r.Handshake, r.Explanation.Sum())
		assert.Equal(t, 1300*time.Microsecond, r.Explanation.Computing)
		assert.Equal(t, 21300*time.Microsecond, (r.Handshake - r.Explanation.Cores).Round(time.Microsecond))
		waits = append(waits, r.Explanation.Cores)
	}
	slices.Sort(waits)
	for i, w := range waits {
		assert.Equal(t, time.Duration(i/k)*time.Millisecond, w.Round(time.Microsecond), "client %d", i)
	}
}

// Under loss, too, every part of the time is accounted for; computing that was over before what the client waited for in
// the end was sent again is no part of it.
func TestComputingUnderLossIsExplained(t *testing.T) {
	for _, r := range trials(t, Job{Cell: Cell{Offer: []string{"X25519MLKEM768"}, RTT: 20 * time.Millisecond, Loss: "10%", Cost: someCost, Clients: 4, Cores: 1}, Seed: 5}, 100) {
		if r.Class == "" {
			require.Equal(t, r.Handshake, r.Explanation.Sum())
			require.LessOrEqual(t, r.Explanation.Computing, 1300*time.Microsecond)
		}
	}
}
