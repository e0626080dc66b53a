package http1

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// recorded is a connection to an origin that has said all it has to say.
type recorded struct{ io.Reader }

func (recorded) Write(p []byte) (int, error)      { return len(p), nil }
func (recorded) Close() error                     { return nil }
func (recorded) LocalAddr() net.Addr              { return nil }
func (recorded) RemoteAddr() net.Addr             { return nil }
func (recorded) SetDeadline(time.Time) error      { return nil }
func (recorded) SetReadDeadline(time.Time) error  { return nil }
func (recorded) SetWriteDeadline(time.Time) error { return nil }

// FuzzResponse: what the client takes is what net/http takes, and means the same; and a connection is kept only when
// nothing of the response, or behind it, is left on it.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		hello,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n" + hello + hello,
		"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"HTTP/1.0 200 OK\r\nA : b\r\n fold\r\n\r\nuntil the end",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nbytes",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, said []byte, head bool) {
		left := bytes.NewReader(said)
		c := &Client{MaxIdle: 1, Dial: func(context.Context) (net.Conn, error) { return recorded{left}, nil }}
		req := &http.Request{Method: "GET", Host: "h", URL: &url.URL{Path: "/"}}
		if head {
			req.Method = "HEAD"
		}
		resp, err := c.RoundTrip(req)
		if err != nil {
			return
		}
		require.True(t, validFields(resp.Header))
		want := oracle(t, said, req)
		require.Equal(t, want.StatusCode, resp.StatusCode)
		require.Equal(t, want.Header, resp.Header)
		require.Equal(t, want.ContentLength, resp.ContentLength)
		if resp.StatusCode == http.StatusSwitchingProtocols {
			require.NoError(t, resp.Body.Close())
			require.Nil(t, c.pool.take())
			return
		}
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, resp.Body.Close())
		wantBody, wantErr := io.ReadAll(want.Body)
		require.Equal(t, wantErr == nil, err == nil)
		require.True(t, bytes.Equal(wantBody, body))
		if kept := c.pool.take(); kept != nil {
			require.NoError(t, err)
			require.False(t, want.Close)
			require.Zero(t, kept.br.Buffered())
		}
	})
}

// oracle is what net/http reads as the final response.
func oracle(t *testing.T, said []byte, req *http.Request) *http.Response {
	for br := bufio.NewReader(bytes.NewReader(said)); ; {
		resp, err := http.ReadResponse(br, req)
		require.NoError(t, err, "net/http refuses it")
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp
		}
	}
}

// FuzzRequest: a request that is sent reads as that one request, whatever it is made of.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "h", "/a", "b=c", "X-A", "1", int64(0))
	f.Add("POST", "h:80", "/", "", "Content-Length", "7", int64(4))
	f.Add("PUT", "h", "//x", "a b", "Transfer-Encoding", "chunked", int64(-1))
	f.Add("GET / HTTP/1.1\r\n\r\n", "a\r\nb", "/\r\n", "\x7f", "A\r\nB", "c\nd", int64(0))
	f.Fuzz(func(t *testing.T, method, host, path, query, name, value string, length int64) {
		u := &url.URL{Path: path, RawQuery: query}
		key := http.CanonicalHeaderKey(name)
		req := &http.Request{Method: method, Host: host, URL: u, Header: http.Header{key: {value}}, ContentLength: length, Body: http.NoBody}
		b, err := appendHead(nil, req)
		if err != nil {
			require.ErrorIs(t, err, errRequest)
			return
		}
		br := bufio.NewReader(bytes.NewReader(b))
		got, err := http.ReadRequest(br)
		if err != nil {
			// net/http's server is pickier about targets and values of fields that it reads; it must not see two requests.
			require.Equal(t, 1, strings.Count(string(b), "\r\n\r\n"))
			return
		}
		require.Zero(t, br.Buffered(), "nothing follows the head")
		require.Equal(t, method, got.Method)
		require.Equal(t, host, got.Host)
		require.Equal(t, u.RequestURI(), got.RequestURI)
		require.Equal(t, max(length, -1), got.ContentLength)
		require.LessOrEqual(t, len(got.Header), 2)
	})
}
