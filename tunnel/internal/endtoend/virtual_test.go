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
	"github.com/quic-go/quic-go"
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

// oneWay is the latency of the simulated network.
const oneWay = 50 * time.Millisecond

var creds = tunnel.Credentials{AccountTag: "a", TunnelSecret: []byte("s"), TunnelID: uuid.New()}

// endpoints are sockets on a simulated network, which the caller must close
// after them.
func endpoints(t *testing.T, network *simnet.Simnet, n byte) []*simnet.SimConn {
	all := make([]*simnet.SimConn, n)
	for i := range all {
		address := &net.UDPAddr{IP: net.IPv4(10, 0, 0, byte(i+1)), Port: tunnel.DefaultPort}
		all[i] = network.NewEndpoint(address, simnet.NodeBiDiLinkSettings{Latency: oneWay})
	}
	require.NoError(t, network.Start())
	return all
}

func listenOn(t *testing.T, authority *ca.CA, socket net.PacketConn) *edge.Edge {
	e, err := edge.Listen(edge.Config{
		TLS:        &tls.Config{Certificates: []tls.Certificate{authority.Leaf()}, Time: certificateTime},
		PacketConn: socket,
		Authorize:  func(string, uuid.UUID) ([]byte, bool) { return creds.TunnelSecret, true },
	})
	require.NoError(t, err)
	return e
}

func roundTrips(t *testing.T, authority *ca.CA, group tls.CurveID) {
	network := &simnet.Simnet{Router: &simnet.PerfectRouter{}}
	defer network.Close()
	sockets := endpoints(t, network, 2)
	here, e := sockets[0], listenOn(t, authority, sockets[1])
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

// An edge goes away. The connection is lost at once, the next dial finds
// nobody, and the one after that goes to the other edge from the same socket.
func TestALostConnectionComesBackElsewhere(t *testing.T) {
	authority, err := ca.New("")
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		network := &simnet.Simnet{Router: &simnet.PerfectRouter{}}
		defer network.Close()
		sockets := endpoints(t, network, 3)
		first, second := listenOn(t, authority, sockets[1]), listenOn(t, authority, sockets[2])
		registered := make(chan tunnel.Registration, 8)
		lost := make(chan tunnel.ConnClose, 8)
		c, err := connector.New(connector.Config{
			Edges: []net.Addr{first.Addr(), second.Addr()}, Credentials: creds, Connections: 1,
			Origin:       &url.URL{Scheme: "http", Host: "origin"},
			Transport:    inProcess{origin.New()},
			Dialer:       &connector.Dialer{TLS: &tls.Config{RootCAs: authority.Pool(), Time: certificateTime}},
			ListenPacket: func() (net.PacketConn, error) { return sockets[0], nil },
			Trace: &tunnel.Trace{
				Registered: func(r tunnel.Registration) { registered <- r },
				ConnClosed: func(c tunnel.ConnClose) { lost <- c },
			},
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		if home := <-registered; home.Remote != first.Addr() { // which of the two it is, is chance
			first, second = second, first
		}

		require.NoError(t, first.Close(context.Background()))
		gone := <-lost
		r := <-registered
		require.NoError(t, r.Err)
		require.Equal(t, second.Addr(), r.Remote)
		// Two waits, below 2 and 4 s, a dial that timed out, two round trips.
		require.Less(t, r.Done.Sub(gone.At), 2*time.Second+tunnel.HandshakeIdleTimeout+4*time.Second+4*oneWay)
		require.Equal(t, 1, second.Connections(creds.TunnelID))
		cancel()
		require.NoError(t, <-done)
		require.NoError(t, second.Close(context.Background()))
	})
}

// A connection that keeps itself alive and never registers is closed in time,
// whatever it says on its control stream; one that has registered stays.
func TestAConnectionThatNeverRegistersIsClosed(t *testing.T) {
	authority, err := ca.New("")
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		network := &simnet.Simnet{Router: &simnet.PerfectRouter{}}
		defer network.Close()
		sockets := endpoints(t, network, 3)
		e := listenOn(t, authority, sockets[1])
		defer e.Close(context.Background())
		dialer := &connector.Dialer{TLS: &tls.Config{RootCAs: authority.Pool(), Time: certificateTime}}
		c, err := connector.New(connector.Config{
			Edges: []net.Addr{e.Addr()}, Credentials: creds, Connections: 1, Dialer: dialer,
			Origin: &url.URL{Scheme: "http", Host: "origin"}, Transport: inProcess{origin.New()},
			ListenPacket: func() (net.PacketConn, error) { return sockets[0], nil },
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		require.NoError(t, c.Ready(ctx))

		tr := &quic.Transport{Conn: sockets[2]}
		defer tr.Close()
		var idle []*quic.Conn
		for _, says := range []string{"", "\x00\x00\x00\x00\xff\x00\x00\x00", "\x00"} {
			start := time.Now()
			qc, err := dialer.Dial(ctx, tr, e.Addr())
			require.NoError(t, err)
			require.Equal(t, 2*oneWay, time.Since(start))
			if says != "" {
				stream, err := qc.OpenStream()
				require.NoError(t, err)
				_, err = stream.Write([]byte(says))
				require.NoError(t, err)
			}
			idle = append(idle, qc)
		}
		start := time.Now()
		for _, qc := range idle {
			<-qc.Context().Done()
			var closed *quic.ApplicationError
			require.ErrorAs(t, context.Cause(qc.Context()), &closed)
			require.True(t, closed.Remote)
			require.Zero(t, closed.ErrorCode)
		}
		require.LessOrEqual(t, time.Since(start), 2*tunnel.RPCTimeout+2*oneWay)
		require.Greater(t, time.Since(start), tunnel.MaxIdleTimeout, "not by the idle time-out")
		time.Sleep(time.Minute)
		stats := e.Stats()
		require.EqualValues(t, 3, stats.NeverRegistered)
		require.EqualValues(t, 1, stats.Registered)
		require.EqualValues(t, 1, stats.OpenConnections)
		cancel()
		require.NoError(t, <-done)
	})
}

// certificateTime replaces the bubble's clock, which begins in the year 2000.
func certificateTime() time.Time { return made }

var made = time.Now()
