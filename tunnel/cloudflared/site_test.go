package cloudflared_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"pqbench/kex"
	"pqbench/origin"
	"pqbench/tunnel"
	"pqbench/tunnel/ca"
	"pqbench/tunnel/cloudflared"
	"pqbench/tunnel/edge"
)

// TestMain runs the tests where there is only loopback: a real cloudflared
// looks names up when it starts.
func TestMain(m *testing.M) {
	if os.Getenv(cloudflared.Variable) != "" {
		if err := cloudflared.Alone(); err != nil {
			fmt.Println("interop with cloudflared NOT RUN: it would try to reach beyond this machine:", err)
			_ = os.Unsetenv(cloudflared.Variable)
		}
	}
	os.Exit(m.Run())
}

// patience bounds every wait. A connection that is lost comes back within 20 s by cloudflared's own law.
const patience = 60 * time.Second

// site is an edge, of one or two listeners, an origin, and the way for eyeballs between them.
type site struct {
	t       *testing.T
	path    string // of the cloudflared
	ca      *ca.CA
	creds   tunnel.Credentials
	groups  []string
	origin  *httptest.Server
	edges   []*edge.Edge
	sockets []string // their addresses

	mu         sync.Mutex
	handshakes []tunnel.Handshake
	refused    []error
	features   [][]string
}

// newSite brings up so many edges, which accept the named groups (all when none are named).
func newSite(t *testing.T, edges int, groups ...string) *site {
	path, err := cloudflared.Path()
	if errors.Is(err, cloudflared.ErrNone) {
		t.Skip("interop with a real cloudflared NOT RUN:", err)
	}
	require.NoError(t, err)
	authority, err := ca.New("")
	require.NoError(t, err)
	s := &site{t: t, path: path, ca: authority, groups: groups, origin: httptest.NewServer(origin.New()), creds: tunnel.Credentials{
		AccountTag: "account", TunnelSecret: []byte("0123456789abcdef0123456789abcdef"), TunnelID: uuid.New(),
	}}
	t.Cleanup(s.origin.Close)
	s.edges, s.sockets = make([]*edge.Edge, edges), make([]string, edges)
	for i := range edges {
		s.listen(i)
	}
	t.Cleanup(func() {
		for i := range s.edges {
			s.close(i)
		}
	})
	return s
}

// listen brings edge i up, again at its old address if it had one.
func (s *site) listen(i int) {
	address := s.sockets[i]
	if address == "" {
		address = "127.0.0.1:0"
	}
	config := &tls.Config{Certificates: []tls.Certificate{s.ca.Leaf()}}
	if len(s.groups) > 0 {
		var groups []kex.Group
		for _, name := range s.groups {
			g, err := kex.ByName(name)
			require.NoError(s.t, err)
			groups = append(groups, g)
		}
		kex.Configure(config, groups...)
	}
	e, err := edge.Listen(edge.Config{
		TLS: config, Addr: address, Location: fmt.Sprintf("COLO%d", i),
		Authorize: func(account string, id uuid.UUID) ([]byte, bool) {
			return s.creds.TunnelSecret, account == s.creds.AccountTag && id == s.creds.TunnelID
		},
		Trace: &tunnel.Trace{HandshakeDone: s.handshake, Registered: s.registered},
	})
	require.NoError(s.t, err)
	s.edges[i], s.sockets[i] = e, e.Addr().String()
}

func (s *site) handshake(h tunnel.Handshake) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.Err != nil {
		s.refused = append(s.refused, h.Err)
		return
	}
	s.handshakes = append(s.handshakes, h)
}

func (s *site) registered(r tunnel.Registration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.features = append(s.features, r.Features)
}

// close ends edge i and all its connections.
func (s *site) close(i int) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(s.t, s.edges[i].Close(ctx))
}

// start runs a cloudflared with twice as many address slots as connections, over all edges in turn.
func (s *site) start(change func(*cloudflared.Config)) *cloudflared.Process {
	_, root, err := s.ca.PEM()
	require.NoError(s.t, err)
	cfg := cloudflared.Config{Path: s.path, RootPEM: root, Credentials: s.creds, Origin: s.origin.URL, Connections: tunnel.HAConnections}
	if change != nil {
		change(&cfg)
	}
	for i := range 2 * cfg.Connections {
		cfg.Edges = append(cfg.Edges, s.sockets[i%len(s.sockets)])
	}
	p, err := cloudflared.Start(cfg)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = p.Stop(patience) })
	return p
}

func (s *site) ready(p *cloudflared.Process, connections int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(s.t, p.Ready(ctx, connections))
}

// eyeball serves edge i's visitors over loopback, and is a client of it whose requests name the tunnel.
func (s *site) eyeball(i int) *eyeball {
	server := httptest.NewServer(s.edges[i])
	s.t.Cleanup(server.Close)
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}}}
	s.t.Cleanup(client.CloseIdleConnections)
	return &eyeball{client, "http://" + s.creds.TunnelID.String() + tunnel.HostSuffix}
}

// eyeball is a visitor of the application behind the tunnel.
type eyeball struct {
	*http.Client
	url string
}
