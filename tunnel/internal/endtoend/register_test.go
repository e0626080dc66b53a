package endtoend

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
	"pqbench/tunnel/connector"
)

func TestFourConnectionsRegister(t *testing.T) {
	p := newPath(t, nil)
	handshakes := make(chan tunnel.Handshake, 8)
	registrations := make(chan tunnel.Registration, 8)
	p.edgeTrace.HandshakeDone = func(h tunnel.Handshake) { handshakes <- h }
	p.edgeTrace.Registered = func(r tunnel.Registration) { registrations <- r }
	p.start()
	cfg := p.config()
	cfg.ClientID = uuid.New()
	p.connect(cfg)

	indexes := map[uint8]bool{}
	for range 4 {
		h := receive(t, handshakes)
		require.NoError(t, h.Err)
		require.NotZero(t, h.Group)
		require.True(t, h.Done.After(h.Start))
		r := receive(t, registrations)
		require.NoError(t, r.Err)
		require.Equal(t, p.creds.TunnelID, r.Tunnel)
		require.Equal(t, cfg.ClientID, r.Client)
		require.Contains(t, r.Features, tunnel.FeatureQUICEOF)
		indexes[r.Index] = true
	}
	require.Equal(t, map[uint8]bool{0: true, 1: true, 2: true, 3: true}, indexes)
	require.Equal(t, 4, p.edge.Connections(p.creds.TunnelID))
	stats := p.edge.Stats()
	require.EqualValues(t, 4, stats.Registered)
	require.EqualValues(t, 4, stats.OpenConnections)
	require.EqualValues(t, 4, stats.Handshakes)
}

func TestBadCredentialsAreRefusedForGood(t *testing.T) {
	tests := map[string]func(*tunnel.Credentials){
		"wrong secret":   func(c *tunnel.Credentials) { c.TunnelSecret = []byte("wrong") },
		"longer secret":  func(c *tunnel.Credentials) { c.TunnelSecret = append(c.TunnelSecret[:32:32], 0) },
		"unknown tunnel": func(c *tunnel.Credentials) { c.TunnelID = uuid.New() },
		"wrong account":  func(c *tunnel.Credentials) { c.AccountTag = "other" },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPath(t, nil).start()
			cfg := p.config()
			spoil(&cfg.Credentials)
			c, err := connector.New(cfg)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			require.ErrorIs(t, c.Run(ctx), tunnel.ErrUnauthorized, "Run must end by itself")
			require.NoError(t, ctx.Err())
			require.ErrorIs(t, c.Ready(ctx), tunnel.ErrUnauthorized)
			require.Zero(t, p.edge.Connections(p.creds.TunnelID))
			require.EqualValues(t, 1, p.edge.Stats().RegistrationsRefused, "the others are not even tried")
		})
	}
}

func TestDuplicateConnectionIsRefusedAndRetried(t *testing.T) {
	p := newPath(t, nil)
	closed := make(chan tunnel.ConnClose, 8)
	p.edgeTrace.ConnClosed = func(c tunnel.ConnClose) { closed <- c }
	p.start()
	cfg := p.config()
	cfg.ClientID, cfg.Connections = uuid.New(), 1
	p.connect(cfg)

	backoffs := make(chan tunnel.Backoff, 8)
	cfg.Trace = &tunnel.Trace{Backoff: func(b tunnel.Backoff) { backoffs <- b }}
	second, err := connector.New(cfg)
	require.NoError(t, err)
	stop := p.run(second)
	b := receive(t, backoffs)
	require.ErrorIs(t, b.Err, tunnel.ErrDuplicateConnection)
	require.Equal(t, 1, b.Attempt)
	require.False(t, receive(t, closed).Registered, "the refused one is closed, not the first")
	require.Equal(t, 1, p.edge.Connections(p.creds.TunnelID))
	require.Equal(t, http.StatusOK, p.get("/bytes/1"))
	stop()
	require.EqualValues(t, 1, p.edge.Stats().Registrations)
}

func TestShutdownUnregistersAndLetsRequestsEnd(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	p := newPath(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		_, _ = w.Write([]byte("whole"))
	}))
	unregistered := make(chan tunnel.Connection, 8)
	closed := make(chan tunnel.ConnClose, 8)
	p.edgeTrace.Unregistered = func(c tunnel.Connection) { unregistered <- c }
	p.edgeTrace.ConnClosed = func(c tunnel.ConnClose) { closed <- c }
	p.start()
	stop := p.connect(p.config())

	status := make(chan int, 1)
	go func() { status <- p.get("/") }()
	receive(t, entered)
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	for range 4 {
		receive(t, unregistered)
	}
	require.Zero(t, p.edge.Connections(p.creds.TunnelID))
	require.Equal(t, http.StatusBadGateway, p.get("/"), "no new request after unregister")
	select {
	case <-stopped:
		t.Fatal("stopped with a request in flight")
	case <-time.After(100 * time.Millisecond): // longer than it lingers
	}
	close(leave)
	require.Equal(t, http.StatusOK, receive(t, status), "in flight at shutdown")
	receive(t, stopped)
	for range 4 {
		c := receive(t, closed)
		var app *quic.ApplicationError
		require.True(t, errors.As(c.Err, &app), "%v", c.Err)
		require.Zero(t, app.ErrorCode)
		require.True(t, c.Registered)
	}
}

func TestBareHandshakesAreQuietAndLeaveNothing(t *testing.T) {
	p := newPath(t, nil)
	handshakes := make(chan tunnel.Handshake, 64)
	closed := make(chan tunnel.ConnClose, 64)
	p.edgeTrace.HandshakeDone = func(h tunnel.Handshake) { handshakes <- h }
	p.edgeTrace.ConnClosed = func(c tunnel.ConnClose) { closed <- c }
	p.start()
	mine := make(chan tunnel.Handshake, 64)
	cfg := p.config()
	cfg.Dialer.Trace = &tunnel.Trace{HandshakeDone: func(h tunnel.Handshake) { mine <- h }}
	socket := listen(t)
	defer socket.Close()
	tr := &quic.Transport{Conn: socket}
	defer tr.Close()
	const n = 20
	for range n {
		c, err := cfg.Dialer.Dial(t.Context(), tr, p.edge.Addr())
		require.NoError(t, err)
		// Closing at once may overtake the client's own Finished, and then
		// the handshake has failed for the edge.
		h := receive(t, handshakes)
		require.NoError(t, h.Err)
		require.Equal(t, receive(t, mine).Group, h.Group)
		require.NoError(t, c.CloseWithError(0, ""))
		require.False(t, receive(t, closed).Registered)
	}
	stats := p.edge.Stats()
	require.EqualValues(t, n, stats.Handshakes)
	require.Zero(t, stats.HandshakesFailed)
}
