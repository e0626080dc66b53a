package http1

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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

// A response that is not read to its end spoils its connection, however well the upload went.
func TestResponseLeftUnread(t *testing.T) {
	c, _ := to(t, scripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")) // with no byte of it in the buffer, which would tell by itself
	req := request(t, "POST", "/", strings.NewReader("body"))
	resp, err := c.RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Nil(t, c.pool.take())
}
