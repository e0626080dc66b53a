package http1

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait; a healthy run waits for milliseconds.
const patience = 20 * time.Second

// to is a client for a listener's address that counts its dials.
func to(t *testing.T, address string) (*Client, *atomic.Int32) {
	checkLeaks(t)
	dials := new(atomic.Int32)
	c := &Client{MaxIdle: 10, Dial: func(ctx context.Context) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}}
	t.Cleanup(c.CloseIdleConnections)
	return c, dials
}

// scripted is an origin that reads a request's head and answers with fixed bytes: the n-th of all its requests with
// the n-th answer. "" hangs up instead, and so does the end of an answer that begins with "close:".
func scripted(t *testing.T, answers ...string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	var next atomic.Int32
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = nc.Close() })
			go func() {
				defer nc.Close()
				for br := bufio.NewReader(nc); ; {
					if _, err := http.ReadRequest(br); err != nil {
						return
					}
					answer := answers[min(int(next.Add(1)), len(answers))-1]
					text, hangUp := strings.CutPrefix(answer, "close:")
					if _, err := io.WriteString(nc, text); err != nil || hangUp || text == "" {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func checkLeaks(t *testing.T) {
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		require.Eventually(t, func() bool {
			buf := make([]byte, 1<<20)
			return strings.Count(string(buf[:runtime.Stack(buf, true)]), "http1.(*upload)") == 0
		}, patience, time.Millisecond, "uploads leaked")
	})
}

func request(t *testing.T, method, target string, body io.Reader) *http.Request {
	req, err := http.NewRequestWithContext(t.Context(), method, "http://origin.example"+target, body)
	require.NoError(t, err)
	return req
}

// fetch reads a response to its end.
func fetch(t *testing.T, c *Client, req *http.Request) (*http.Response, string) {
	resp, err := c.RoundTrip(req)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp, string(body)
}

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

// The origin may close a kept connection at any time: a request that may be repeated is.
func TestClosedConnections(t *testing.T) {
	tests := map[string]struct {
		method string
		body   string
		probe  bool // the close is seen before the request is sent
		retry  bool
	}{
		"seen before":            {"GET", "", true, true},
		"seen before a POST":     {"POST", "body", true, true},
		"seen while asking":      {"GET", "", false, true},
		"PUT without a body":     {"PUT", "", false, true},
		"PUT with a body":        {"PUT", "body", false, false},
		"POST without a body":    {"POST", "", false, false},
		"POST with a body":       {"POST", "body", false, false},
		"PATCH, not idempotent":  {"PATCH", "", false, false},
		"unknown, not assumed":   {"FROB", "", false, false},
		"OPTIONS, idempotent":    {"OPTIONS", "", false, true},
		"DELETE, idempotent too": {"DELETE", "", false, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			// The second request of a kept connection finds it closed.
			answers := []string{hello, "", hello}
			if test.probe {
				answers = []string{"close:" + hello, hello}
			}
			c, dials := to(t, scripted(t, answers...))
			fetch(t, c, request(t, "GET", "/", nil))
			if test.probe {
				kept := c.pool.take()
				require.Eventually(t, func() bool { return !kept.alive() }, patience, time.Millisecond)
				c.pool.put(kept, 1, 0)
			}
			req := request(t, test.method, "/", nil)
			if test.body != "" {
				req.Body, req.ContentLength = io.NopCloser(strings.NewReader(test.body)), int64(len(test.body))
			}
			resp, err := c.RoundTrip(req)
			if !test.retry {
				require.ErrorIs(t, err, errStale)
				require.EqualValues(t, 1, dials.Load())
				return
			}
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.EqualValues(t, 2, dials.Load())
		})
	}
}

// A new connection that is closed is an origin that does not serve: once is enough.
func TestNewConnectionsAreNotRetried(t *testing.T) {
	c, dials := to(t, scripted(t, ""))
	_, err := c.RoundTrip(request(t, "GET", "/", nil))
	require.Error(t, err)
	require.EqualValues(t, 1, dials.Load())
}

func TestContextEndsAnExchange(t *testing.T) {
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
		}
		<-hang
	}))
	defer s.Close()
	defer close(hang)
	cause := errors.New("the eyeball has left")
	for _, path := range []string{"/head", "/body"} {
		t.Run(path, func(t *testing.T) {
			c, _ := to(t, s.Listener.Addr().String())
			ctx, cancel := context.WithCancelCause(t.Context())
			resp, err := (*http.Response)(nil), error(nil)
			if path == "/head" {
				time.AfterFunc(10*time.Millisecond, func() { cancel(cause) })
				_, err = c.RoundTrip(request(t, "GET", path, nil).WithContext(ctx))
			} else {
				resp, err = c.RoundTrip(request(t, "GET", path, nil).WithContext(ctx))
				require.NoError(t, err)
				_, err = io.ReadFull(resp.Body, make([]byte, 4))
				require.NoError(t, err)
				cancel(cause)
				_, err = io.ReadAll(resp.Body)
				require.NoError(t, resp.Body.Close())
			}
			require.ErrorIs(t, err, cause)
			require.Nil(t, c.pool.take())
		})
	}
}

// A closed context dials nobody.
func TestContextThatHasEnded(t *testing.T) {
	c, dials := to(t, scripted(t, hello))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.RoundTrip(request(t, "GET", "/", nil).WithContext(ctx))
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, dials.Load())
}

// Kept connections are bounded in number and in time; the clock is the bubble's.
func TestKeptConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		c := &Client{MaxIdle: 2, IdleTimeout: time.Minute, Dial: func(context.Context) (net.Conn, error) {
			client, server := net.Pipe()
			open.Add(1)
			go func() {
				defer open.Add(-1)
				for br := bufio.NewReader(server); ; {
					if _, err := http.ReadRequest(br); err != nil {
						return
					}
					_, _ = io.WriteString(server, hello)
				}
			}()
			return client, nil
		}}
		ask := func(n int) {
			var inFlight []*http.Response
			for range n {
				resp, err := c.RoundTrip(request(t, "GET", "/", nil))
				require.NoError(t, err)
				inFlight = append(inFlight, resp)
			}
			for _, resp := range inFlight {
				_, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
			}
			synctest.Wait()
		}
		ask(3)
		require.EqualValues(t, 2, open.Load(), "above the limit")
		time.Sleep(40 * time.Second)
		ask(1) // keeps one of them young
		time.Sleep(40 * time.Second)
		synctest.Wait()
		require.EqualValues(t, 1, open.Load(), "one has grown old")
		time.Sleep(21 * time.Second)
		synctest.Wait()
		require.Zero(t, open.Load())
		require.Nil(t, c.pool.timer, "no timer is left")
		ask(2)
		c.CloseIdleConnections()
		synctest.Wait()
		require.Zero(t, open.Load())
	})
}
