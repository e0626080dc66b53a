package edge

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
)

// TCP is not relayed: whoever asks the wrong data center is told the right one.
func TestTCPIsNotRelayed(t *testing.T) {
	id, relay := uuid.New(), relayCA(t)
	fra := fakePeer(t, "FRA", relayTLS(relay), announcing(id), func(s *quic.Stream) { t.Error("a stream was relayed") })
	e, _ := meshed(t, id, relayTLS(relay), fra)
	require.Eventually(t, up(e), patience, time.Millisecond)
	_, err := e.DialTCP(t.Context(), id, netip.MustParseAddrPort("127.0.0.1:22"))
	require.ErrorIs(t, err, tunnel.ErrNoConnection)
	require.ErrorContains(t, err, "FRA holds it, but TCP is not relayed")
	_, err = e.DialTCP(t.Context(), uuid.New(), netip.MustParseAddrPort("127.0.0.1:22"))
	require.ErrorIs(t, err, tunnel.ErrNoConnection)
	require.NotContains(t, err.Error(), "FRA")
	require.Zero(t, e.Stats().RelayedOut)
}
