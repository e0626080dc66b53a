package connector

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/testutils/simnet"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/registration"
)

const patience = 20 * time.Second

func TestBackoffLaw(t *testing.T) {
	const almost = 1 - 1e-9
	tests := []struct {
		failures int
		below    time.Duration
	}{{1, 2 * time.Second}, {2, 4 * time.Second}, {3, 8 * time.Second}, {4, 16 * time.Second}, {5, 32 * time.Second}, {6, 32 * time.Second}, {1000, 32 * time.Second}}
	for _, test := range tests {
		require.Zero(t, backoff(test.failures, 0))
		require.Equal(t, test.below/2, backoff(test.failures, 0.5))
		require.Less(t, backoff(test.failures, almost), test.below)
		require.Greater(t, backoff(test.failures, almost), test.below-time.Millisecond)
	}
}

func config(edges ...net.Addr) Config {
	return Config{
		Edges: edges, Connections: 1,
		Origin:      &url.URL{Scheme: "http", Host: "127.0.0.1:1"},
		Credentials: tunnel.Credentials{AccountTag: "a", TunnelSecret: []byte("s"), TunnelID: uuid.New()},
		Dialer:      &Dialer{TLS: &tls.Config{InsecureSkipVerify: true}},
	}
}

// Two edges that are not there, in virtual time: each dial takes the handshake
// time-out, each wait is exactly what was announced, the slots take turns.
func TestDeadEdgesAreRetriedInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &simnet.Simnet{Router: &simnet.PerfectRouter{}}
		defer network.Close() // last: it waits for its endpoints
		address := func(host byte) *net.UDPAddr { return &net.UDPAddr{IP: net.IPv4(10, 0, 0, host), Port: 7844} }
		socket := network.NewEndpoint(address(1), simnet.NodeBiDiLinkSettings{Latency: 10 * time.Millisecond})
		for host := byte(2); host <= 3; host++ { // they hear, and say nothing
			silent := network.NewEndpoint(address(host), simnet.NodeBiDiLinkSettings{Latency: 10 * time.Millisecond})
			defer silent.Close()
		}
		require.NoError(t, network.Start())

		const attempts = 8
		var dials []tunnel.Handshake
		var waits []tunnel.Backoff
		ctx, cancel := context.WithCancel(t.Context())
		cfg := config(address(2), address(3))
		cfg.ListenPacket = func() (net.PacketConn, error) { return socket, nil }
		cfg.Dialer.Trace = &tunnel.Trace{HandshakeDone: func(h tunnel.Handshake) { dials = append(dials, h) }}
		cfg.Trace = &tunnel.Trace{Backoff: func(b tunnel.Backoff) {
			if waits = append(waits, b); len(waits) == attempts {
				cancel()
			}
		}}
		c, err := New(cfg)
		require.NoError(t, err)
		require.NoError(t, c.Run(ctx), "a dead edge is not for good")

		require.Len(t, dials, attempts)
		for i, h := range dials {
			var idle *quic.IdleTimeoutError
			require.ErrorAs(t, h.Err, &idle)
			require.Equal(t, tunnel.HandshakeIdleTimeout, h.Done.Sub(h.Start))
			require.Equal(t, cfg.Edges[i%2], h.Remote)
			require.Equal(t, i+1, waits[i].Attempt)
			require.Less(t, waits[i].Wait, time.Second<<min(i+1, 5))
			if i > 0 {
				require.Equal(t, waits[i-1].Wait, h.Start.Sub(dials[i-1].Done))
			}
		}
	})
}

// refusing is an edge that refuses every registration.
type refusing struct{ with registration.Error }

func (r refusing) Register(registration.Request) (registration.Details, *registration.Error) {
	return registration.Details{}, &r.with
}
func (refusing) Unregister()                     {}
func (refusing) UpdateLocalConfiguration([]byte) {}

func startRefusing(t *testing.T, with registration.Error) net.Addr {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	conf := tunnel.TLSConfig(tunnel.EdgeSide, &tls.Config{Certificates: certificate.TLS.Certificates})
	certificate.Close()
	l, err := quic.Listen(socket, conf, tunnel.QUICConfig(tunnel.EdgeSide, tunnel.QUICOptions{}))
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept(context.Background())
			if err != nil {
				return
			}
			stream, err := c.AcceptStream(context.Background())
			if err == nil {
				<-registration.Serve(controlStream{stream}, refusing{with}).Done()
			}
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done; _ = socket.Close() })
	return l.Addr()
}

func TestRefusalsAreHonoured(t *testing.T) {
	tests := map[string]struct {
		refused registration.Error
		rotates bool
	}{
		"retryAfter": {registration.Error{Cause: "busy", ShouldRetry: true, RetryAfter: 7 * time.Millisecond}, false},
		"duplicate":  {registration.Error{Cause: tunnel.CauseDuplicate, ShouldRetry: true, RetryAfter: 7 * time.Millisecond}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			first, second := startRefusing(t, test.refused), startRefusing(t, test.refused)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var waits []time.Duration
			var asked []string
			cfg := config(first, second)
			cfg.Trace = &tunnel.Trace{
				Registered: func(r tunnel.Registration) { asked = append(asked, r.Remote.String()) },
				Backoff: func(b tunnel.Backoff) {
					if waits = append(waits, b.Wait); len(waits) == 3 {
						cancel()
					}
				},
			}
			c, err := New(cfg)
			require.NoError(t, err)
			require.NoError(t, c.Run(ctx))
			require.ErrorIs(t, ctx.Err(), context.Canceled)
			require.Equal(t, []time.Duration{7 * time.Millisecond, 7 * time.Millisecond, 7 * time.Millisecond}, waits)
			want := []string{first.String(), first.String(), first.String()}
			if test.rotates {
				want[1] = second.String()
			}
			require.Equal(t, want, asked)
		})
	}
}

func TestPermanentRefusalEndsRun(t *testing.T) {
	edge := startRefusing(t, registration.Error{Cause: "no such feature"})
	c, err := New(config(edge))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.ErrorContains(t, c.Run(ctx), "no such feature")
	require.ErrorContains(t, c.Ready(ctx), "no such feature")
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	edge := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	tests := map[string]func(*Config){
		"edge":                func(c *Config) { c.Edges = nil },
		"origin":              func(c *Config) { c.Origin = nil },
		"http or https":       func(c *Config) { c.Origin = &url.URL{Scheme: "ftp", Host: "h"} },
		"Dialer":              func(c *Config) { c.Dialer = nil },
		"Dialer.TLS":          func(c *Config) { c.Dialer = &Dialer{} },
		"257 connections":     func(c *Config) { c.Connections = 257 },
		"tunnel secret":       func(c *Config) { c.Credentials.TunnelSecret = nil },
		"initial packet size": func(c *Config) { c.Dialer.QUIC.InitialPacketSize = 9 },
	}
	for want, spoil := range tests {
		cfg := config(edge)
		spoil(&cfg)
		_, err := New(cfg)
		require.ErrorContains(t, err, want)
	}
}

func TestGaugeIsIdleAtZero(t *testing.T) {
	g := newGauge()
	idle := func() bool {
		select {
		case <-g.idle():
			return true
		default:
			return false
		}
	}
	for range 3 {
		require.True(t, idle())
		g.add(1)
		require.False(t, idle())
		g.add(1)
		g.add(-1)
		require.False(t, idle())
		g.add(-1)
	}
	require.True(t, idle())
}
