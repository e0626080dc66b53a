package role

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
	"pqbench/tunnel/ca"
)

// An edge that an overload left with handshakes which nobody completes is at rest when it has given them up.
func TestRestWaitsForHandshakesInProgress(t *testing.T) {
	t.Parallel()
	authority, err := ca.New("ecdsa-p256")
	require.NoError(t, err)
	leaf, _, err := authority.PEM()
	require.NoError(t, err)
	r := &EdgeRole{Control: &Control{}}
	var at ListenReply
	require.NoError(t, r.Listen(ListenArgs{LeafPEM: leaf, Initial: 1252}, &at))
	defer func() { require.NoError(t, r.edges[0].Close(t.Context())) }()

	to, err := net.ResolveUDPAddr("udp4", at.Tunnel)
	require.NoError(t, err)
	socket, err := listenUDP("")
	require.NoError(t, err)
	config := tunnel.TLSConfig(tunnel.ConnectorSide, &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(tls.ConnectionState) error {
		return socket.Close() // from here on it says nothing any more, not even that it is gone
	}})
	// The client takes it for complete or not: its last flight stays here.
	_, _ = (&quic.Transport{Conn: socket}).Dial(t.Context(), to, config, tunnel.QUICConfig(tunnel.ConnectorSide, tunnel.QUICOptions{}))
	require.EqualValues(t, 1, r.halfOpen())

	begin := time.Now()
	var d Drained
	require.NoError(t, r.Rest(time.Minute, &d))
	require.Zero(t, r.halfOpen())
	require.Greater(t, time.Since(begin), tunnel.HandshakeIdleTimeout/2)
}
