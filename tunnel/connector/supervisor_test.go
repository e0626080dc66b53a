package connector

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/registration"
	"pqbench/tunnel/internal/wire"
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
			w.pass(time.Hour)
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

// An edge that falls silent is given up after the idle time-out.
func TestADeadEdgeIsDetected(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.edge()
		c, stop := w.begin(slotsOf(2, e), func(cfg *Config) { cfg.Connections = 1 })
		require.NoError(w, c.Ready(w.Context()))
		w.pass(10 * time.Second)
		require.Equal(w, 1, c.Connected(), "a quiet connection lives on")
		w.router.dead.Store(host(e.addr), true)
		cut := time.Now()
		w.pass(tunnel.MaxIdleTimeout + tunnel.KeepAlivePeriod)
		require.Zero(w, c.Connected())
		require.Len(w, w.ended, 1)
		var idle *quic.IdleTimeoutError
		require.ErrorAs(w, w.ended[0].Err, &idle)
		require.GreaterOrEqual(w, w.ended[0].At.Sub(cut), tunnel.MaxIdleTimeout-tunnel.KeepAlivePeriod)
		require.Len(w, w.log.with("ERROR Serve tunnel error"), 1, "nothing else is connected")
		require.Len(w, w.log.with("timeout: no recent network activity"), 1)

		w.router.dead.Clear()
		require.NoError(w, c.Ready(w.Context()))
		require.NoError(w, stop())
	})
}

// Edges that are not there: each dial takes the handshake time-out, each wait
// is exactly what was announced, and the slots take turns.
func TestDeadEdgesAreRetriedInTurn(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.edge(), w.edge()
		w.router.dead.Store(host(a.addr), true)
		w.router.dead.Store(host(b.addr), true)
		_, stop := w.begin(slotsOf(1, a, b), nil)
		w.pass(5 * time.Minute)
		require.NoError(w, stop(), "a dead edge is not for good")
		require.GreaterOrEqual(w, len(w.dials), 8)
		for i, h := range w.dials[:8] {
			var idle *quic.IdleTimeoutError
			require.ErrorAs(w, h.Err, &idle)
			require.Equal(w, tunnel.HandshakeIdleTimeout, h.Done.Sub(h.Start))
			require.Equal(w, i+1, w.waits[i].Attempt)
			require.Equal(w, time.Second<<min(i+1, 5), w.waits[i].Below)
			if i > 0 {
				require.Equal(w, w.waits[i-1].Wait, h.Start.Sub(w.dials[i-1].Done))
				require.NotEqual(w, w.dials[i-1].Remote, h.Remote)
			}
		}
		require.Len(w, w.log.with("INFO Retrying connection in up to 8s connIndex=0"), 1)
		require.NotEmpty(w, w.log.with(`ERROR Failed to dial a quic connection connIndex=0 event=0 error=failed to dial to edge with quic: timeout`))
	})
}

// With no slot to rotate to the wait is taken all the same.
func TestNoHotLoopWithoutASpareSlot(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.edge()
		w.router.dead.Store(host(e.addr), true)
		_, stop := w.begin(slotsOf(1, e), nil)
		w.pass(5 * time.Minute)
		require.NoError(w, stop())
		require.Greater(w, len(w.dials), 5)
		for i := 1; i < len(w.dials); i++ {
			require.Equal(w, w.waits[i-1].Wait, w.dials[i].Start.Sub(w.dials[i-1].Done))
		}
	})
}

// A registration that is never answered costs the RPC time-out, not more.
func TestASilentRegistrationTimesOut(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.edge()
		e.silent.Store(true)
		c, stop := w.begin(slotsOf(2, e), func(cfg *Config) { cfg.Connections = 1 })
		w.pass(rtt + tunnel.RPCTimeout)
		require.Len(w, w.registered, 1)
		require.ErrorIs(w, w.registered[0].Err, context.DeadlineExceeded)
		require.Equal(w, rtt+tunnel.RPCTimeout, w.registered[0].Done.Sub(w.start))
		require.Len(w, w.ended, 1)
		require.False(w, w.ended[0].Registered)
		e.silent.Store(false)
		require.NoError(w, c.Ready(w.Context()))
		require.Equal(w, w.waits[0].Wait, w.dials[1].Start.Sub(w.registered[0].Done))
		require.NoError(w, stop())
	})
}

func TestRefusalsAreObeyed(t *testing.T) {
	tests := map[string]struct {
		refused registration.Error
		rotates bool
		want    time.Duration // 0: the law's
	}{
		"retry":                {registration.Error{Cause: "busy", ShouldRetry: true}, false, 0},
		"retryAfter":           {registration.Error{Cause: "busy", ShouldRetry: true, RetryAfter: 7 * time.Minute}, false, 7 * time.Minute},
		"retryAfter at once":   {registration.Error{Cause: "busy", ShouldRetry: true, RetryAfter: 1}, false, retryAfterFloor},
		"duplicate":            {registration.Error{Cause: tunnel.CauseDuplicate, ShouldRetry: true}, true, 0},
		"duplicate, permanent": {registration.Error{Cause: tunnel.CauseDuplicate}, true, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				a, b := w.edge(), w.edge()
				a.refuse(test.refused)
				b.refuse(test.refused)
				_, stop := w.begin(slotsOf(1, a, b), func(cfg *Config) { cfg.Connections = 1 })
				w.pass(5 * max(test.want, time.Minute))
				require.NoError(w, stop())
				require.Greater(w, len(w.registered), 3)
				for i, b := range w.waits[:3] {
					if test.want != 0 {
						require.Equal(w, test.want, b.Wait)
					} else {
						require.Equal(w, time.Second<<(i+1), b.Below)
					}
					rotated := w.registered[i].Remote != w.registered[i+1].Remote
					require.Equal(w, test.rotates, rotated)
					require.Equal(w, b.Wait, w.dials[i+1].Start.Sub(w.registered[i].Done))
				}
				said := "ERROR Register tunnel error from server side connIndex=0"
				if test.rotates {
					said = "ERROR Unable to establish connection. connIndex=0"
				}
				require.Len(w, w.log.with(said), len(w.registered))
				attempts := append(a.asked, b.asked...)
				require.NotZero(w, attempts[len(attempts)-1].Attempts)
			})
		})
	}
}

// However many connections meet a permanent refusal, it is told once.
func TestAPermanentRefusalIsToldOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.edge()
		c, stop := w.begin(slotsOf(8, e), nil)
		require.NoError(w, c.Ready(w.Context()))
		e.refuse(registration.Error{Cause: "tunnel deleted"})
		for index := range uint8(4) {
			w.kill(index)
		}
		w.pass(5 * time.Minute)
		require.Len(w, w.registered, 8, "each came once more")
		lines := w.log.with("Register tunnel error from server side")
		require.Len(w, lines, 1, "%q", lines)
		require.Contains(w, lines[0], "tunnel deleted")
		require.ErrorContains(w, c.Ready(w.Context()), "tunnel deleted")
		require.EqualError(w, stop(), "edge refused the registration: tunnel deleted")
	})
}

// When the first connection is refused for good the others are not even tried.
func TestPermanentRefusalEndsRun(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.edge()
		e.refuse(registration.Error{Cause: "no such feature"})
		c, stop := w.begin(slotsOf(8, e), nil)
		w.pass(time.Minute)
		require.ErrorContains(w, c.Ready(w.Context()), "no such feature")
		require.Len(w, e.asked, 1)
		require.ErrorContains(w, stop(), "no such feature")
	})
}

// A socket that has died is replaced.
func TestADeadSocketIsReopened(t *testing.T) {
	inWorld(t, func(w *world) {
		c, stop := w.begin(slotsOf(2, w.edge()), func(cfg *Config) { cfg.Connections = 1 })
		require.NoError(w, c.Ready(w.Context()))
		first := w.dials[0].Local
		for _, s := range w.opened {
			require.NoError(w, s.Close())
		}
		synctest.Wait()
		require.Zero(w, c.Connected())
		require.NoError(w, c.Ready(w.Context()))
		require.Len(w, w.dials, 2, "the first dial after the death has a new socket")
		require.NotEqual(w, first, w.dials[1].Local)
		require.NoError(w, stop())
	})
}

// The same while nobody answers.
func TestADeadSocketIsReopenedWhenADialFails(t *testing.T) {
	inWorld(t, func(w *world) {
		e := w.edge()
		w.router.dead.Store(host(e.addr), true)
		c, stop := w.begin(slotsOf(2, e), func(cfg *Config) { cfg.Connections = 1 })
		w.pass(time.Second)
		require.NoError(w, w.opened[0].Close())
		w.router.dead.Clear()
		w.pass(2 * time.Second) // the first wait is not longer
		require.Equal(w, 1, c.Connected())
		require.Len(w, w.opened, 2)
		require.NoError(w, stop())
	})
}

// At shutdown all connections unregister at once, and none counts any more.
func TestShutdownUnregistersAllAtOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.edge(), w.edge()
		c, stop := w.begin(slotsOf(4, a, b), nil)
		require.NoError(w, c.Ready(w.Context()))
		w.pass(time.Second)
		ended := make(chan error, 1)
		begun := time.Now()
		w.cancel()
		require.Zero(w, c.Connected(), "at once")
		go func() { ended <- stop() }()
		require.NoError(w, <-ended)
		gone := append(a.gone, b.gone...)
		require.Len(w, gone, 4)
		for _, at := range gone {
			require.Equal(w, begun.Add(oneWay), at)
		}
		require.Len(w, w.left, 4)
		require.Len(w, w.log.with("INFO Unregistered tunnel connection connIndex="), 4)
		// Nothing is in flight: the grace period ends after three round trips.
		require.Equal(w, rtt+lingerRTTs*rtt, time.Since(begun))
		require.Len(w, w.ended, 4)
		for _, c := range w.ended {
			var closed *quic.ApplicationError
			require.ErrorAs(w, c.Err, &closed)
			require.Zero(w, closed.ErrorCode)
			require.True(w, c.Registered)
		}
	})
}

// Without a grace period the connector closes when it has unregistered, and an
// edge that does not answer holds it up for no longer than a call may take.
func TestShutdownIsBounded(t *testing.T) {
	tests := map[string]struct {
		dead bool
		want time.Duration
	}{
		"no grace":  {false, rtt},
		"dead edge": {true, 3 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				e := w.edge()
				c, stop := w.begin(slotsOf(8, e), func(cfg *Config) { cfg.GracePeriod, cfg.RPCTimeout = -1, 3*time.Second })
				require.NoError(w, c.Ready(w.Context()))
				if test.dead {
					w.router.dead.Store(host(e.addr), true)
				}
				begun := time.Now()
				require.NoError(w, stop())
				require.Equal(w, test.want, time.Since(begun))
			})
		})
	}
}

// stubborn is an origin that takes a second to notice that nobody waits.
type stubborn struct{ began chan struct{} }

func (s stubborn) RoundTrip(r *http.Request) (*http.Response, error) {
	close(s.began)
	<-r.Context().Done()
	time.Sleep(time.Second) // virtual
	return nil, r.Context().Err()
}

// Run does not leave a request behind that it has cut.
func TestRunWaitsForWhatItCuts(t *testing.T) {
	inWorld(t, func(w *world) {
		e, origin, ended := w.edge(), stubborn{make(chan struct{})}, false
		c, stop := w.begin(slotsOf(1, e), func(cfg *Config) {
			cfg.Transport, cfg.GracePeriod = origin, -1
			cfg.Trace.RequestDone = func(tunnel.Request) { ended = true }
		})
		require.NoError(w, c.Ready(w.Context()))
		stream, err := e.conns[0].OpenStream()
		require.NoError(w, err)
		_, err = stream.Write([]byte(ask(t, wire.HTTP, "GET")))
		require.NoError(w, err)
		<-origin.began
		require.NoError(w, stop())
		require.True(w, ended)
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
