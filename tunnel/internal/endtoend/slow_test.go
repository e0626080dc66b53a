package endtoend

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pqbench/origin"
	"pqbench/tunnel"
)

// stall asks for a long response and reads nothing of it.
func (p *path) stall() net.Conn {
	c, err := net.Dial("tcp4", p.eyeball.Listener.Addr().String())
	require.NoError(p.t, err)
	require.NoError(p.t, c.(*net.TCPConn).SetReadBuffer(4096))
	_, err = fmt.Fprintf(c, "GET /bytes/64MiB HTTP/1.1\r\nHost: %s%s\r\n\r\n", p.creds.TunnelID, tunnel.HostSuffix)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = c.Close() })
	return c
}

// Eyeballs that do not read leave room for those that do, on the same connection.
func TestSlowReadersDoNotStopOthers(t *testing.T) {
	var sent atomic.Int64
	o := origin.New()
	p := newPath(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { o.ServeHTTP(counted{w, &sent}, r) })).start()
	cfg := p.config()
	cfg.Connections = 1
	p.connect(cfg)
	const stalled = 8
	for range stalled {
		p.stall()
	}
	before := int64(-1)
	require.Eventually(t, func() bool { // nothing more gets through
		now := sent.Load()
		defer func() { before = now }()
		return now == before && p.edge.Stats().InFlight == stalled
	}, patience, 100*time.Millisecond)
	p.client.Timeout = patience / 2
	for range 20 {
		resp := p.do(p.request(http.MethodGet, "/bytes/256KiB", nil))
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Len(t, body, 256<<10)
	}
	require.Less(t, sent.Load(), int64(stalled*64<<20), "they are still waiting")
}

// counted counts the body bytes that an origin could send.
type counted struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.sent.Add(int64(n))
	return n, err
}

// One that goes on not reading is cut, and its origin with it.
func TestASlowReaderIsCutInTheEnd(t *testing.T) {
	requests := make(chan tunnel.Request, 1)
	p := newPath(t, nil)
	p.edgeTrace.RequestDone = func(r tunnel.Request) { requests <- r }
	p.eyeballTimeout = 200 * time.Millisecond
	p.start()
	p.connect(p.config())
	p.stall()
	r := receive(t, requests)
	require.ErrorContains(t, r.Err, "write to eyeball")
	require.EqualValues(t, 1, p.edge.Stats().Aborted)
}
