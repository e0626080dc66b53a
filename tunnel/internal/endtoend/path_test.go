package endtoend

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
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

// patience bounds every wait; a healthy run waits for milliseconds.
const patience = 20 * time.Second

// path is the whole path over loopback: eyeball, edge, connector, origin.
type path struct {
	t       *testing.T
	ca      *ca.CA
	creds   tunnel.Credentials
	edge    *edge.Edge
	eyeball *httptest.Server
	origin  *httptest.Server
	client  *http.Client

	edgeTrace, connectorTrace tunnel.Trace // set before start
	edgeQUIC, connectorQUIC   tunnel.QUICOptions
	edgeLog                   *slog.Logger
	eyeballTimeout            time.Duration
	once                      sync.Once
}

// newPath prepares a path whose origin is handler, or a plain origin.
func newPath(t *testing.T, handler http.Handler) *path {
	checkLeaks(t)
	authority, err := ca.New("")
	require.NoError(t, err)
	if handler == nil {
		handler = origin.New()
	}
	p := &path{t: t, ca: authority, origin: httptest.NewServer(handler), creds: tunnel.Credentials{
		AccountTag: "account", TunnelSecret: []byte("0123456789abcdef0123456789abcdef"), TunnelID: uuid.New(),
	}}
	t.Cleanup(p.origin.Close)
	return p
}

// start brings up the edge and its eyeball side.
func (p *path) start() *path {
	e, err := edge.Listen(edge.Config{
		TLS:  &tls.Config{Certificates: []tls.Certificate{p.ca.Leaf()}},
		Addr: "127.0.0.1:0",
		Authorize: func(account string, id uuid.UUID) ([]byte, bool) {
			if account != p.creds.AccountTag || id != p.creds.TunnelID {
				return nil, false
			}
			return p.creds.TunnelSecret, true
		},
		Routes: map[string]uuid.UUID{"App.example": p.creds.TunnelID},
		QUIC:   p.edgeQUIC,
		Trace:  &p.edgeTrace,
		Logger: p.edgeLog,

		EyeballTimeout: p.eyeballTimeout,
	})
	require.NoError(p.t, err)
	p.edge = e
	p.eyeball = httptest.NewServer(e)
	p.client = p.eyeball.Client()
	p.t.Cleanup(p.stopEdge)
	return p
}

func (p *path) stopEdge() {
	p.once.Do(func() {
		p.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(p.t, p.edge.Close(ctx))
		p.eyeball.Close()
	})
}

func (p *path) config() connector.Config {
	to, err := url.Parse(p.origin.URL)
	require.NoError(p.t, err)
	return connector.Config{
		Edges:       slices.Repeat([]net.Addr{p.edge.Addr()}, 2*tunnel.HAConnections),
		Stagger:     -1,
		Credentials: p.creds,
		Origin:      to,
		Dialer:      &connector.Dialer{TLS: &tls.Config{RootCAs: p.ca.Pool()}, QUIC: p.connectorQUIC},
		Trace:       &p.connectorTrace,
	}
}

// connect runs a connector until it is ready. The returned func ends it and
// waits.
func (p *path) connect(cfg connector.Config) (stop func()) {
	c, err := connector.New(cfg)
	require.NoError(p.t, err)
	stop = p.run(c)
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	require.NoError(p.t, c.Ready(ctx))
	return stop
}

// run runs a connector until stop or the end of the test.
func (p *path) run(c *connector.Connector) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Run(ctx)
	}()
	stop = func() { cancel(); <-done }
	p.t.Cleanup(stop)
	return stop
}

// request makes a request for the tunnel's host.
func (p *path) request(method, target string, body *strings.Reader) *http.Request {
	var r *http.Request
	var err error
	if body == nil {
		r, err = http.NewRequestWithContext(p.t.Context(), method, p.eyeball.URL+target, nil)
	} else {
		r, err = http.NewRequestWithContext(p.t.Context(), method, p.eyeball.URL+target, body)
	}
	require.NoError(p.t, err)
	r.Host = p.creds.TunnelID.String() + tunnel.HostSuffix
	return r
}

func (p *path) do(r *http.Request) *http.Response {
	resp, err := p.client.Do(r)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// get is the status of a GET whose answer has no interest.
func (p *path) get(target string) int {
	resp := p.do(p.request(http.MethodGet, target, nil))
	require.NoError(p.t, resp.Body.Close())
	return resp.StatusCode
}

// receive waits for an event.
func receive[T any](t *testing.T, events <-chan T) T {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(patience):
		t.Fatal("event did not come")
		panic("unreachable")
	}
}

// checkLeaks fails the test when goroutines of the path outlive its cleanups.
// It must be called before any of them is registered.
func checkLeaks(t *testing.T) {
	t.Cleanup(func() {
		var leaked string
		gone := func() bool {
			leaked = ours()
			return leaked == ""
		}
		if !t.Failed() {
			require.Eventually(t, gone, patience, time.Millisecond, "goroutines leaked")
		}
	})
}

// ours is the stack of some goroutine that runs code of the path.
func ours() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		if strings.Contains(stack, "testing.tRunner") || strings.Contains(stack, "endtoend.ours") {
			continue
		}
		for _, mark := range []string{"pqbench/tunnel/edge", "pqbench/tunnel/connector", "quic-go.", "capnp/v3", "net/http."} {
			if strings.Contains(stack, mark) {
				return stack
			}
		}
	}
	return ""
}
