package http1

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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

func (replenished) Close() error { return nil }

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
