package connector

import (
	"errors"
	"net"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func loopback() (net.PacketConn, error) {
	return net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
}

// Connections take shared sockets in turn, keep theirs over reconnects, and leave them open.
func TestSharedSockets(t *testing.T) {
	shared, err := OpenSockets(2, loopback)
	require.NoError(t, err)
	var first [3]*quic.Transport
	for i := range first {
		s := socket{shared: shared}
		first[i], err = s.open()
		require.NoError(t, err)
		s.drop(quic.ErrTransportClosed)
		again, err := s.open()
		require.NoError(t, err)
		assert.Same(t, first[i], again)
		s.close()
	}
	assert.NotSame(t, first[0], first[1])
	assert.Same(t, first[0], first[2])
	_, err = first[0].Conn.WriteTo([]byte{0}, first[1].Conn.LocalAddr())
	assert.NoError(t, err, "a connection's end does not close them")
	require.NoError(t, shared.Close())
	_, err = first[0].Conn.WriteTo([]byte{0}, first[1].Conn.LocalAddr())
	assert.ErrorIs(t, err, net.ErrClosed)
}

// What was opened before a failure is closed again.
func TestSocketsThatCannotBeOpened(t *testing.T) {
	full := errors.New("too many open files")
	var opened []net.PacketConn
	_, err := OpenSockets(3, func() (net.PacketConn, error) {
		if len(opened) == 2 {
			return nil, full
		}
		conn, err := loopback()
		opened = append(opened, conn)
		return conn, err
	})
	require.ErrorIs(t, err, full)
	require.ErrorContains(t, err, "socket 3 of 3")
	for _, conn := range opened {
		_, err := conn.WriteTo([]byte{0}, conn.LocalAddr())
		assert.ErrorIs(t, err, net.ErrClosed)
	}
}
