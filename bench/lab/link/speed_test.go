package link_test

import (
	"crypto/tls"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/testutils/simnet"
	"github.com/stretchr/testify/require"

	"pqbench/bench/lab/link"
	"pqbench/tunnel/ca"
)

// Handshakes per second of wall time over a link and over quic-go's simnet, a dozen of each in turn, so that what else
// the machine does hits both. No Benchmark, since a bubble needs a *testing.T. With -v and GOMAXPROCS=1 it prints what the
// lab's speed rests on; it fails below half, since machines are noisy and what it guards against is a mistake of complexity.
func TestSpeed(t *testing.T) {
	authority, err := ca.New("")
	require.NoError(t, err)
	const rounds, each = 12, 12
	for _, group := range []tls.CurveID{tls.X25519, tls.X25519MLKEM768} {
		overLink := func(t *testing.T) {
			client, server, _ := link.Connect(link.Symmetric(link.Direction{Delay: 50 * time.Millisecond}), link.Schedule{}, clientAddr, serverAddr)
			dialOnce(t, authority, client, server, group)
		}
		overSimnet := func(t *testing.T) {
			network := &simnet.Simnet{Router: &simnet.PerfectRouter{}}
			defer network.Close()
			half := simnet.NodeBiDiLinkSettings{Latency: 50 * time.Millisecond}
			client, server := network.NewEndpoint(clientAddr, half), network.NewEndpoint(serverAddr, half)
			require.NoError(t, network.Start())
			dialOnce(t, authority, client, server, group)
		}
		var took [2]time.Duration
		for range rounds {
			for i, once := range []func(*testing.T){overLink, overSimnet} {
				start := time.Now()
				for range each {
					synctest.Test(t, once)
				}
				took[i] += time.Since(start)
			}
		}
		perSecond := func(d time.Duration) float64 { return rounds * each / d.Seconds() }
		ratio := perSecond(took[0]) / perSecond(took[1])
		t.Logf("%v: link %.0f/s, simnet %.0f/s, ratio %.2f", group, perSecond(took[0]), perSecond(took[1]), ratio)
		require.Greater(t, ratio, 0.5)
	}
}

// dialOnce makes one handshake and closes everything.
func dialOnce(t *testing.T, authority *ca.CA, client, server net.PacketConn, group tls.CurveID) {
	defer client.Close()
	defer server.Close()
	here, there := &quic.Transport{Conn: client}, &quic.Transport{Conn: server}
	defer here.Close()
	defer there.Close()
	l, err := there.Listen(&tls.Config{Certificates: []tls.Certificate{authority.Leaf()}, NextProtos: []string{alpn}, Time: certificateTime}, nil)
	require.NoError(t, err)
	defer l.Close()
	c, err := here.Dial(t.Context(), serverAddr, &tls.Config{
		RootCAs: authority.Pool(), ServerName: "quic.cftunnel.com", NextProtos: []string{alpn}, Time: certificateTime, CurvePreferences: []tls.CurveID{group},
	}, nil)
	require.NoError(t, err)
	require.NoError(t, c.CloseWithError(0, ""))
}
