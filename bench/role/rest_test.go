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

// deaf is a socket whose owner hears nothing, and whose peer therefore waits.
type deaf struct{ net.PacketConn }

func (d deaf) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		if _, _, err := d.PacketConn.ReadFrom(p); err != nil {
			return 0, nil, err
		}
	}
}

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
	socket, err := net.ListenPacket("udp4", anyPort)
	require.NoError(t, err)
	tr := &quic.Transport{Conn: deaf{socket}}
	dialed := make(chan error)
	go func() {
		_, err := tr.Dial(t.Context(), to, tunnel.TLSConfig(tunnel.ConnectorSide, &tls.Config{InsecureSkipVerify: true}),
			tunnel.QUICConfig(tunnel.ConnectorSide, tunnel.QUICOptions{HandshakeIdle: time.Minute}))
		dialed <- err
	}()
	require.Eventually(t, func() bool { return r.halfOpen() == 1 }, 5*time.Second, time.Millisecond)
	require.NoError(t, socket.Close()) // it says nothing any more, not even that it is gone
	require.Error(t, <-dialed)

	begin := time.Now()
	var d Drained
	require.NoError(t, r.Rest(time.Minute, &d))
	require.Zero(t, r.halfOpen())
	require.Greater(t, time.Since(begin), tunnel.HandshakeIdleTimeout/2)
}
