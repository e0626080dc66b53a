package connector

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/registration"
	"pqbench/tunnel/internal/wire"
)

// willing is an edge that accepts every registration.
type willing struct{ unregistered chan struct{} }

func (willing) Register(registration.Request) (registration.Details, *registration.Error) {
	return registration.Details{Connection: uuid.New(), Location: "test"}, nil
}
func (w willing) Unregister()                   { close(w.unregistered) }
func (willing) UpdateLocalConfiguration([]byte) {}

// link is a connector's one connection, seen from an edge that a test then
// has say what it likes.
type link struct {
	*quic.Conn
	unregistered <-chan struct{}
	stop         func()                // ends the connector's Run, and waits for it
	requests     <-chan tunnel.Request // what its Trace tells
}

// connect runs a connector in front of origin and returns its connection.
func connect(t *testing.T, origin http.HandlerFunc, grace time.Duration, change ...func(*Config)) *link {
	service := httptest.NewServer(origin)
	t.Cleanup(service.Close)
	to, err := url.Parse(service.URL)
	require.NoError(t, err)
	l := listen(t)
	requests := make(chan tunnel.Request, 64)
	cfg := config(l.Addr())
	cfg.Origin, cfg.GracePeriod = to, grace
	cfg.Trace = &tunnel.Trace{RequestDone: func(r tunnel.Request) { requests <- r }}
	for _, f := range change {
		f(&cfg)
	}
	c, err := New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop := func() { cancel(); receive(t, done) }
	t.Cleanup(stop)
	qc, err := l.Accept(t.Context())
	require.NoError(t, err)
	stream, err := qc.AcceptStream(t.Context())
	require.NoError(t, err)
	handler := willing{make(chan struct{})}
	server := registration.Serve(controlStream{stream}, handler)
	t.Cleanup(func() { stop(); _ = qc.CloseWithError(0, ""); server.Close() })
	return &link{Conn: qc, unregistered: handler.unregistered, stop: stop, requests: requests}
}

// listen is the listening half of an edge.
func listen(t *testing.T) *quic.Listener {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	conf := tunnel.TLSConfig(tunnel.EdgeSide, &tls.Config{Certificates: certificate.TLS.Certificates})
	certificate.Close()
	tr := &quic.Transport{Conn: socket}
	l, err := tr.Listen(conf, tunnel.QUICConfig(tunnel.EdgeSide, tunnel.QUICOptions{}))
	require.NoError(t, err)
	t.Cleanup(func() { _, _, _ = l.Close(), tr.Close(), socket.Close() })
	return l
}

// receive waits for an event, or for a channel to be closed.
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

// open opens a stream that begins with the given bytes.
func (l *link) open(t *testing.T, begin string) *quic.Stream {
	stream, err := l.OpenStream()
	require.NoError(t, err)
	require.NoError(t, stream.SetDeadline(time.Now().Add(patience)))
	_, err = stream.Write([]byte(begin))
	require.NoError(t, err)
	return stream
}

// answer reads a response to its end.
func answer(t *testing.T, stream *quic.Stream) (response wire.Response, body string, err error) {
	head, err := wire.ReadHead(stream, make([]byte, 4096), nil)
	if err != nil {
		return response, "", err
	}
	response, err = wire.DecodeResponse(head.Message, nil)
	require.NoError(t, err)
	if head.EOF {
		return response, string(head.Rest), nil
	}
	rest, err := io.ReadAll(stream)
	return response, string(head.Rest) + string(rest), err
}

// ask is the head of a request with the given further headers.
func ask(t *testing.T, kind wire.Kind, method string, headers ...string) string {
	enc := wire.BeginRequest(nil, "http://eyeball.example/path", kind, 2+len(headers)/2)
	enc.Add(wire.KeyMethod, "", method)
	enc.Add(wire.KeyHost, "", "eyeball.example")
	for i := 0; i < len(headers); i += 2 {
		enc.Add(wire.KeyHeaderPrefix, headers[i], headers[i+1])
	}
	head, err := enc.Finish()
	require.NoError(t, err)
	return string(head)
}

// status is the HttpStatus of a response, empty when it has none.
func status(r wire.Response) string {
	for _, md := range r.Metadata {
		if md.Key == wire.KeyStatus {
			return md.Val
		}
	}
	return ""
}

// Requests that must not reach an origin are answered with an error; the
// connection, and the requests after them, are none the worse.
func TestRequestsOfAHostileEdge(t *testing.T) {
	reached := make(chan string, 64)
	l := connect(t, func(w http.ResponseWriter, r *http.Request) {
		reached <- r.Method + " " + r.RequestURI
		w.WriteHeader(http.StatusNoContent)
	}, 0)
	preamble := wire.SignatureData + wire.Version
	tests := map[string]string{
		"CRLF in a value":   ask(t, wire.HTTP, "GET", "A", "b\r\nC: d"),
		"CRLF in a name":    ask(t, wire.HTTP, "GET", "A\r\nB", "c"),
		"colon in a name":   ask(t, wire.HTTP, "GET", "A:B", "c"),
		"second request":    ask(t, wire.HTTP, "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET"),
		"two lengths":       ask(t, wire.HTTP, "POST", "Content-Length", "1", "Content-Length", "2"),
		"CONNECT":           ask(t, wire.HTTP, "CONNECT"),
		"tcp":               ask(t, wire.TCP, "GET"),
		"unknown type":      ask(t, 77, "GET"),
		"oversized message": preamble + "\x00\x00\x00\x00\xff\xff\xff\x7f",
		"malformed message": preamble + "\x00\x00\x00\x00\x01\x00\x00\x00" + strings.Repeat("\xff", 8),
		"cut message":       ask(t, wire.HTTP, "GET")[:30],
	}
	for name, begin := range tests {
		t.Run(name, func(t *testing.T) {
			stream := l.open(t, begin)
			_ = stream.Close() // fails when the connector has stopped it already
			response, body, err := answer(t, stream)
			require.NoError(t, err)
			require.NotEmpty(t, response.Error)
			require.Empty(t, status(response)+body)
			require.Error(t, receive(t, l.requests).Err)
		})
	}
	require.Empty(t, reached)
	response, _, err := answer(t, l.open(t, ask(t, wire.HTTP, "GET")))
	require.NoError(t, err)
	require.Equal(t, "204", status(response))
	require.Equal(t, "GET /path", receive(t, reached))
}

// A stream that is no request stream cannot be answered as if it were one:
// whoever opened it speaks something else. cloudflared resets it, code 0.
func TestStreamsOfAnotherKindAreReset(t *testing.T) {
	l := connect(t, http.NotFound, 0)
	for name, begin := range map[string]string{
		"rpc":     wire.SignatureRPC + "\x00\x00\x00\x00",
		"unknown": "GET / HTTP/1.1\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			stream := l.open(t, begin)
			got, err := io.ReadAll(stream)
			var reset *quic.StreamError
			require.ErrorAs(t, err, &reset)
			require.True(t, reset.Remote)
			require.Zero(t, reset.ErrorCode)
			require.Empty(t, got)
			receive(t, stream.Context().Done()) // STOP_SENDING, too
		})
	}
}

// A head may arrive in any pieces.
func TestRequestHeadInPieces(t *testing.T) {
	l := connect(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }, 0)
	stream := l.open(t, "")
	for _, b := range []byte(ask(t, wire.HTTP, "POST", "Content-Length", "4") + "body") {
		_, err := stream.Write([]byte{b})
		require.NoError(t, err)
	}
	require.NoError(t, stream.Close())
	response, body, err := answer(t, stream)
	require.NoError(t, err)
	require.Equal(t, "200", status(response))
	require.Equal(t, "body", body)
}

// An upload that was cut must not look whole to the origin.
func TestCutUploadsDoNotLookWhole(t *testing.T) {
	reset := func(s *quic.Stream) { s.CancelWrite(0) }
	fin := func(s *quic.Stream) { _ = s.Close() }
	tests := map[string]struct {
		name, value string
		end         func(*quic.Stream)
	}{
		"chunked, reset":     {"Transfer-Encoding", "chunked", reset},
		"length, reset":      {"Content-Length", "10", reset},
		"length, ends early": {"Content-Length", "10", fin},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			began, ended := make(chan struct{}), make(chan error, 1)
			l := connect(t, func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.ReadFull(r.Body, make([]byte, 4))
				close(began)
				_, err := io.ReadAll(r.Body)
				ended <- err
			}, 0)
			stream := l.open(t, ask(t, wire.HTTP, "POST", test.name, test.value)+"half")
			receive(t, began)
			test.end(stream)
			require.ErrorIs(t, receive(t, ended), io.ErrUnexpectedEOF)
			response, _, err := answer(t, stream)
			require.True(t, err != nil || response.Error != "", "%v", response)
			require.Error(t, receive(t, l.requests).Err)
		})
	}
}

// STOP_SENDING says that the eyeball has gone.
func TestStopSendingEndsTheOriginsWork(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{})
	l := connect(t, func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		close(ended)
	}, 0)
	stream := l.open(t, ask(t, wire.HTTP, "GET"))
	receive(t, began)
	stream.CancelRead(0)
	receive(t, ended)
	require.Error(t, receive(t, l.requests).Err)
}

// An origin that switches protocols unasked holds its connection open for
// good; the request must end all the same.
func TestSwitchOfProtocolsUnaskedIsAnError(t *testing.T) {
	l := connect(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"))
		_, _ = io.Copy(io.Discard, conn) // until the connector hangs up
	}, 0)
	response, _, err := answer(t, l.open(t, ask(t, wire.HTTP, "GET")))
	require.NoError(t, err)
	require.NotEmpty(t, response.Error)
	require.Error(t, receive(t, l.requests).Err)
}

// Requests that outlast the grace period are cut, and the connection closes with code 0.
func TestGracePeriodEnds(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{})
	l := connect(t, func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		close(ended)
	}, 20*time.Millisecond)
	l.open(t, ask(t, wire.HTTP, "GET"))
	receive(t, began)
	l.stop()
	receive(t, l.unregistered)
	receive(t, ended)
	receive(t, l.Context().Done())
	var closed *quic.ApplicationError
	require.ErrorAs(t, context.Cause(l.Context()), &closed)
	require.True(t, closed.Remote)
	require.Zero(t, closed.ErrorCode)
	require.Empty(t, closed.ErrorMessage)
	require.Error(t, receive(t, l.requests).Err)
}

// While the last requests end, streams that the edge opened before it knew are served.
func TestStreamsAreServedWhileLeaving(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	l := connect(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			close(began)
			<-release
		}
		w.WriteHeader(http.StatusNoContent)
	}, patience)
	slow := l.open(t, ask(t, wire.HTTP, "POST"))
	receive(t, began)
	stopped := make(chan struct{})
	go func() { defer close(stopped); l.stop() }()
	receive(t, l.unregistered)
	response, _, err := answer(t, l.open(t, ask(t, wire.HTTP, "GET")))
	require.NoError(t, err)
	require.Equal(t, "204", status(response))
	close(release)
	response, _, err = answer(t, slow)
	require.NoError(t, err)
	require.Equal(t, "204", status(response))
	receive(t, stopped)
}
