package endtoend

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
)

// A WebSocket that enters where the tunnel is not connected: a relayed stream
// is a tunnel stream, so nothing else is needed.
func TestWebSocketsAreRelayed(t *testing.T) {
	checkLeaks(t)
	m := newMesh(t, loopbackSockets(t), "AMS", "FRA")
	defer m.close()
	defer m.connect(nil, nil, "FRA")()
	m.settled(map[string]int{"FRA": 1})
	eyeball := httptest.NewServer(m.colos["AMS"])
	defer eyeball.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(eyeball.URL, "http")+"/ws", &websocket.DialOptions{
		Host: m.creds.TunnelID.String() + tunnel.HostSuffix, HTTPClient: eyeball.Client(),
	})
	require.NoError(t, err)
	conn.SetReadLimit(-1)
	for _, text := range []string{"hello", strings.Repeat("0123456789abcdef", bulk/16), ""} {
		_, answer := say(t, conn, websocket.MessageBinary, text)
		require.True(t, text == answer, "%d bytes came back as %d", len(text), len(answer))
	}
	require.NoError(t, conn.Close(websocket.StatusNormalClosure, "bye"))
	r := receive(t, m.colos["AMS"].requests)
	require.NoError(t, r.Err)
	require.Equal(t, "FRA", r.Via)
	require.EqualValues(t, 1, m.colos["FRA"].Stats().RelayedIn)
	require.Zero(t, m.colos["AMS"].Stats().RelayFailures)
}
