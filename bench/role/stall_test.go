package role

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/testutils/simnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/loadgen"
	"pqbench/results"
	"pqbench/tunnel"
	"pqbench/tunnel/ca"
	"pqbench/tunnel/connector"
	"pqbench/tunnel/edge"
)

// way is the latency of the simulated network in each direction.
const way = 5 * time.Millisecond

// stallingEdge is an edge whose handshakes make no progress from begin to end, and a dial to it, in virtual time.
func stallingEdge(t *testing.T, authority *ca.CA, begin, end time.Time) loadgen.Dial {
	network := &simnet.Simnet{Router: &simnet.PerfectRouter{}}
	var sockets []*simnet.SimConn
	for i := range 2 {
		address := &net.UDPAddr{IP: net.IPv4(10, 0, 0, byte(i+1)), Port: tunnel.DefaultPort}
		sockets = append(sockets, network.NewEndpoint(address, simnet.NodeBiDiLinkSettings{Latency: way}))
	}
	require.NoError(t, network.Start())
	// The certificate was made in real time, which virtual time is behind of.
	now := func() time.Time { return authority.Leaf().Leaf.NotBefore.Add(time.Hour) }
	leaf := &tls.Config{Certificates: []tls.Certificate{authority.Leaf()}, Time: now, NextProtos: []string{tunnel.ALPN}, MinVersion: tls.VersionTLS13}
	stalls := leaf.Clone()
	stalls.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if now := time.Now(); !now.Before(begin) && now.Before(end) {
			time.Sleep(end.Sub(now))
		}
		return leaf, nil
	}
	e, err := edge.Listen(edge.Config{
		TLS: stalls, PacketConn: sockets[0], RetryAbove: -1,
		Authorize: func(string, uuid.UUID) ([]byte, bool) { return nil, false },
	})
	require.NoError(t, err)
	tr := &quic.Transport{Conn: sockets[1]}
	dialer := &connector.Dialer{TLS: &tls.Config{RootCAs: authority.Pool(), CurvePreferences: []tls.CurveID{tls.X25519}, Time: now}}
	t.Cleanup(func() {
		require.NoError(t, e.Close(context.Background()))
		require.NoError(t, tr.Close())
		for _, s := range sockets {
			require.NoError(t, s.Close())
		}
		network.Close()
	})
	return func(ctx context.Context, _ int) (loadgen.Conn, error) {
		c, err := dialer.Dial(ctx, tr, e.Addr())
		if err != nil {
			return nil, err
		}
		return (*conn)(c), nil
	}
}

// latenciesOf are in increasing order; a failure ends the test.
func latenciesOf(t *testing.T, samples []results.Sample) (times []time.Duration) {
	for _, s := range samples {
		require.Empty(t, s.Class, s.Detail)
		times = append(times, time.Duration(s.Completed-s.Intended))
	}
	slices.Sort(times)
	return times
}

// An edge that stalls for a second, met by real handshakes: in the open loop every handshake that was intended meanwhile
// shows what it waited, and p99.9 has the whole second. The two workers of a closed loop make two slow ones, and p98 knows nothing.
func TestAStallAtTheEdgeShows(t *testing.T) {
	authority, err := ca.New("")
	require.NoError(t, err)
	const rtt = 2 * way
	t.Run("open loop", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			clock, begin := loadgen.NewClock(), time.Now().Add(500*time.Millisecond)
			dial := stallingEdge(t, authority, begin, begin.Add(time.Second))
			at, err := loadgen.Schedule([]loadgen.Phase{{Time: 2 * time.Second, From: 250, To: 250}}, 1)
			require.NoError(t, err)
			open := loadgen.Open{Workers: 600, At: at, Clock: clock, NewWaiter: loadgen.NewSleeper}
			samples, scheduled, dropped := open.Run(t.Context(), loadgen.Handshake(clock, dial, 5*time.Second))
			require.NoError(t, loadgen.Check(samples, scheduled, dropped))
			times := latenciesOf(t, samples)
			require.Len(t, times, 500)
			assert.Equal(t, rtt, times[240], "all that did not meet it")
			assert.Equal(t, time.Second+rtt-time.Millisecond, times[499], "p99.9: the first that met it was intended 4 ms before, and arrived 1 ms after its beginning")
			assert.Equal(t, time.Second+rtt-5*time.Millisecond, times[498])
		})
	})
	t.Run("closed loop", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			clock, begin := loadgen.NewClock(), time.Now().Add(500*time.Millisecond)
			dial := stallingEdge(t, authority, begin, begin.Add(time.Second))
			closed := loadgen.Closed{Workers: 2, Duration: 2 * time.Second, Clock: clock}
			samples, scheduled, dropped := closed.Run(t.Context(), loadgen.Handshake(clock, dial, 5*time.Second))
			require.NoError(t, loadgen.Check(samples, scheduled, dropped))
			times := latenciesOf(t, samples)
			n := len(times)
			assert.Greater(t, times[n-2], time.Second-rtt)
			assert.Equal(t, rtt, times[n-3], "every other one")
			assert.Equal(t, rtt, times[n*98/100-1], "p98")
		})
	})
}
