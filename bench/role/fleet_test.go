package role

import (
	"crypto/tls"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/loadgen"
	"pqbench/loadgen/fleet"
	"pqbench/origin"
	"pqbench/tunnel"
	"pqbench/tunnel/ca"
)

// A fleet of two offers on two shared sockets comes up, loses its edge, and comes back to another one at the same address.
func TestAFleetComesBack(t *testing.T) {
	const tunnels = 6
	goroutines := runtime.NumGoroutine()
	authority, err := ca.New("")
	require.NoError(t, err)
	leaf, root, err := authority.PEM()
	require.NoError(t, err)
	site := httptest.NewServer(origin.New())
	control := &Control{clock: loadgen.NewClock()}
	var creds []tunnel.Credentials
	offerOf := make([]int, tunnels)
	for i := range tunnels {
		creds = append(creds, tunnel.Credentials{AccountTag: "a", TunnelSecret: []byte("secret"), TunnelID: uuid.New()})
		offerOf[i] = i % 2
	}
	edge := func(at ListenReply) (*EdgeRole, ListenReply) {
		e := &EdgeRole{Control: control}
		require.NoError(t, e.Authorize(creds, &None{}))
		var reply ListenReply
		require.NoError(t, e.Listen(ListenArgs{LeafPEM: leaf, At: at, Metered: true, Fleet: true}, &reply))
		return e, reply
	}
	first, at := edge(ListenReply{})
	connectors := &ConnectorRole{Control: control}
	var up FleetReply
	require.NoError(t, connectors.StartFleet(FleetArgs{
		Edges: []string{at.Tunnel}, RootPEM: root, Origin: site.URL, Connections: 1, Tunnels: creds, OfferOf: offerOf,
		Offers:  []FleetOffer{{[]tls.CurveID{tls.X25519}, tls.X25519}, {[]tls.CurveID{tls.X25519MLKEM768}, tls.X25519MLKEM768}},
		Sockets: 2, Seed: 1, Timeout: 20 * time.Second,
	}, &up))
	assert.Equal(t, tunnels, up.Up)
	assert.Positive(t, up.Sent.Bytes)
	groups := map[tls.CurveID]int{}
	for _, e := range up.Events {
		if e.Kind == fleet.Dialed {
			groups[e.Group]++
		}
	}
	assert.Equal(t, tunnels, up.Dials.Begun, "counted where they begin")
	assert.Empty(t, up.Dials.InProgress)
	assert.Equal(t, map[tls.CurveID]int{tls.X25519: tunnels / 2, tls.X25519MLKEM768: tunnels / 2}, groups)
	var state EdgeState
	require.NoError(t, first.State(None{}, &state))
	assert.EqualValues(t, tunnels, state.Stats.Registered)
	assert.Positive(t, state.Sent.Datagrams)

	outage := control.clock.Now()
	require.NoError(t, first.Close(None{}, &None{}))
	second, again := edge(at)
	assert.Equal(t, at.Tunnel, again.Tunnel)
	var back FleetReply
	require.NoError(t, connectors.WaitFleet(WaitArgs{Losses: tunnels, Timeout: 20 * time.Second}, &back))
	assert.True(t, back.Whole)
	assert.Equal(t, tunnels, back.Losses)
	c := fleet.Follow(back.Events, outage, tunnels)
	assert.Equal(t, tunnels, c.Back)
	assert.Equal(t, back.Dials.Begun-up.Dials.Begun, c.Dials+len(back.Dials.InProgress))
	assert.Positive(t, c.Back100)
	assert.LessOrEqual(t, c.Back50, c.Back100)
	var impatient FleetReply
	require.NoError(t, connectors.WaitFleet(WaitArgs{Losses: tunnels + 1, Timeout: 50 * time.Millisecond}, &impatient))
	assert.False(t, impatient.Whole, "nothing more was lost")

	require.NoError(t, connectors.StopFleet(None{}, &None{}))
	require.Error(t, connectors.Fleet(None{}, &up), "there is none any more")
	require.NoError(t, second.Close(None{}, &None{}))
	site.Close()
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines+2 }, 10*time.Second, 20*time.Millisecond, "goroutines are left")
}
