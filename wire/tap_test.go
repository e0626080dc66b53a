package wire

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"
)

// scriptedConn reads one datagram and fails every second write.
type scriptedConn struct {
	net.PacketConn
	in     []byte
	writes int
}

var errScripted = errors.New("scripted")

func (c *scriptedConn) ReadFrom(p []byte) (int, net.Addr, error) {
	if c.in == nil {
		return 0, nil, errScripted
	}
	n := copy(p, c.in)
	c.in = nil
	return n, clientAddr, nil
}

func (c *scriptedConn) WriteTo(p []byte, _ net.Addr) (int, error) {
	c.writes++
	if c.writes%2 == 0 {
		return 0, errScripted
	}
	return len(p), nil
}

func TestTapRecords(t *testing.T) {
	tests := []struct {
		role          Role
		written, read Direction
	}{
		{AtClient, ClientToServer, ServerToClient},
		{AtServer, ServerToClient, ClientToServer},
	}
	for _, test := range tests {
		tap := NewTap(&scriptedConn{in: []byte("in")}, test.role)
		buf := []byte("out")
		_, err := tap.WriteTo(buf, serverAddr)
		require.NoError(t, err)
		copy(buf, "xxx") // the caller may use its buffer again
		_, err = tap.WriteTo([]byte("fails"), serverAddr)
		require.ErrorIs(t, err, errScripted)
		buf = make([]byte, 100)
		n, addr, err := tap.ReadFrom(buf)
		require.NoError(t, err)
		require.Equal(t, "in", string(buf[:n]))
		require.Equal(t, clientAddr, addr)
		_, _, err = tap.ReadFrom(buf)
		require.ErrorIs(t, err, errScripted)

		got := tap.Take()
		require.Len(t, got, 2, "what failed was not on the wire")
		require.Equal(t, test.written, got[0].Dir)
		require.Equal(t, "out", string(got[0].Payload))
		require.Equal(t, test.read, got[1].Dir)
		require.Equal(t, "in", string(got[1].Payload))
		require.LessOrEqual(t, got[0].At, got[1].At)
		require.Empty(t, tap.Take(), "Take forgets")
	}
}

func TestTapIsPlain(t *testing.T) {
	_, fast := any(new(Tap)).(quic.OOBCapablePacketConn)
	require.False(t, fast, "quic-go would write several datagrams at once, or read past the tap")
}

func TestTapPassesBufferSizesOn(t *testing.T) {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer socket.Close()
	tap := NewTap(socket, AtClient)
	require.NoError(t, tap.SetReadBuffer(1<<16))
	require.NoError(t, tap.SetWriteBuffer(1<<16))
	tap = NewTap(&scriptedConn{}, AtClient)
	require.ErrorContains(t, tap.SetReadBuffer(1), "has none")
	require.ErrorContains(t, tap.SetWriteBuffer(1), "has none")
}

// TestTapAtServer sees the same handshake from the other end.
func TestTapAtServer(t *testing.T) {
	out := trial{client: hybrid, role: AtServer}.run(t)
	require.NoError(t, out.err)
	l, err := Read(out.datagrams, out.keylog)
	require.NoError(t, err)
	require.True(t, l.Complete)
	require.Equal(t, 2, l.ClientInitialDatagrams)
	require.Equal(t, 2, l.ServerFlightDatagrams)
	require.Zero(t, l.Undecrypted)
	require.Equal(t, rtt/2, out.datagrams[0].At.Round(time.Millisecond), "it arrives half a round trip later")
}

func TestDirectionString(t *testing.T) {
	require.Equal(t, "client to server", ClientToServer.String())
	require.Equal(t, "server to client", ServerToClient.String())
	require.Equal(t, "Direction(7)", Direction(7).String())
}
