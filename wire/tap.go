package wire

import (
	"errors"
	"net"
	"slices"
	"sync"
	"time"
)

// Role is the end of the connection at which a tap stands.
type Role uint8

const (
	AtClient Role = iota // what the socket writes travels from client to server
	AtServer             // what the socket writes travels from server to client
)

// Tap is a net.PacketConn that records every datagram written to or read from the one it wraps.
//
// It is a plain PacketConn on purpose. quic-go then switches off segmentation offload (GSO), batched receive,
// ECN and path MTU discovery, so that one write is one datagram: right for counting bytes, wrong for timing or
// throughput. Never measure time through a tap.
//
// A tap keeps everything until Take: it is made for handshakes, one connection at a time, not for bulk data.
// It is safe for concurrent use.
type Tap struct {
	net.PacketConn
	start   time.Time
	written Direction

	mu      sync.Mutex
	records []*record
}

// record is a datagram that may turn out not to have been sent.
type record struct {
	Datagram
	failed bool
}

// NewTap wraps the socket at one end of a connection; the tap owns it, and its clock starts now.
func NewTap(inner net.PacketConn, role Role) *Tap {
	t := &Tap{PacketConn: inner, start: time.Now(), written: ClientToServer}
	if role == AtServer {
		t.written = ServerToClient
	}
	return t
}

// ReadFrom reads a datagram and records it.
func (t *Tap) ReadFrom(p []byte) (int, net.Addr, error) {
	n, addr, err := t.PacketConn.ReadFrom(p)
	if err == nil {
		t.record(t.written.reverse(), p[:n])
	}
	return n, addr, err
}

// WriteTo records a datagram and writes it. The record comes first, because the answer can arrive before the
// write returns; it is dropped again when the write fails.
func (t *Tap) WriteTo(p []byte, addr net.Addr) (int, error) {
	r := t.record(t.written, p)
	n, err := t.PacketConn.WriteTo(p, addr)
	if err != nil {
		t.mu.Lock()
		r.failed = true
		t.mu.Unlock()
	}
	return n, err
}

func (t *Tap) record(dir Direction, payload []byte) *record {
	r := &record{Datagram: Datagram{Dir: dir, Payload: slices.Clone(payload)}}
	t.mu.Lock()
	defer t.mu.Unlock()
	r.At = time.Since(t.start) // under the lock: the order of the records is the order of their times
	t.records = append(t.records, r)
	return r
}

// Take returns what was recorded since the last Take, oldest first, and forgets it. The clock runs on.
func (t *Tap) Take() []Datagram {
	t.mu.Lock()
	defer t.mu.Unlock()
	datagrams := make([]Datagram, 0, len(t.records))
	for _, r := range t.records {
		if !r.failed {
			datagrams = append(datagrams, r.Datagram)
		}
	}
	t.records = nil
	return datagrams
}

// SetReadBuffer passes the size in bytes on to the socket. quic-go asks for it, and logs a warning when a socket
// has no such method.
func (t *Tap) SetReadBuffer(bytes int) error {
	if c, ok := t.PacketConn.(interface{ SetReadBuffer(int) error }); ok {
		return c.SetReadBuffer(bytes)
	}
	return errors.New("set read buffer: the tapped connection has none")
}

// SetWriteBuffer passes the size in bytes on to the socket, like SetReadBuffer.
func (t *Tap) SetWriteBuffer(bytes int) error {
	if c, ok := t.PacketConn.(interface{ SetWriteBuffer(int) error }); ok {
		return c.SetWriteBuffer(bytes)
	}
	return errors.New("set write buffer: the tapped connection has none")
}
