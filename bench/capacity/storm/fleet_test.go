package storm

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go/testutils/simnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/loadgen"
	"pqbench/loadgen/fleet"
	"pqbench/tunnel"
	"pqbench/tunnel/ca"
	"pqbench/tunnel/edge"
)

// outages is a network that loses everything while the edge is away.
type outages struct {
	simnet.PerfectRouter
	away atomic.Bool
}

func (o *outages) SendPacket(p simnet.Packet) error {
	if o.away.Load() {
		return nil
	}
	return o.PerfectRouter.SendPacket(p)
}

// realStorm is a storm of real connectors at a real edge, in virtual time: computing takes none. Its edge goes away in
// good order, so that everybody is told.
type realStorm struct {
	authority *ca.CA
	router    *outages
	socket    *simnet.SimConn // the edge's
	members   []fleet.Member
	secret    []byte
	now       func() time.Time // for certificates, which were made in real time
}

func newRealStorm(t *testing.T, c Config, authority *ca.CA) (s *realStorm, listen func() (net.PacketConn, error)) {
	s = &realStorm{authority: authority, router: &outages{}, secret: make([]byte, 32)}
	s.now = func() time.Time { return authority.Leaf().Leaf.NotBefore.Add(time.Hour) }
	network := &simnet.Simnet{Router: s.router}
	endpoint := func(host byte) *simnet.SimConn {
		at := &net.UDPAddr{IP: net.IPv4(10, 0, 0, host), Port: tunnel.DefaultPort}
		return network.NewEndpoint(at, simnet.NodeBiDiLinkSettings{Latency: c.RTT / 2})
	}
	s.socket = endpoint(1)
	client := endpoint(2)
	require.NoError(t, network.Start())
	offer := &fleet.Offer{Want: tls.X25519, TLS: &tls.Config{RootCAs: authority.Pool(), CurvePreferences: []tls.CurveID{tls.X25519}, Time: s.now}}
	for range c.Tunnels {
		s.members = append(s.members, fleet.Member{Offer: offer, Credentials: tunnel.Credentials{AccountTag: "storm", TunnelSecret: s.secret, TunnelID: uuid.New()}})
	}
	t.Cleanup(func() {
		require.NoError(t, s.socket.Close())
		require.NoError(t, client.Close())
		network.Close()
	})
	return s, func() (net.PacketConn, error) { return client, nil }
}

// borrowed is a socket that outlives who listens at it: the edge comes back where it was.
type borrowed struct{ *simnet.SimConn }

func (borrowed) Close() error { return nil }

func (s *realStorm) listen(t *testing.T) *edge.Edge {
	e, err := edge.Listen(edge.Config{
		TLS:        &tls.Config{Certificates: []tls.Certificate{s.authority.Leaf()}, Time: s.now, NextProtos: []string{tunnel.ALPN}, MinVersion: tls.VersionTLS13},
		PacketConn: borrowed{s.socket}, RetryAbove: -1, ConnectionIDLength: 8,
		Authorize: func(string, uuid.UUID) ([]byte, bool) { return s.secret, true },
	})
	require.NoError(t, err)
	return e
}

// The simulation and real connectors, which wait the same, agree on when everybody is back, dial for dial. What differs
// by a step of the time line is rounding.
func TestSimulationIsWhatRealConnectorsDo(t *testing.T) {
	authority, err := ca.New("")
	require.NoError(t, err)
	for name, outage := range map[string]time.Duration{"short": 2 * time.Second, "longer than a dial is patient": 12 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := Config{
					Tunnels: 10, Connections: 4, Told: true, Service: 1, Outage: outage, RTT: 20 * time.Millisecond,
					Bin: fleet.Step, Seed: 1, Replay: 7,
				}
				simulated := run(t, c)
				s, listen := newRealStorm(t, c, authority)
				before := s.listen(t)
				clock := loadgen.NewClock()
				f, err := fleet.Start(t.Context(), fleet.Config{
					Members: s.members, Edges: []net.Addr{s.socket.LocalAddr()}, Origin: &url.URL{Scheme: "http", Host: "origin.invalid"},
					Sockets: 1, Listen: listen, Seed: c.Replay, Clock: clock,
				})
				require.NoError(t, err)
				defer f.Stop()
				f.Take()

				gone := clock.Now()
				// It does not wait for connections to end, and is heard before the way is cut.
				ended, cancel := context.WithCancel(t.Context())
				cancel()
				_ = before.Close(ended)
				<-time.After(c.RTT)
				s.router.away.Store(true)
				<-time.After(c.Outage - c.RTT)
				s.router.away.Store(false)
				after := s.listen(t)
				defer func() { _ = after.Close(ended) }()
				require.NoError(t, f.Whole(t.Context(), simulated.Connections))

				events, _ := f.Take()
				course := fleet.Follow(events, gone, simulated.Connections)
				assert.Equal(t, simulated.Dials, course.Dials)
				for share, at := range map[float64]int64{0.5: course.Back50, 0.99: course.Back99, 1: course.Back100} {
					want, ok := simulated.Recovered(share)
					require.True(t, ok)
					assert.InDelta(t, want.Seconds(), time.Duration(at-gone-int64(c.Outage)).Seconds(), fleet.Step.Seconds()*1.5, "%v %% back", 100*share)
				}
			})
		})
	}
}
