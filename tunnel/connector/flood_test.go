package connector

import (
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/wire"
)

// An eyeball that does not read holds back its own origin, within the stream's window, and nobody else's.
func TestAStalledEyeballHoldsOnlyItsOwn(t *testing.T) {
	var written atomic.Int64
	stalled := make(chan struct{})
	l := connect(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			return
		}
		for block := make([]byte, 64<<10); ; {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
			n, err := w.Write(block)
			written.Add(int64(n))
			if err != nil {
				close(stalled)
				return
			}
		}
	}, 0)
	slow := l.open(t, ask(t, wire.HTTP, "GET"))
	receive(t, stalled)
	// The window, what lies in two socket buffers, and what is copied.
	require.Less(t, written.Load(), int64(tunnel.MaxStreamReceiveWindow+16<<20))
	response, _, err := answer(t, l.open(t, ask(t, wire.HTTP, "HEAD")))
	require.NoError(t, err)
	require.Equal(t, "200", status(response))
	slow.CancelRead(0)
}

// An origin that does not read an upload holds back its eyeball, within the window, and nobody else's.
func TestAStalledOriginHoldsOnlyItsOwn(t *testing.T) {
	hang := make(chan struct{})
	l := connect(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			<-hang
		}
	}, 0)
	defer close(hang)
	slow := l.open(t, ask(t, wire.HTTP, "POST", "Transfer-Encoding", "chunked"))
	_ = slow.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
	sent := 0
	for block := make([]byte, 64<<10); ; {
		n, err := slow.Write(block)
		sent += n
		if err != nil {
			break
		}
	}
	require.Less(t, sent, tunnel.MaxStreamReceiveWindow+16<<20)
	response, _, err := answer(t, l.open(t, ask(t, wire.HTTP, "GET")))
	require.NoError(t, err)
	require.Equal(t, "200", status(response))
	slow.CancelWrite(0)
	slow.CancelRead(0)
}

// A flood of streams ends at the limit that the connector set, costs little for each, and leaves the connection as good
// as it was.
func TestAFloodOfStreamsIsBounded(t *testing.T) {
	const limit = 1000
	l := connect(t, func(http.ResponseWriter, *http.Request) {}, 0, func(c *Config) {
		c.Dialer.QUIC.StreamLimit = limit
		c.Trace = nil
	})
	before := heap()
	var flood []*quic.Stream
	for {
		stream, err := l.OpenStream()
		if err != nil {
			var reached *quic.StreamLimitReachedError
			require.ErrorAs(t, err, &reached)
			break
		}
		_, err = stream.Write([]byte(wire.SignatureData[:1])) // half a head, or less
		require.NoError(t, err)
		flood = append(flood, stream)
	}
	require.Len(t, flood, limit)
	// Both ends live here: a connector's share is a stream, a goroutine and a buffer for the head.
	require.Less(t, (heap()-before)/limit, int64(40<<10), "bytes of each stream")
	for _, stream := range flood {
		stream.CancelWrite(0)
		stream.CancelRead(0)
	}
	require.Eventually(t, func() bool {
		stream, err := l.OpenStream()
		if err != nil {
			return false
		}
		_, err = stream.Write([]byte(ask(t, wire.HTTP, "GET")))
		require.NoError(t, err)
		response, _, err := answer(t, stream)
		require.NoError(t, err)
		return status(response) == "200"
	}, patience, 10*time.Millisecond)
}

// heap is what is in use, stacks included, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// A WebSocket or TCP stream that an edge resets, or stops, ends the origin's side.
func TestAbortsReachTheOrigin(t *testing.T) {
	began, ended := make(chan struct{}, 1), make(chan struct{}, 1)
	l := connect(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"))
		began <- struct{}{}
		_, _ = io.Copy(io.Discard, rw)
		ended <- struct{}{}
	}, 0)
	for name, abort := range map[string]func(*quic.Stream){
		"reset":        func(s *quic.Stream) { s.CancelWrite(0) },
		"stop sending": func(s *quic.Stream) { s.CancelRead(0) },
	} {
		t.Run(name, func(t *testing.T) {
			stream := l.open(t, ask(t, wire.WebSocket, "GET"))
			receive(t, began)
			abort(stream)
			receive(t, ended)
			require.Error(t, receive(t, l.requests).Err)
		})
	}
}

// Without a list there is no way from a tunnel into a network.
func TestTCPIsRefusedByDefault(t *testing.T) {
	l := connect(t, http.NotFound, 0)
	for dest, want := range map[string]string{
		"127.0.0.1:22":  "tcp to 127.0.0.1:22 is not allowed by the connector's configuration",
		"[::1]:22":      "is not allowed",
		"localhost:22":  errHead.Error(),
		"127.0.0.1":     errHead.Error(),
		"":              errHead.Error(),
		"127.0.0.1:0x1": errHead.Error(),
	} {
		enc := wire.BeginRequest(nil, dest, wire.TCP, 0)
		head, err := enc.Finish()
		require.NoError(t, err)
		response, body, err := answer(t, l.open(t, string(head)))
		require.NoError(t, err)
		require.Contains(t, response.Error, want, dest)
		require.Empty(t, body)
	}
}
