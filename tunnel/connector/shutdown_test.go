package connector

import (
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/wire"
)

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
