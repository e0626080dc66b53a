package wire

import (
	"net"
	"net/netip"
	"sync/atomic"
)

// Traffic is what was sent: UDP datagrams and bytes of their payload. IP and UDP headers come on top, 28 bytes a
// datagram over IPv4.
type Traffic struct {
	Datagrams, Bytes int64
}

// Add is the traffic of both.
func (t Traffic) Add(other Traffic) Traffic {
	return Traffic{t.Datagrams + other.Datagrams, t.Bytes + other.Bytes}
}

// Sub is the traffic since an earlier reading.
func (t Traffic) Sub(earlier Traffic) Traffic {
	return Traffic{t.Datagrams - earlier.Datagrams, t.Bytes - earlier.Bytes}
}

// A Meter counts what one or more sockets send. The zero value is ready; it may be read at any time.
type Meter struct {
	datagrams, bytes atomic.Int64
}

// Sent is the count so far.
func (m *Meter) Sent() Traffic { return Traffic{m.datagrams.Load(), m.bytes.Load()} }

// Socket is conn with every datagram that it sends counted. Unlike a Tap it keeps the socket's speed: quic-go still
// finds the methods by which it sends several datagrams at a time and reads in batches. What is read cannot be counted
// so, since a batch is read past the wrapper; on a path without loss it is what the other end sent.
func (m *Meter) Socket(conn *net.UDPConn) net.PacketConn { return &metered{conn, m} }

type metered struct {
	*net.UDPConn
	meter *Meter
}

// WriteMsgUDP counts and sends. A buffer with a segment size is as many datagrams.
func (c *metered) WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (n, oobn int, err error) {
	n, oobn, err = c.UDPConn.WriteMsgUDP(b, oob, addr)
	c.meter.count(n, segment(oob))
	return n, oobn, err
}

// WriteMsgUDPAddrPort does the same with an address in another form.
func (c *metered) WriteMsgUDPAddrPort(b, oob []byte, addr netip.AddrPort) (n, oobn int, err error) {
	n, oobn, err = c.UDPConn.WriteMsgUDPAddrPort(b, oob, addr)
	c.meter.count(n, segment(oob))
	return n, oobn, err
}

// WriteTo counts and sends one datagram.
func (c *metered) WriteTo(b []byte, addr net.Addr) (n int, err error) {
	n, err = c.UDPConn.WriteTo(b, addr)
	c.meter.count(n, 0)
	return n, err
}

// count adds n bytes, cut into datagrams of a segment's size; a size of 0 is one datagram.
func (m *Meter) count(n, size int) {
	if n <= 0 {
		return
	}
	datagrams := 1
	if size > 0 {
		datagrams = (n + size - 1) / size
	}
	m.datagrams.Add(int64(datagrams))
	m.bytes.Add(int64(n))
}
