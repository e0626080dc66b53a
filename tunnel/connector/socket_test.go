package connector

import (
	"errors"
	"net"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"
)

// The port is kept over the death of a socket, unless somebody has taken it.
func TestSocketKeepsItsPort(t *testing.T) {
	s := &socket{}
	defer s.close()
	tr, err := s.open()
	require.NoError(t, err)
	again, err := s.open()
	require.NoError(t, err)
	require.Same(t, tr, again)
	port := s.port
	require.NotZero(t, port)

	s.drop(&quic.IdleTimeoutError{})
	require.NotNil(t, s.transport, "a silent peer says nothing about the socket")
	s.drop(&quic.TransportError{Remote: true, ErrorCode: 0x128}) // unwraps to net.ErrClosed
	require.NotNil(t, s.transport, "nor does one that refuses")
	s.drop(&net.OpError{Op: "write", Err: errors.New("network is unreachable")})
	require.Nil(t, s.transport)
	_, err = s.open()
	require.NoError(t, err)
	require.Equal(t, port, s.conn.LocalAddr().(*net.UDPAddr).Port)

	s.drop(quic.ErrTransportClosed)
	require.Nil(t, s.transport)
	thief, err := net.ListenUDP("udp", &net.UDPAddr{Port: port})
	require.NoError(t, err)
	defer thief.Close()
	_, err = s.open()
	require.NoError(t, err)
	require.NotEqual(t, port, s.port)
}

func TestSocketSaysWhyItDoesNotOpen(t *testing.T) {
	broken := errors.New("no descriptor left")
	s := &socket{listen: func() (net.PacketConn, error) { return nil, broken }}
	_, err := s.open()
	require.ErrorIs(t, err, broken)
	s.close() // nothing to close
}
