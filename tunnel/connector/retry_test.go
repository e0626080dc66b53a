package connector

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/registration"
)

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
				w.pass(5 * max(test.want, 12*time.Second))
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
