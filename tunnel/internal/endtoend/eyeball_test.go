package endtoend

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"pqbench/origin"
	"pqbench/tunnel/connector"
)

// http2 replaces the eyeballs' server by one that speaks HTTP/2.
func (p *path) http2() *path {
	p.eyeball.Close()
	p.eyeball = httptest.NewUnstartedServer(p.edge)
	p.eyeball.EnableHTTP2 = true
	p.eyeball.StartTLS()
	p.client = p.eyeball.Client()
	return p
}

// eyeballs runs a test with eyeballs of either version of HTTP.
func eyeballs(t *testing.T, handler http.HandlerFunc, test func(*testing.T, *path)) {
	for _, version := range []string{"HTTP/1.1", "HTTP/2"} {
		t.Run(version, func(t *testing.T) {
			var h http.Handler
			if handler != nil {
				h = handler
			}
			p := newPath(t, h).start()
			if version == "HTTP/2" {
				p.http2()
			}
			p.connect(p.config())
			test(t, p)
		})
	}
}

func TestEyeballsOfEitherVersionGetWhatTheyAskFor(t *testing.T) {
	eyeballs(t, nil, func(t *testing.T, p *path) {
		resp := p.do(p.request("GET", fmt.Sprintf("/bytes/%d", bulk), nil))
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Len(t, body, bulk)
		require.NoError(t, origin.Verify(body, 0))

		for _, length := range []int64{int64(len(body)), -1} {
			r := p.request("POST", "/echo", nil)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), length
			resp = p.do(r)
			echoed, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.True(t, bytes.Equal(body, echoed), "length %d", length)
		}
		require.Equal(t, p.eyeball.EnableHTTP2, resp.ProtoMajor == 2)
	})
}

func TestEchoIsFullDuplex(t *testing.T) {
	eyeballs(t, nil, func(t *testing.T, p *path) {
		in, out := io.Pipe()
		r := p.request("POST", "/echo", nil)
		r.Body, r.ContentLength = in, -1
		go func() { _, _ = out.Write([]byte("0")) }()
		resp := p.do(r)
		for i := range 10 { // each byte is sent when the one before has come back
			got := make([]byte, 1)
			_, err := io.ReadFull(resp.Body, got)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(i), string(got))
			if i < 9 {
				_, err = out.Write([]byte(fmt.Sprint(i + 1)))
				require.NoError(t, err)
			}
		}
		require.NoError(t, out.Close())
		rest, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Empty(t, rest)
	})
}

func TestACutResponseDoesNotLookWhole(t *testing.T) {
	read := make(chan struct{}, 1)
	eyeballs(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		_ = http.NewResponseController(w).Flush()
		<-read
		panic(http.ErrAbortHandler)
	}, func(t *testing.T, p *path) {
		resp := p.do(p.request("GET", "/", nil))
		_, err := io.ReadFull(resp.Body, make([]byte, 4))
		require.NoError(t, err)
		read <- struct{}{}
		_, err = io.ReadAll(resp.Body)
		require.Error(t, err)
	})
}

// An eyeball that leaves within its upload must not leave the origin with
// what looks like the whole of it.
func TestACutUploadDoesNotLookWhole(t *testing.T) {
	began, ended := make(chan struct{}, 1), make(chan error, 1)
	eyeballs(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, 4))
		began <- struct{}{}
		_, err := io.ReadAll(r.Body)
		ended <- err
	}, func(t *testing.T, p *path) {
		for _, length := range []int64{-1, 10} {
			in, out := io.Pipe()
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			r := p.request("POST", "/", nil).WithContext(ctx)
			r.Body, r.ContentLength = in, length
			failed := make(chan error, 1)
			go func() {
				_, err := p.client.Do(r)
				failed <- err
			}()
			_, err := out.Write([]byte("half"))
			require.NoError(t, err)
			receive(t, began)
			leave()
			_ = out.CloseWithError(context.Canceled) // which net/http's client waits for
			require.ErrorIs(t, receive(t, failed), context.Canceled)
			require.Error(t, receive(t, ended), "length %d", length)
		}
	})
}

// An upload that breaks its own framing is cut, though its eyeball stays.
func TestAMalformedUploadDoesNotLookWhole(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	p := newPath(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, 4))
		close(began) // a reset overtakes what is on its way, the head included
		_, err := io.ReadAll(r.Body)
		ended <- err
	})).start()
	p.connect(p.config())
	conn, err := net.Dial("tcp", p.eyeball.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
	require.NoError(t, err)
	receive(t, began)
	_, err = fmt.Fprintf(conn, "no length\r\n")
	require.NoError(t, err)
	require.ErrorIs(t, receive(t, ended), io.ErrUnexpectedEOF)
}

func TestAnEarlyAnswerCutsTheUpload(t *testing.T) {
	eyeballs(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		http.Error(w, "no", http.StatusForbidden)
	}, func(t *testing.T, p *path) {
		in, out := io.Pipe()
		defer out.Close()
		r := p.request("POST", "/", nil)
		r.Body, r.ContentLength = in, -1
		resp := p.do(r) // the upload never ends by itself
		require.Equal(t, http.StatusForbidden, resp.StatusCode)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, "no\n", string(body))
	})
}

func TestResponsesWithoutABody(t *testing.T) {
	eyeballs(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"e"`)
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(http.StatusNoContent)
		case "/304":
			w.WriteHeader(http.StatusNotModified)
		default:
			w.Header().Set("Content-Length", "1000")
		}
	}, func(t *testing.T, p *path) {
		tests := []struct {
			method, target string
			status         int
			length         string
		}{
			{"HEAD", "/", http.StatusOK, "1000"},
			{"GET", "/204", http.StatusNoContent, ""},
			{"GET", "/304", http.StatusNotModified, ""},
			{"HEAD", "/304", http.StatusNotModified, ""},
		}
		for _, test := range tests {
			resp := p.do(p.request(test.method, test.target, nil))
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Empty(t, body)
			require.Equal(t, test.status, resp.StatusCode)
			require.Equal(t, test.length, resp.Header.Get("Content-Length"))
			require.Equal(t, `"e"`, resp.Header.Get("Etag"))
		}
		stats := p.edge.Stats()
		require.Zero(t, stats.Aborted+stats.BadGateways)
	})
}

// Close gives up at the end of its context: what is in flight is cut, and
// never looks whole.
func TestCloseOfTheEdgeCutsWhatDoesNotEnd(t *testing.T) {
	eyeballs(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("half"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}, func(t *testing.T, p *path) {
		resp := p.do(p.request("GET", "/", nil))
		_, err := io.ReadFull(resp.Body, make([]byte, 4))
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, p.edge.Close(ctx), context.Canceled)
		_, err = io.ReadAll(resp.Body)
		require.Error(t, err)
		require.EqualValues(t, 1, p.edge.Stats().Aborted)
	})
}

// log is a log that goroutines share.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Neither end's log holds a secret, the edge's own or one that was offered.
func TestLogsHoldNoSecret(t *testing.T) {
	var all log
	logger := slog.New(slog.NewJSONHandler(&all, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
	p := newPath(t, nil)
	p.edgeLog = logger
	p.start()
	cfg := p.config()
	cfg.Logger = logger
	stop := p.connect(cfg)
	require.Equal(t, http.StatusOK, p.get("/bytes/1"))
	p.origin.Close()
	require.Equal(t, http.StatusBadGateway, p.get("/bytes/1"))
	stop()

	offered := []byte("another secret, which is a wrong one")
	cfg.Credentials.TunnelSecret = offered
	c, err := connector.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	failure := c.Run(ctx)
	require.Error(t, failure)

	text := all.String() + failure.Error()
	for _, said := range []string{"Registered tunnel connection", "registered tunnel connection", "Register tunnel error from server side", "request failed"} {
		require.Contains(t, text, said)
	}
	for _, secret := range [][]byte{p.creds.TunnelSecret, offered} {
		digits := strings.Trim(fmt.Sprint(secret), "[]") // as %v writes bytes
		for _, spelling := range []string{string(secret), hex.EncodeToString(secret), base64.StdEncoding.EncodeToString(secret), digits} {
			require.NotContains(t, text, spelling)
		}
	}
}
