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

// Whatever net/http's server makes of a request is what was asked for.
func TestRequestsAsAServerSeesThem(t *testing.T) {
	type seen struct{ line, host, length, encoding, body, header string }
	got := make(chan seen, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- seen{r.Method + " " + r.RequestURI, r.Host, r.Header.Get("Content-Length"), strings.Join(r.TransferEncoding, ","), string(body),
			strings.Join(r.Header["X-A"], ",") + r.UserAgent() + r.Header.Get("Accept-Encoding")}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer s.Close()
	c, dials := to(t, s.Listener.Addr().String())
	big := strings.Repeat("0123456789", 20_000)
	tests := []struct {
		method, target, body string
		length               int64
		want                 seen
	}{
		{"GET", "/a%2Fb//../c%20d?x=%2F?", "", 0, seen{"GET /a%2Fb//../c%20d?x=%2F?", "h", "", "", "", "1,2"}},
		{"GET", "", "", 0, seen{"GET /", "h", "", "", "", "1,2"}},
		{"POST", "/", "", 0, seen{"POST /", "h", "0", "", "", "1,2"}},
		{"POST", "/", "hello", 5, seen{"POST /", "h", "5", "", "hello", "1,2"}},
		{"POST", "/", "hello", -1, seen{"POST /", "h", "", "chunked", "hello", "1,2"}},
		{"PUT", "/", big, int64(len(big)), seen{"PUT /", "h", "200000", "", big, "1,2"}},
		{"PUT", "/", big, -1, seen{"PUT /", "h", "", "chunked", big, "1,2"}},
		{"DELETE", "/", "", -1, seen{"DELETE /", "h", "", "chunked", "", "1,2"}},
	}
	for _, test := range tests {
		req := request(t, test.method, test.target, nil)
		req.Host = "h"
		req.Header = http.Header{"X-A": {"1", "2"}, "Content-Length": {"99"}, "Transfer-Encoding": {"gzip"}, "Host": {"evil"}, "User-Agent": nil}
		req.ContentLength = test.length
		if test.length != 0 {
			req.Body = io.NopCloser(strings.NewReader(test.body))
		}
		resp, _ := fetch(t, c, req)
		require.Equal(t, http.StatusAccepted, resp.StatusCode)
		require.Equal(t, test.want, <-got)
	}
	require.EqualValues(t, 1, dials.Load(), "one connection does for all")
}

// replenished is a body that has its bytes at hand, as the proxy's has what came with the head.
type replenished struct{ *strings.Reader }

func (r replenished) Buffered() int { return r.Len() }
func (replenished) Close() error    { return nil }

func TestBodyAtHandGoesWithTheHead(t *testing.T) {
	client, server := net.Pipe()
	defer server.Close()
	c := &Client{Dial: func(context.Context) (net.Conn, error) { return client, nil }}
	first := make(chan string, 1)
	go func() {
		buf := make([]byte, 4096)
		n, _ := server.Read(buf) // a pipe's Read is one Write
		first <- string(buf[:n])
		_, _ = io.WriteString(server, hello)
	}()
	req := request(t, "POST", "/", nil)
	req.Body, req.ContentLength = replenished{strings.NewReader("body")}, 4
	_, body := fetch(t, c, req)
	require.Equal(t, "hello", body)
	require.True(t, strings.HasSuffix(<-first, "\r\n\r\nbody"))
}

// What a request must not be made to say.
func TestRequestsThatAreRefused(t *testing.T) {
	tests := map[string]func(*http.Request){
		"method":        func(r *http.Request) { r.Method = "GET / HTTP/1.1\r\nA: b\r\n\r\nGET" },
		"no method":     func(r *http.Request) { r.Method = "" },
		"CONNECT":       func(r *http.Request) { r.Method = "CONNECT" },
		"host":          func(r *http.Request) { r.Host = "a\r\nB: c" },
		"no host":       func(r *http.Request) { r.Host = "" },
		"space in URI":  func(r *http.Request) { r.URL.RawQuery = "a HTTP/1.1" },
		"CRLF in URI":   func(r *http.Request) { r.URL.RawQuery = "a\r\nB: c" },
		"opaque URI":    func(r *http.Request) { r.URL.Opaque = "evil" },
		"CR in value":   func(r *http.Request) { r.Header["A"] = []string{"b\rC: d"} },
		"LF in value":   func(r *http.Request) { r.Header["A"] = []string{"b\nC: d"} },
		"NUL in value":  func(r *http.Request) { r.Header["A"] = []string{"b\x00"} },
		"colon in name": func(r *http.Request) { r.Header["A:B"] = []string{"c"} },
		"space in name": func(r *http.Request) { r.Header["A "] = []string{"c"} },
		"CRLF in name":  func(r *http.Request) { r.Header["A\r\nB"] = []string{"c"} },
		"no name":       func(r *http.Request) { r.Header[""] = []string{"c"} },
		"no body":       func(r *http.Request) { r.ContentLength = 7 },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			c, _ := to(t, scripted(t, hello))
			req := request(t, "GET", "/", nil)
			change(req)
			_, err := c.RoundTrip(req)
			require.ErrorIs(t, err, errRequest)
		})
	}
}

func TestResponses(t *testing.T) {
	tests := map[string]struct {
		method, answer string
		status         int
		body           string
		kept           bool // the connection serves the next request
	}{
		"length":             {"GET", hello, 200, "hello", true},
		"chunked":            {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 200, "hello", true},
		"trailers":           {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n", 200, "hello", true},
		"empty":              {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", true},
		"no content":         {"GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
		"not modified":       {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, "", true},
		"HEAD":               {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, "", true},
		"interim":            {"GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + hello, 200, "hello", true},
		"asks to close":      {"GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", false},
		"HTTP/1.0":           {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", false},
		"HTTP/1.0 kept":      {"GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true},
		"until close":        {"GET", "close:HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello", false},
		"more than it said":  {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n", 200, "hello", false},
		"body after a HEAD":  {"HEAD", hello, 200, "", false},
		"body after a 204":   {"GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", 204, "", false},
		"same length twice":  {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true},
		"chunked and length": {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, dials := to(t, scripted(t, test.answer, hello))
			resp, body := fetch(t, c, request(t, test.method, "/", nil))
			require.Equal(t, test.status, resp.StatusCode)
			require.Equal(t, test.body, body)
			_, body = fetch(t, c, request(t, "GET", "/", nil))
			require.Equal(t, "hello", body)
			require.Equal(t, test.kept, dials.Load() == 1, "%d dials", dials.Load())
		})
	}
}

// Heads and bodies that mean nothing, or two things.
func TestResponsesThatAreRefused(t *testing.T) {
	tests := map[string]string{
		"no HTTP":         "close:SSH-2.0-OpenSSH\r\n\r\n",
		"HTTP/2":          "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/0.9":        "HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
		"status":          "HTTP/1.1 2000 OK\r\n\r\n",
		"status of 099":   "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
		"two lengths":     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"length list":     "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello",
		"negative length": "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
		"other encoding":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
		"two encodings":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"space in name":   "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
		"no colon":        "HTTP/1.1 200 OK\r\nA\r\n\r\n",
		"fold at once":    "HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
		"cut head":        "close:HTTP/1.1 200 OK\r\nContent-Le",
		"bad chunk":       "close:HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
		"cut chunk":       "close:HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
		"no last chunk":   "close:HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"cut body":        "close:HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe",
		"long line":       "HTTP/1.1 200 " + strings.Repeat("a", maxHead),
		"long head":       "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: "+strings.Repeat("b", 1000)+"\r\n", 2*maxHead/1000),
		"interim forever": strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", maxHead/20),
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			c, _ := to(t, scripted(t, "close:"+strings.TrimPrefix(answer, "close:"))) // what were taken would end
			resp, err := c.RoundTrip(request(t, "GET", "/", nil))
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				require.NoError(t, resp.Body.Close())
			}
			require.Error(t, err)
			require.Nil(t, c.pool.take(), "the connection must not be used again")
		})
	}
}

func TestHeadBoundHolds(t *testing.T) {
	c, _ := to(t, scripted(t, "HTTP/1.1 200 OK\r\nA: "+strings.Repeat("a", 2*maxHead)))
	_, err := c.RoundTrip(request(t, "GET", "/", nil))
	require.ErrorIs(t, err, errHeadTooLarge)
}

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

// A kept connection on which the origin speaks unasked is not used: its words would answer somebody else's request.
func TestUnaskedResponsesAnswerNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	speak := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			defer nc.Close()
			_, _ = http.ReadRequest(bufio.NewReader(nc))
			_, _ = io.WriteString(nc, hello)
			if n == 0 {
				<-speak
				_, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
			}
		}
	}()
	c, dials := to(t, l.Addr().String())
	fetch(t, c, request(t, "GET", "/", nil))
	kept := c.pool.take()
	require.True(t, kept.alive())
	close(speak)
	require.Eventually(t, func() bool { return !kept.alive() }, patience, time.Millisecond)
	// Looking took a byte away; what is left is still not an answer.
	c.pool.put(kept, 1, 0)
	_, body := fetch(t, c, request(t, "GET", "/", nil))
	require.Equal(t, "hello", body)
	require.EqualValues(t, 2, dials.Load())
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

// An upload that cannot be read must not look whole, and its cause is what the caller learns.
func TestUploadThatIsCut(t *testing.T) {
	for _, length := range []int64{10, -1} {
		ended := make(chan error, 1)
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			ended <- err
		}))
		c, _ := to(t, s.Listener.Addr().String())
		cause := errors.New("the eyeball was cut")
		req := request(t, "POST", "/", nil)
		body, feed := io.Pipe()
		req.Body, req.ContentLength = body, length
		go func() {
			_, _ = feed.Write([]byte("half"))
			_ = feed.CloseWithError(cause)
		}()
		_, err := c.RoundTrip(req)
		require.ErrorIs(t, err, cause)
		require.ErrorIs(t, <-ended, io.ErrUnexpectedEOF)
		s.Close()
	}
}

// The origin may answer before it has read the body, and without reading it.
func TestEarlyAnswer(t *testing.T) {
	c, dials := to(t, scripted(t, hello))
	body, feed := io.Pipe()
	defer feed.Close()
	req := request(t, "POST", "/", nil)
	req.Body, req.ContentLength = body, -1
	_, text := fetch(t, c, req)
	require.Equal(t, "hello", text)
	_, err := feed.Write([]byte("x"))
	require.ErrorIs(t, err, io.ErrClosedPipe, "the body is closed")
	fetch(t, c, request(t, "GET", "/", nil))
	require.EqualValues(t, 2, dials.Load(), "half a request is on the first connection")
}

func TestSwitchOfProtocols(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		br := bufio.NewReader(nc)
		_, _ = http.ReadRequest(br)
		_, _ = io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nearly ")
		_, _ = io.Copy(nc, br)
	}()
	c, _ := to(t, l.Addr().String())
	ctx, cancel := context.WithCancel(t.Context())
	req := request(t, "GET", "/", nil).WithContext(ctx)
	req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"x"}}
	resp, err := c.RoundTrip(req)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	cancel() // as with net/http, it has no more say
	rw := resp.Body.(io.ReadWriteCloser)
	_, err = io.WriteString(rw, "echo")
	require.NoError(t, err)
	require.NoError(t, rw.(interface{ CloseWrite() error }).CloseWrite())
	got, err := io.ReadAll(rw)
	require.NoError(t, err)
	require.Equal(t, "early echo", string(got))
	require.NoError(t, rw.Close())
	require.Nil(t, c.pool.take())
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

// A response that is not read to its end spoils its connection, however well the upload went.
func TestResponseLeftUnread(t *testing.T) {
	c, _ := to(t, scripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")) // with no byte of it in the buffer, which would tell by itself
	req := request(t, "POST", "/", strings.NewReader("body"))
	resp, err := c.RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Nil(t, c.pool.take())
}
