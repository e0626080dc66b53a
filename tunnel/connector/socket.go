package connector

import (
	"errors"
	"net"

	"github.com/quic-go/quic-go"
)

// socket is a connection's UDP socket with the QUIC transport on it. It is kept over reconnects, and with it the
// port, until it dies.
type socket struct {
	shared    *Sockets                       // nil: a socket of its own
	listen    func() (net.PacketConn, error) // nil: a UDP socket
	port      int                            // of the last own socket
	conn      net.PacketConn
	transport *quic.Transport // nil: not open
}

// open opens the socket unless it is open.
func (s *socket) open() (*quic.Transport, error) {
	if s.transport != nil {
		return s.transport, nil
	}
	if s.shared != nil {
		s.transport = s.shared.pick()
		return s.transport, nil
	}
	conn, err := s.bind()
	if err != nil {
		return nil, err
	}
	s.conn, s.transport = conn, &quic.Transport{Conn: conn}
	return s.transport, nil
}

// bind is a new socket, on the port of the last one unless somebody has taken it (cloudflared: portForConnIndex).
func (s *socket) bind() (net.PacketConn, error) {
	if s.listen != nil {
		return s.listen()
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{Port: s.port})
	if err != nil && s.port != 0 {
		conn, err = net.ListenUDP("udp", nil)
	}
	if err != nil {
		return nil, err
	}
	s.port = conn.LocalAddr().(*net.UDPAddr).Port
	return conn, nil
}

// drop closes a socket that err says is dead or cannot send, so that the next dial opens another one. A peer that is
// silent or refuses says nothing about the socket.
func (s *socket) drop(err error) {
	var local *net.OpError
	// == and not errors.Is: every error of quic-go's unwraps to net.ErrClosed.
	if errors.Is(err, quic.ErrTransportClosed) || errors.As(err, &local) || err == net.ErrClosed {
		s.close()
	}
}

func (s *socket) close() {
	if s.transport == nil || s.shared != nil {
		return
	}
	_ = s.transport.Close()
	_ = s.conn.Close()
	s.conn, s.transport = nil, nil
}
