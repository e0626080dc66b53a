package connector

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/quic-go/quic-go"
)

// Sockets are UDP sockets that the connections of many connectors share. A fleet in one process needs them: with a
// socket for each connection, as a connector has otherwise, it meets the limits of open files and of ports long before
// that of memory.
type Sockets struct {
	transports []*quic.Transport
	next       atomic.Uint64
}

// sharedIDLength is the length of the connection IDs that tell the connections on a shared socket apart, bytes.
// quic-go takes 4, of which 160,000 (40,000 connections, four each) collide about three times.
const sharedIDLength = 8

// OpenSockets opens n of them with listen. Close them when no connector uses them any more.
func OpenSockets(n int, listen func() (net.PacketConn, error)) (*Sockets, error) {
	s := &Sockets{}
	for range n {
		conn, err := listen()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("socket %d of %d: %w", len(s.transports)+1, n, err), s.Close())
		}
		s.transports = append(s.transports, &quic.Transport{Conn: conn, ConnectionIDLength: sharedIDLength})
	}
	return s, nil
}

// Close closes the sockets, and what connections are left on them.
func (s *Sockets) Close() error {
	var errs []error
	for _, tr := range s.transports {
		errs = append(errs, tr.Close(), tr.Conn.Close())
	}
	return errors.Join(errs...)
}

// pick takes them in turn.
func (s *Sockets) pick() *quic.Transport {
	return s.transports[(s.next.Add(1)-1)%uint64(len(s.transports))]
}
