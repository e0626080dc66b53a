package endtoend

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go/testutils/simnet"
	"github.com/stretchr/testify/require"

	"pqbench/origin"
	"pqbench/tunnel"
	"pqbench/tunnel/ca"
	"pqbench/tunnel/connector"
	"pqbench/tunnel/edge"
)

// inProcess carries requests to an origin without a socket, which virtual
// time could not pass over.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// In virtual time the round trips of each step are exact: one for the
// handshake, one for the registration, one for a request.
func TestRoundTripsAreExact(t *testing.T) {
	for _, group := range []tls.CurveID{tls.X25519, tls.X25519MLKEM768} {
		t.Run(group.String(), func(t *testing.T) {
			authority, err := ca.New("")
			require.NoError(t, err)
			synctest.Test(t, func(t *testing.T) { roundTrips(t, authority, group) })
		})
	}
}

func roundTrips(t *testing.T, authority *ca.CA, group tls.CurveID) {
	const oneWay = 50 * time.Millisecond
	network := &simnet.Simnet{Router: &simnet.PerfectRouter{}}
	defer network.Close() // last: it waits for its endpoints
	endpoint := func(host byte) *simnet.SimConn {
		address := &net.UDPAddr{IP: net.IPv4(10, 0, 0, host), Port: tunnel.DefaultPort}
		return network.NewEndpoint(address, simnet.NodeBiDiLinkSettings{Latency: oneWay})
	}
	here, there := endpoint(1), endpoint(2)
	require.NoError(t, network.Start())

	creds := tunnel.Credentials{AccountTag: "a", TunnelSecret: []byte("s"), TunnelID: uuid.New()}
	e, err := edge.Listen(edge.Config{
		TLS:        &tls.Config{Certificates: []tls.Certificate{authority.Leaf()}, Time: certificateTime},
		PacketConn: there,
		Authorize:  func(string, uuid.UUID) ([]byte, bool) { return creds.TunnelSecret, true },
	})
	require.NoError(t, err)
	var handshake tunnel.Handshake
	var registration tunnel.Registration
	c, err := connector.New(connector.Config{
		Edges: []net.Addr{e.Addr()}, Credentials: creds, Connections: 1,
		Origin:    &url.URL{Scheme: "http", Host: "origin"},
		Transport: inProcess{origin.New()},
		Dialer: &connector.Dialer{
			TLS:   &tls.Config{RootCAs: authority.Pool(), CurvePreferences: []tls.CurveID{group}, Time: certificateTime},
			Trace: &tunnel.Trace{HandshakeDone: func(h tunnel.Handshake) { handshake = h }},
		},
		Trace:        &tunnel.Trace{Registered: func(r tunnel.Registration) { registration = r }},
		ListenPacket: func() (net.PacketConn, error) { return here, nil },
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.Run(ctx) }()
	require.NoError(t, c.Ready(ctx))

	require.Equal(t, group, handshake.Group)
	require.Equal(t, 2*oneWay, handshake.Done.Sub(handshake.Start))
	require.Equal(t, 2*oneWay, registration.Done.Sub(registration.Start))

	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/bytes/500", nil)
	r.Host = creds.TunnelID.String() + tunnel.HostSuffix
	start := time.Now()
	e.ServeHTTP(w, r)
	require.Equal(t, 2*oneWay, time.Since(start))
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, 500, w.Body.Len())

	cancel()
	require.NoError(t, <-done)
	require.NoError(t, e.Close(context.Background()))
}

// certificateTime replaces the bubble's clock, which begins in the year 2000.
func certificateTime() time.Time { return made }

var made = time.Now()
