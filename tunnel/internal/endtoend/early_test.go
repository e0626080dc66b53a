package endtoend

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is left of an upload when its answer came early must not be taken for
// the next request: a proxy before the edge may send several people's
// requests over one connection.
func TestTheRestOfAnUploadIsNoRequest(t *testing.T) {
	var others atomic.Int64
	p := newPath(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/early":
			w.Header().Set("Connection", "close") // or net/http would read the body first
			_, _ = io.WriteString(w, "early")
		case "/never":
			conn, _, err := http.NewResponseController(w).Hijack() // to panic would read the body first, too
			if err == nil {
				_ = conn.Close()
			}
		default:
			others.Add(1)
		}
	})).start()
	p.connect(p.config())
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: app.example\r\n\r\n"
	for _, framing := range []string{
		fmt.Sprintf("Content-Length: %d\r\n\r\n0123456789", 10+len(smuggled)),
		fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n0123456789", 10+len(smuggled)),
	} {
		for path, status := range map[string]int{"/early": http.StatusOK, "/never": http.StatusBadGateway} {
			conn, err := net.Dial("tcp", p.eyeball.Listener.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: app.example\r\n"+framing)
			require.NoError(t, err)
			r := bufio.NewReader(conn)
			resp, err := http.ReadResponse(r, nil)
			require.NoError(t, err)
			require.Equal(t, status, resp.StatusCode)
			require.True(t, resp.Close, "the eyeball is told")
			_, err = io.ReadAll(resp.Body)
			require.NoError(t, err)
			_, _ = io.WriteString(conn, smuggled) // fails when the edge has closed already
			rest, _ := io.ReadAll(r)
			require.Empty(t, rest)
		}
	}
	require.Zero(t, others.Load())
}

// An upload that was read to its end leaves its connection as it was, though
// the answer may be there before the edge has seen that it sent all.
func TestAConnectionServesOneUploadAfterTheOther(t *testing.T) {
	p := newPath(t, nil).start()
	p.connect(p.config())
	dialled, whole := 0, strings.Repeat("x", 50_000)
	for range 600 {
		r := p.request("POST", "/sink", strings.NewReader(whole))
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			GotConn: func(c httptrace.GotConnInfo) {
				if !c.Reused {
					dialled++
				}
			},
		}))
		resp := p.do(r)
		_, err := io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
	require.Equal(t, 1, dialled)
}
