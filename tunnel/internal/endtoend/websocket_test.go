package endtoend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"pqbench/origin"
	"pqbench/tunnel"
)

// dial opens a WebSocket through the tunnel.
func (p *path) dial(target string, protocols ...string) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	conn, resp, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(p.eyeball.URL, "http")+target, &websocket.DialOptions{
		Host: p.creds.TunnelID.String() + tunnel.HostSuffix, HTTPClient: p.client, Subprotocols: protocols,
	})
	if err == nil {
		conn.SetReadLimit(-1)
		p.t.Cleanup(func() { _ = conn.CloseNow() })
	}
	return conn, resp, err
}

// say sends a message and returns the answer.
func say(t *testing.T, conn *websocket.Conn, kind websocket.MessageType, text string) (websocket.MessageType, string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	sent := make(chan error, 1)
	go func() { sent <- conn.Write(ctx, kind, []byte(text)) }()
	got, answer, err := conn.Read(ctx)
	require.NoError(t, err)
	require.NoError(t, <-sent)
	return got, string(answer)
}

// traced prepares a path whose both ends tell of requests.
func traced(t *testing.T, handler http.Handler) (p *path, atEdge, atConnector chan tunnel.Request) {
	p = newPath(t, handler)
	atEdge, atConnector = make(chan tunnel.Request, 16), make(chan tunnel.Request, 16)
	p.edgeTrace.RequestDone = func(r tunnel.Request) { atEdge <- r }
	p.connectorTrace.RequestDone = func(r tunnel.Request) { atConnector <- r }
	p.start()
	return p, atEdge, atConnector
}

func TestWebSocketEchoes(t *testing.T) {
	p, atEdge, atConnector := traced(t, nil)
	p.connect(p.config())
	conn, resp, err := p.dial("/ws")
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
		for _, text := range []string{"hello", "", strings.Repeat("0123456789abcdef", bulk/16)} {
			got, answer := say(t, conn, kind, text)
			require.Equal(t, kind, got)
			require.True(t, text == answer, "%d bytes came back as %d", len(text), len(answer))
		}
	}
	require.EqualValues(t, 1, p.edge.Stats().InFlight)
	require.NoError(t, conn.Close(websocket.StatusNormalClosure, "enough"))
	for _, events := range []chan tunnel.Request{atEdge, atConnector} {
		r := receive(t, events)
		require.NoError(t, r.Err)
		require.Equal(t, http.StatusSwitchingProtocols, r.Status)
		require.Greater(t, r.BytesUp, int64(2*bulk))
		require.Greater(t, r.BytesDown, int64(2*bulk))
		require.False(t, r.Head.IsZero())
	}
	require.EqualValues(t, 0, p.edge.Stats().Aborted)
}

// What the two agree on crosses the tunnel, and so do requests after a WebSocket.
func TestWebSocketNegotiates(t *testing.T) {
	closed := make(chan error, 1)
	p := newPath(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, Subprotocols: []string{"b"}})
		if err != nil {
			return
		}
		_, _, err = conn.Read(r.Context())
		closed <- err
	})).start()
	p.connect(p.config())
	conn, _, err := p.dial("/any", "a", "b")
	require.NoError(t, err)
	require.Equal(t, "b", conn.Subprotocol())
	require.NoError(t, conn.Close(websocket.StatusGoingAway, "bye"))
	var said websocket.CloseError
	require.ErrorAs(t, receive(t, closed), &said)
	require.Equal(t, websocket.CloseError{Code: websocket.StatusGoingAway, Reason: "bye"}, said)
}

// An origin that wants no WebSocket says so in its own words.
func TestWebSocketThatIsRefused(t *testing.T) {
	p, atEdge, _ := traced(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Sec-Websocket-Version") != "13" || r.Header.Get("Sec-Websocket-Key") == "" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		http.Error(w, "no sockets here", http.StatusForbidden)
	}))
	p.connect(p.config())
	_, resp, err := p.dial("/")
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "no sockets here\n", string(body))
	require.NoError(t, receive(t, atEdge).Err)
}

// Whoever dies, the others learn of it, and nothing is left behind.
func TestWebSocketThatIsCut(t *testing.T) {
	tests := map[string]func(p *path, conn *websocket.Conn, origin *websocket.Conn, stop func()){
		"origin":    func(_ *path, _, origin *websocket.Conn, _ func()) { _ = origin.CloseNow() },
		"eyeball":   func(_ *path, conn, _ *websocket.Conn, _ func()) { _ = conn.CloseNow() },
		"connector": func(_ *path, _, _ *websocket.Conn, stop func()) { stop() },
		"edge":      func(p *path, _, _ *websocket.Conn, _ func()) { p.stopEdgeNow() },
	}
	for name, cut := range tests {
		t.Run(name, func(t *testing.T) {
			accepted, left := make(chan *websocket.Conn, 1), make(chan error, 1)
			p, atEdge, atConnector := traced(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
				if err != nil {
					return
				}
				defer conn.CloseNow()
				_, _, err = conn.Read(context.Background())
				_ = conn.Write(context.Background(), websocket.MessageText, []byte("half"))
				accepted <- conn
				_, _, err = conn.Read(context.Background())
				left <- err
			}))
			cfg := p.config()
			cfg.GracePeriod = 1 // a nanosecond
			stop := p.connect(cfg)
			conn, _, err := p.dial("/")
			require.NoError(t, err)
			_, answer := say(t, conn, websocket.MessageText, "hello")
			require.Equal(t, "half", answer)
			cut(p, conn, receive(t, accepted), stop)
			require.Error(t, receive(t, left), "the origin is told")
			_, _, err = conn.Read(context.Background())
			require.Error(t, err, "the eyeball is told")
			_ = conn.CloseNow()
			require.Equal(t, http.StatusSwitchingProtocols, receive(t, atEdge).Status)
			require.Equal(t, http.StatusSwitchingProtocols, receive(t, atConnector).Status)
			require.Zero(t, p.edge.Stats().InFlight)
		})
	}
}

// stopEdgeNow cuts what is in flight.
func (p *path) stopEdgeNow() {
	p.once.Do(func() {
		p.client.CloseIdleConnections()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		require.ErrorIs(p.t, p.edge.Close(ctx), context.Canceled)
		p.eyeball.Close()
	})
}

// An upgrade to anything else is a plain request, as it was.
func TestOtherUpgradesArePlainRequests(t *testing.T) {
	p := newPath(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%q %q", r.Header["Upgrade"], r.Header["Connection"])
	})).start()
	p.connect(p.config())
	for _, r := range []*http.Request{p.request("GET", "/", nil), p.request("POST", "/", nil), p.request("GET", "/", nil)} {
		r.Header["Connection"], r.Header["Upgrade"] = []string{"Upgrade"}, []string{"h2c"}
		if r.Method == "POST" {
			r.Header["Upgrade"] = []string{"websocket"}
		}
		body, err := io.ReadAll(p.do(r).Body)
		require.NoError(t, err)
		require.Equal(t, "[] []", string(body))
	}
}

// TCP streams keep their halves apart, and reach nothing that was not listed.
func TestTCPStreams(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				got, _ := io.ReadAll(nc) // to the FIN: only then does it answer
				_, _ = nc.Write([]byte("got " + string(got)))
			}()
		}
	}()
	dest := netip.MustParseAddrPort(l.Addr().String())
	p := newPath(t, origin.New()).start()
	cfg := p.config()
	cfg.TCPDestinations = []netip.AddrPort{dest, netip.MustParseAddrPort("127.0.0.1:1")}
	p.connect(cfg)

	s, err := p.edge.DialTCP(t.Context(), p.creds.TunnelID, dest)
	require.NoError(t, err)
	_, err = io.WriteString(s, strings.Repeat("x", bulk))
	require.NoError(t, err)
	require.NoError(t, s.CloseWrite())
	got, err := io.ReadAll(s)
	require.NoError(t, err)
	require.Equal(t, "got "+strings.Repeat("x", bulk), string(got))
	require.NoError(t, errors.Join(s.Close(), s.Close()))

	_, err = p.edge.DialTCP(t.Context(), p.creds.TunnelID, netip.AddrPortFrom(dest.Addr(), dest.Port()+1))
	require.ErrorContains(t, err, "is not allowed by the connector's configuration")
	_, err = p.edge.DialTCP(t.Context(), p.creds.TunnelID, netip.MustParseAddrPort("127.0.0.1:1"))
	require.ErrorContains(t, err, "unable to dial tcp to origin 127.0.0.1:1")
}
