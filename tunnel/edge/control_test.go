package edge

import (
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel/internal/registration"
	"pqbench/tunnel/internal/wire"
)

// A request may find a connection the moment it is in rotation, and reads its
// name without a lock: the race detector sees one that is set too late.
func TestAConnectionInRotationHasItsName(t *testing.T) {
	id := uuid.New()
	e := listen(t, id)
	qc, err := dial(t, e)
	require.NoError(t, err)
	defer register(t, qc, id).Close()
	conns, _ := e.tunnels.pick(id)
	at := conns[0].quic
	conns[0].Unregister()
	for range 200 {
		c := &conn{edge: e, quic: at}
		found := make(chan uuid.UUID)
		go func() {
			for {
				if conns, _ := e.tunnels.pick(id); len(conns) > 0 {
					found <- conns[0].name.Tunnel
					return
				}
				runtime.Gosched()
			}
		}()
		_, refused := c.decide(request(id))
		require.Nil(t, refused)
		require.Equal(t, id, <-found)
		c.Unregister()
	}
}

// A connector that has lost its control stream still answers requests
// (cloudflared does): it leaves rotation with its connection.
func TestARegistrationOutlivesItsControlStream(t *testing.T) {
	id := uuid.New()
	e := listen(t, id)
	qc, err := dial(t, e)
	require.NoError(t, err)
	stream, err := qc.OpenStream()
	require.NoError(t, err)
	control := registration.NewClient(controlStream{stream})
	defer control.Close()
	_, err = control.Register(t.Context(), request(id))
	require.NoError(t, err)
	stream.CancelWrite(7)
	_, err = io.Copy(io.Discard, stream) // the edge has met the reset, and ends its side
	require.NoError(t, err)

	resp, _, err := get(t, e, id, qc, func(s *quic.Stream) {
		enc := wire.BeginResponse(nil, "", 1)
		enc.Add("", wire.KeyStatus, "204")
		head, _ := enc.Finish()
		_, _ = s.Write(head)
		_ = s.Close()
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	require.NoError(t, qc.CloseWithError(0, ""))
	require.Eventually(t, func() bool { return e.Connections(id) == 0 }, patience, time.Millisecond)
}
