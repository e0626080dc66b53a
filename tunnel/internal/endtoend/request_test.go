package endtoend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/origin"
	"pqbench/tunnel"
)

const bulk = 5 << 20

func listen(t testing.TB) *net.UDPConn {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	return conn
}

func TestRequestsReachTheOriginAsTheyWere(t *testing.T) {
	type seen struct {
		method, uri, host, body, encoding, userAgent string
		length                                       int64
		header                                       http.Header
	}
	got := make(chan seen, 1)
	p := newPath(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- seen{r.Method, r.RequestURI, r.Host, string(body), strings.Join(r.TransferEncoding, ","), r.UserAgent(), r.ContentLength, r.Header}
		w.Header()["X-Twice"] = []string{"a", "b"}
		w.Header().Set("Connection", "x-hop")
		w.Header().Set("X-Hop", "secret")
		w.Header()["Content-Type"] = nil
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("<html>short and stout"))
	})).start()
	p.connect(p.config())

	tests := []struct {
		name, method, target string
		body                 string
		chunked              bool
		length               int64
		encoding             string
	}{
		{name: "get", method: "GET", target: "/a/b?c=d&c=e"},
		{name: "raw path kept", method: "GET", target: "/a%2Fb//../c%20d?x=%2F?"},
		{name: "head", method: "HEAD", target: "/"},
		{name: "post with length", method: "POST", target: "/", body: "hello", length: 5},
		{name: "post chunked", method: "POST", target: "/", body: "hello", chunked: true, length: -1, encoding: "chunked"},
		{name: "post empty", method: "POST", target: "/"},
		{name: "delete with body", method: "DELETE", target: "/x", body: "b", length: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := p.request(test.method, test.target, nil)
			if test.body != "" {
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(test.body)), int64(len(test.body))
			}
			if test.chunked {
				r.ContentLength = -1
			}
			r.Header = http.Header{
				"X-Multi": {"1", "2"}, "User-Agent": {""}, "Accept-Encoding": {"br"},
				"Connection": {"X-Private"}, "X-Private": {"hop"}, "Proxy-Authorization": {"hop"},
			}
			resp := p.do(r)
			s := receive(t, got)
			require.Equal(t, http.StatusTeapot, resp.StatusCode)
			require.Equal(t, []string{"a", "b"}, resp.Header["X-Twice"])
			require.NotContains(t, resp.Header, "X-Hop")
			require.NotContains(t, resp.Header, "Content-Type", "the edge adds no guess of its own")

			require.Equal(t, test.method, s.method)
			require.Equal(t, test.target, s.uri)
			require.Equal(t, r.Host, s.host)
			require.Equal(t, test.body, s.body)
			require.Equal(t, test.length, s.length)
			require.Equal(t, test.encoding, s.encoding)
			require.Empty(t, s.userAgent)
			require.Equal(t, []string{"1", "2"}, s.header["X-Multi"])
			require.Equal(t, []string{"br"}, s.header["Accept-Encoding"])
			require.NotContains(t, s.header, "X-Private")
			require.NotContains(t, s.header, "Proxy-Authorization")
			require.NotEmpty(t, s.header["Cf-Warp-Tag-Id"])
		})
	}
}

func TestBulkBothWays(t *testing.T) {
	p := newPath(t, nil).start()
	p.connect(p.config())

	t.Run("download", func(t *testing.T) {
		resp := p.do(p.request("GET", fmt.Sprintf("/bytes/%d", bulk), nil))
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Len(t, body, bulk)
		require.NoError(t, origin.Verify(body, 0))
	})
	for _, chunked := range []bool{false, true} {
		t.Run(fmt.Sprintf("echo chunked=%t", chunked), func(t *testing.T) {
			sent := make([]byte, bulk)
			for i := range sent {
				sent[i] = byte(i * 7 >> 3)
			}
			r := p.request("POST", "/echo", nil)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(sent)), bulk
			if chunked {
				r.ContentLength = -1
			}
			resp := p.do(r)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.True(t, bytes.Equal(sent, body))
		})
	}
	t.Run("upload", func(t *testing.T) {
		resp := p.do(p.request("POST", "/sink", strings.NewReader(strings.Repeat("x", bulk))))
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.JSONEq(t, fmt.Sprintf(`{"bytes":%d}`, bulk), string(body))
	})
	stats := p.edge.Stats()
	require.EqualValues(t, 3*bulk, stats.BytesUp)
	require.Greater(t, stats.BytesDown, int64(3*bulk))
	require.Zero(t, stats.BadGateways+stats.Aborted)
}

func TestResponsesStream(t *testing.T) {
	for _, length := range []string{"", "8"} {
		t.Run("content length "+length, func(t *testing.T) {
			first := make(chan struct{})
			p := newPath(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if length != "" {
					w.Header().Set("Content-Length", length)
				}
				_, _ = w.Write([]byte("half"))
				_ = http.NewResponseController(w).Flush()
				select {
				case <-first:
				case <-r.Context().Done():
				}
				_, _ = w.Write([]byte("full"))
			})).start()
			p.connect(p.config())
			resp := p.do(p.request("GET", "/", nil))
			half := make([]byte, 4)
			_, err := io.ReadFull(resp.Body, half)
			require.NoError(t, err)
			close(first) // only now may the origin go on
			rest, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, "halffull", string(half)+string(rest))
		})
	}
}

func TestHeadOfALongResponseDoesNotWaitForItsBody(t *testing.T) {
	seen := make(chan struct{})
	p := newPath(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-seen:
		case <-r.Context().Done():
		}
		_, _ = w.Write(make([]byte, 1000000))
	})).start()
	p.connect(p.config())
	resp := p.do(p.request("GET", "/", nil))
	close(seen) // the origin sends no body before this
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Len(t, body, 1000000)
}

func TestUploadStreams(t *testing.T) {
	p := newPath(t, nil).start()
	p.connect(p.config())
	in, out := io.Pipe()
	r := p.request("POST", "/echo", nil)
	r.Body, r.ContentLength = in, -1
	go func() { _, _ = out.Write([]byte("ping")) }()
	resp := p.do(r)
	echoed := make([]byte, 4)
	_, err := io.ReadFull(resp.Body, echoed) // before the upload has ended
	require.NoError(t, err)
	require.Equal(t, "ping", string(echoed))
	require.NoError(t, out.Close())
	rest, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Empty(t, rest)
}

func TestEarlyAnswerCutsTheUpload(t *testing.T) {
	p := newPath(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		http.Error(w, "no", http.StatusForbidden)
	})).start()
	p.connect(p.config())
	in, out := io.Pipe()
	defer out.Close()
	r := p.request("POST", "/", nil)
	r.Body, r.ContentLength = in, -1
	resp := p.do(r) // the upload never ends by itself
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	_, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
}

func TestHosts(t *testing.T) {
	p := newPath(t, nil).start()
	p.connect(p.config())
	id := p.creds.TunnelID.String()
	tests := map[string]int{
		id + tunnel.HostSuffix:                  http.StatusOK,
		strings.ToUpper(id) + tunnel.HostSuffix: http.StatusOK,
		id + tunnel.HostSuffix + ":443":         http.StatusOK,
		"app.example":                           http.StatusOK,
		"APP.example:8443":                      http.StatusOK,
		"other.example":                         http.StatusNotFound,
		"{" + id + "}" + tunnel.HostSuffix:      http.StatusNotFound,
		"00000000-0000-4000-8000-000000000000" + tunnel.HostSuffix: http.StatusBadGateway,
	}
	for host, want := range tests {
		r := p.request("GET", "/bytes/1", nil)
		r.Host = host
		resp := p.do(r)
		if strings.ContainsAny(host, "{") {
			require.NotEqual(t, http.StatusOK, resp.StatusCode, host)
			continue
		}
		require.Equal(t, want, resp.StatusCode, host)
	}
}

func TestOriginDownIs502(t *testing.T) {
	p := newPath(t, nil).start()
	p.connect(p.config())
	p.origin.Close()
	require.Equal(t, http.StatusBadGateway, p.get("/bytes/1"))
	require.EqualValues(t, 1, p.edge.Stats().BadGateways)
}

func TestOriginThatDiesMidBodyAbortsTheEyeball(t *testing.T) {
	read := make(chan struct{})
	p := newPath(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		_ = http.NewResponseController(w).Flush()
		<-read // a reset overtakes what nobody has read; the answer would be a 502
		panic(http.ErrAbortHandler)
	})).start()
	p.connect(p.config())
	resp := p.do(p.request("GET", "/", nil))
	half := make([]byte, 4)
	_, err := io.ReadFull(resp.Body, half)
	require.NoError(t, err)
	close(read)
	_, err = io.ReadAll(resp.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "a cut body must not look whole")
	require.Eventually(t, func() bool { return p.edge.Stats().Aborted == 1 }, patience, time.Millisecond)
}

func TestEyeballThatLeavesEndsTheOriginsWork(t *testing.T) {
	entered, left := make(chan struct{}), make(chan struct{})
	p := newPath(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(left)
	})).start()
	p.connect(p.config())
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r := p.request("GET", "/", nil).WithContext(ctx)
	failed := make(chan error, 1)
	go func() {
		_, err := p.client.Do(r)
		failed <- err
	}()
	receive(t, entered)
	leave()
	require.ErrorIs(t, receive(t, failed), context.Canceled)
	receive(t, left)
}

func TestLostConnectionFailsItsRequestsWith502(t *testing.T) {
	entered := make(chan struct{})
	p := newPath(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	}))
	closed := make(chan tunnel.ConnClose, 8)
	p.edgeTrace.ConnClosed = func(c tunnel.ConnClose) { closed <- c }
	p.edgeQUIC.Idle = 300 * time.Millisecond
	p.connectorQUIC.KeepAlive = 50 * time.Millisecond
	p.start()
	cfg := p.config()
	cfg.Connections = 1
	socket, sockets := listen(t), make(chan net.PacketConn, 1)
	sockets <- socket
	cfg.ListenPacket = func() (net.PacketConn, error) {
		select {
		case s := <-sockets:
			return s, nil
		default:
			return nil, net.ErrClosed // it stays away
		}
	}
	p.connect(cfg)
	status := make(chan int, 1)
	go func() { status <- p.get("/") }()
	receive(t, entered)
	require.NoError(t, socket.Close()) // as if the host had gone
	require.Equal(t, http.StatusBadGateway, receive(t, status))
	c := receive(t, closed)
	var idle *quic.IdleTimeoutError
	require.True(t, errors.As(c.Err, &idle), "%v", c.Err)
	require.True(t, c.Registered)
	require.Zero(t, p.edge.Connections(p.creds.TunnelID))
}

func TestLoadIsSpreadRoundRobin(t *testing.T) {
	p := newPath(t, nil)
	requests := make(chan tunnel.Request, 16)
	p.edgeTrace.RequestDone = func(r tunnel.Request) { requests <- r }
	p.start()
	p.connect(p.config())
	spread := map[uint8]int{}
	for range 12 {
		require.Equal(t, http.StatusOK, p.get("/bytes/10"))
		r := receive(t, requests)
		require.NoError(t, r.Err)
		require.Equal(t, http.StatusOK, r.Status)
		require.EqualValues(t, 10, r.BytesDown)
		require.False(t, r.Head.Before(r.Start) || r.Done.Before(r.Head))
		spread[r.Index]++
	}
	require.Equal(t, map[uint8]int{0: 3, 1: 3, 2: 3, 3: 3}, spread)
}

func TestCloseOfTheEdgeWaitsForRequests(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	p := newPath(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		w.WriteHeader(http.StatusNoContent)
	})).start()
	p.connect(p.config())
	status := make(chan int, 1)
	go func() { status <- p.get("/") }()
	receive(t, entered)
	closed := make(chan struct{})
	go func() { p.stopEdge(); close(closed) }()
	require.Eventually(t, func() bool { return p.get("/") == http.StatusServiceUnavailable }, patience, time.Millisecond)
	close(leave)
	require.Equal(t, http.StatusNoContent, receive(t, status))
	receive(t, closed)
}
