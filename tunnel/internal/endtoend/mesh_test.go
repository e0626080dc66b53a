package endtoend

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"pqbench/origin"
	"pqbench/tunnel"
	"pqbench/tunnel/ca"
	"pqbench/tunnel/connector"
	"pqbench/tunnel/edge"
)

// mesh is an edge of several data centers, each named after its place.
type mesh struct {
	t     testing.TB
	ca    *ca.CA // of the tunnel
	creds tunnel.Credentials
	colos map[string]*colo
}

type colo struct {
	*edge.Edge
	relay    net.Addr
	requests chan tunnel.Request
}

// authorities are the tunnel's and the relay's. Virtual time must have them
// made before it begins, since their certificates hold a date.
var authorities = sync.OnceValues(func() (authority, relay *ca.CA) {
	authority, err := ca.New("")
	if err == nil {
		relay, err = ca.NewRelay()
	}
	if err != nil {
		panic(err)
	}
	return authority, relay
})

// sockets make the two sockets of one data center.
type sockets func(place string) (tunnel, relay net.PacketConn)

func loopbackSockets(t testing.TB) sockets {
	return func(string) (net.PacketConn, net.PacketConn) { return listen(t), listen(t) }
}

// newMesh starts data centers that all know each other.
func newMesh(t testing.TB, open sockets, places ...string) *mesh {
	authority, relayCA := authorities()
	m := &mesh{t: t, ca: authority, creds: creds, colos: make(map[string]*colo)}
	tunnels, relays := map[string]net.PacketConn{}, map[string]net.PacketConn{}
	for _, place := range places {
		tunnels[place], relays[place] = open(place)
	}
	for _, place := range places {
		relay := &edge.RelayConfig{
			TLS: &tls.Config{Certificates: []tls.Certificate{relayCA.Leaf()}, RootCAs: relayCA.Pool(), Time: certificateTime}, PacketConn: relays[place],
		}
		for _, other := range places {
			if other != place {
				relay.Peers = append(relay.Peers, edge.Peer{Name: other, Addr: relays[other].LocalAddr()})
			}
		}
		c := &colo{relay: relays[place].LocalAddr(), requests: make(chan tunnel.Request, 64)}
		var err error
		c.Edge, err = edge.Listen(edge.Config{
			TLS:        &tls.Config{Certificates: []tls.Certificate{authority.Leaf()}, Time: certificateTime},
			PacketConn: tunnels[place], Location: place, Relay: relay,
			Authorize: func(string, uuid.UUID) ([]byte, bool) { return creds.TunnelSecret, true },
			Trace:     c.trace(t),
		})
		require.NoError(t, err)
		m.colos[place] = c
	}
	return m
}

func (m *mesh) close() {
	for _, c := range m.colos {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		require.NoError(m.t, c.Close(ctx))
		cancel()
	}
}

// trace keeps a data center's requests for a test; a benchmark has none.
func (c *colo) trace(t testing.TB) *tunnel.Trace {
	if _, ok := t.(*testing.B); ok {
		return nil
	}
	return &tunnel.Trace{RequestDone: func(r tunnel.Request) { c.requests <- r }}
}

// connect runs a connector with connections to the places, one to each.
func (m *mesh) connect(socket func() (net.PacketConn, error), o http.Handler, places ...string) (stop func()) {
	if o == nil {
		o = origin.New()
	}
	to, transport := &url.URL{Scheme: "http", Host: "origin"}, http.RoundTripper(inProcess{o})
	if socket == nil { // real time: a real origin, which alone can stream
		server := httptest.NewServer(o)
		m.t.Cleanup(server.Close)
		real, err := url.Parse(server.URL)
		require.NoError(m.t, err)
		to, transport = real, nil
		socket = func() (net.PacketConn, error) { return net.ListenPacket("udp4", "127.0.0.1:0") }
	}
	var edges []net.Addr
	for _, place := range places {
		edges = append(edges, m.colos[place].Addr())
	}
	c, err := connector.New(connector.Config{
		Edges: edges, Credentials: m.creds, Connections: len(edges), Origin: to, Transport: transport,
		Dialer:       &connector.Dialer{TLS: &tls.Config{RootCAs: m.ca.Pool(), Time: certificateTime}},
		ListenPacket: socket,
	})
	require.NoError(m.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }()
	ready, cancelReady := context.WithTimeout(context.Background(), patience)
	defer cancelReady()
	require.NoError(m.t, c.Ready(ready))
	return func() { cancel(); <-done }
}

// settled waits until every data center's peers hold as many tunnels as told.
func (m *mesh) settled(tunnels map[string]int) {
	m.t.Helper()
	m.eventually(func() bool {
		for _, c := range m.colos {
			for _, p := range c.Peers() {
				if !p.Up || p.Tunnels != tunnels[p.Name] {
					return false
				}
			}
		}
		return true
	})
}

// eventually polls: in virtual time that costs none, in real time little.
func (m *mesh) eventually(holds func() bool) {
	m.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); <-time.After(time.Millisecond) {
		require.True(m.t, time.Now().Before(deadline), "mesh did not settle")
	}
}

// ask makes a request enter at a place, without a network of the eyeball's.
func (m *mesh) ask(place string, r *http.Request) *httptest.ResponseRecorder {
	r.Host = m.creds.TunnelID.String() + tunnel.HostSuffix
	w := httptest.NewRecorder()
	m.colos[place].ServeHTTP(w, r)
	return w
}

func (m *mesh) get(place, target string) *httptest.ResponseRecorder {
	return m.ask(place, httptest.NewRequest(http.MethodGet, target, http.NoBody))
}

func (m *mesh) post(place, target, body string) *httptest.ResponseRecorder {
	return m.ask(place, httptest.NewRequest(http.MethodPost, target, strings.NewReader(body)))
}
