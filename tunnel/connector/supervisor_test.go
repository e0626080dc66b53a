package connector

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// rtt is a handshake, or a registration after it.
const rtt = 2 * oneWay

// Connection 0 registers alone, 1 right after it, 2 and 3 a second apart.
func TestStartOrder(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.edge(), w.edge()
		c, stop := w.begin(slotsOf(4, a, b), nil)
		require.NoError(w, c.Ready(w.Context()))
		synctest.Wait()
		require.Equal(w, 4, c.Connected())
		for index, want := range []time.Duration{2 * rtt, 4 * rtt, 4*rtt + time.Second, 4*rtt + 2*time.Second} {
			require.Equal(w, []time.Duration{want}, w.of(uint8(index)), "connection %d", index)
		}
		require.Len(w, a.conns, 2, "spread evenly")
		require.Len(w, b.conns, 2, "spread evenly")
		require.NoError(w, stop())
		require.Len(w, w.log.with("INFO Initial protocol quic"), 1)
		lines := w.log.with("INFO Registered tunnel connection connIndex=2 event=0 location=test connection=")
		require.Len(w, lines, 1)
		require.Regexp(w, ` protocol=quic ip=10\.0\.0\.[12]$`, lines[0])
		require.Empty(w, w.log.with("WARN"))
		require.Empty(w, w.log.with("ERROR"))
	})
}

// While nothing happens a connection costs one goroutine, and the connector one
// more, besides what quic-go needs.
func TestIdleConnectionsAreLean(t *testing.T) {
	inWorld(t, func(w *world) {
		c, stop := w.begin(slotsOf(8, w.edge()), nil)
		require.NoError(w, c.Ready(w.Context()))
		w.pass(time.Second)
		buf := make([]byte, 1<<20)
		ours := 0
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(stack, "connector.(*connection).") || strings.Contains(stack, "connector.(*Connector).") {
				ours++
			}
		}
		require.Equal(w, 4+1, ours)
		require.NoError(w, stop())
	})
}

// The knob for benchmarks: all at once after the first.
func TestStartWithoutStagger(t *testing.T) {
	inWorld(t, func(w *world) {
		c, stop := w.begin(slotsOf(8, w.edge()), func(cfg *Config) { cfg.Stagger = -1 })
		require.NoError(w, c.Ready(w.Context()))
		for index := range uint8(4) {
			require.Equal(w, min(int(index), 1)*int(2*rtt)+int(2*rtt), int(w.of(index)[0]))
		}
		require.NoError(w, stop())
	})
}

func TestFewerSlotsThanConnections(t *testing.T) {
	inWorld(t, func(w *world) {
		c, stop := w.begin(slotsOf(1, w.edge()), nil)
		require.NoError(w, c.Ready(w.Context()))
		w.pass(time.Minute)
		require.Equal(w, 1, c.Connected())
		require.Len(w, w.registered, 1)
		require.Len(w, w.log.with("INFO You requested 4 HA connections but I can give you at most 1."), 1)
		require.NoError(w, stop())
	})
}

// A lost connection waits on its own, then in the queue, and comes back to the
// same edge from the same port.
func TestALostConnectionComesBack(t *testing.T) {
	inWorld(t, func(w *world) {
		c, stop := w.begin(slotsOf(4, w.edge(), w.edge()), nil)
		require.NoError(w, c.Ready(w.Context()))
		before := w.dials[2]
		w.kill(2)
		require.Equal(w, 3, c.Connected())
		lost := time.Now()
		require.Len(w, w.log.with("WARN Serve tunnel error connIndex=2 event=0 error=failed to accept QUIC stream"), 1)
		require.Len(w, w.log.with("INFO Retrying connection in up to 2s connIndex=2"), 1)
		require.NoError(w, c.Ready(w.Context()))
		require.Len(w, w.waits, 2)
		own, shared := w.waits[0], w.waits[1]
		require.Equal(w, 2*time.Second, own.Below)
		require.Equal(w, 20*time.Second, shared.Below)
		require.Equal(w, []bool{false, true}, []bool{own.Shared, shared.Shared})
		require.Less(w, own.Wait, own.Below)
		require.Less(w, shared.Wait, shared.Below)
		require.Equal(w, own.Wait+shared.Wait+2*rtt, w.of(2)[1]-lost.Sub(w.start))
		require.Len(w, w.log.with("WARN Connection terminated connIndex=2"), 1)
		again := w.dials[len(w.dials)-1]
		require.Equal(w, before.Remote, again.Remote)
		require.Equal(w, before.Local, again.Local)
		require.NoError(w, stop())
	})
}

// After it is back, and calm, the laws begin anew.
func TestARecoveredConnectionBeginsAnew(t *testing.T) {
	inWorld(t, func(w *world) {
		c, stop := w.begin(slotsOf(8, w.edge()), nil)
		for range 3 {
			require.NoError(w, c.Ready(w.Context()))
			w.pass(2 * time.Minute) // the queue is calm after 80 s at most
			w.waits = nil
			w.kill(2)
			require.NoError(w, c.Ready(w.Context()))
			require.Len(w, w.waits, 2)
			for _, b := range w.waits {
				require.Equal(w, 1, b.Attempt)
			}
			require.Equal(w, 2*time.Second, w.waits[0].Below)
			require.Equal(w, 20*time.Second, w.waits[1].Below)
		}
		require.NoError(w, stop())
	})
}

// Connection 0 waits for nobody but itself.
func TestConnectionZeroDoesNotQueue(t *testing.T) {
	inWorld(t, func(w *world) {
		c, stop := w.begin(slotsOf(8, w.edge()), nil)
		require.NoError(w, c.Ready(w.Context()))
		w.kill(0)
		lost := time.Since(w.start)
		require.NoError(w, c.Ready(w.Context()))
		require.Len(w, w.waits, 1)
		require.False(w, w.waits[0].Shared)
		require.Equal(w, lost+w.waits[0].Wait+2*rtt, w.of(0)[1])
		require.Empty(w, w.log.with("Connection terminated"))
		require.NoError(w, stop())
	})
}

// Those that are lost before the queue's wait ends come back in the same instant.
func TestLostConnectionsShareAWait(t *testing.T) {
	inWorld(t, func(w *world) {
		c, stop := w.begin(slotsOf(8, w.edge()), nil)
		require.NoError(w, c.Ready(w.Context()))
		for index := uint8(1); index <= 3; index++ {
			w.kill(index)
		}
		require.NoError(w, c.Ready(w.Context()))
		ends := map[time.Time]int{}
		for _, b := range w.waits {
			if b.Shared {
				ends[b.at.Add(b.Wait)]++
				require.Equal(w, 20*time.Second, b.Below)
			}
		}
		require.Len(w, ends, 1, "one wait: %v", w.waits)
		back := w.of(1)[1]
		require.Equal(w, back, w.of(2)[1])
		require.Equal(w, back, w.of(3)[1])
		require.NoError(w, stop())
	})
}

// Ready that waits in vain says why.
func TestReadySaysWhatIsMissing(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.edge()
		w.router.dead.Store(host(e.addr), true)
		c, stop := w.begin(slotsOf(8, e), nil)
		ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
		defer cancel()
		err := c.Ready(ctx)
		require.ErrorIs(w, err, context.DeadlineExceeded)
		require.ErrorContains(w, err, "0 of 4 connections are registered")
		require.ErrorContains(w, err, "no recent network activity")
		require.NoError(w, stop())
	})
}
