package link

import (
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// A socket is one end of a path. The network's mutex guards what changes in it.
type socket struct {
	network *network
	sends   Dir
	addr    net.Addr
	done    chan struct{} // closed with the socket
	wake    chan struct{} // holds a token when a reader must look again
	timer   *time.Timer   // fires when the next datagram arrives or a reader's deadline is over

	first sync.Once
	ready func() // nil, or called before the first datagram is sent

	pending       []datagram // on their way here, by time of arrival
	closed        bool
	read, written time.Time // deadlines
}

func newSocket(n *network, sends Dir, addr net.Addr) *socket {
	s := &socket{network: n, sends: sends, addr: addr, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	s.timer = time.NewTimer(time.Hour)
	s.timer.Stop()
	return s
}

// expect adds a datagram to those on their way. The caller holds the mutex.
func (s *socket) expect(d datagram) {
	i := len(s.pending)
	for i > 0 && s.pending[i-1].at > d.at {
		i--
	}
	s.pending = slices.Insert(s.pending, i, d)
	if i == 0 {
		s.arm()
	}
}

// arm sets the timer to what a reader waits for next. The caller holds the mutex.
func (s *socket) arm() {
	var next time.Time
	if len(s.pending) > 0 {
		next = s.network.rec.Start.Add(s.pending[0].at)
	}
	if !s.read.IsZero() && (next.IsZero() || s.read.Before(next)) {
		next = s.read
	}
	if next.IsZero() || s.closed {
		s.timer.Stop()
		return
	}
	s.timer.Reset(time.Until(next))
}

// ReadFrom waits for the next datagram that is delivered here. What p has no room for is cut off, as recvfrom does.
func (s *socket) ReadFrom(p []byte) (int, net.Addr, error) {
	r, err := s.receive(p)
	return r.n, r.from, err
}

// received is a datagram that was read.
type received struct {
	n    int
	from net.Addr
	mark ECN
}

func (s *socket) receive(p []byte) (received, error) {
	for {
		r, ok, err := s.take(p)
		if ok || err != nil {
			return r, err
		}
		select {
		case <-s.timer.C:
		case <-s.wake:
		case <-s.done:
		}
	}
}

// take returns the datagram that has arrived, if one has.
func (s *socket) take(p []byte) (r received, ok bool, err error) {
	network := s.network
	network.rec.mu.Lock()
	defer network.rec.mu.Unlock()
	if s.closed {
		return r, false, s.failed("read", net.ErrClosed)
	}
	if expired(s.read) {
		s.look() // so that other readers learn of it, too
		return r, false, s.failed("read", os.ErrDeadlineExceeded)
	}
	now := network.rec.now()
	for len(s.pending) > 0 && s.pending[0].at <= now {
		d := s.pending[0]
		s.pending = slices.Delete(s.pending, 0, 1)
		delivered := network.arrived(&d)
		r = received{copy(p, d.payload), network.source(&d), d.mark}
		network.recycle(d.payload)
		if delivered {
			s.arm()
			return r, true, nil
		}
	}
	s.arm()
	return received{}, false, nil
}

// source is the address that a datagram which arrived comes from.
func (n *network) source(d *datagram) net.Addr {
	if d.dir == Down {
		return n.ends[Down].addr
	}
	return d.client
}

// look makes a reader look again. It never blocks.
func (s *socket) look() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// WriteTo sends a datagram. It never blocks: what the link cannot take is dropped, as on a network.
func (s *socket) WriteTo(p []byte, addr net.Addr) (int, error) { return s.send(p, addr, NotECT) }

func (s *socket) send(p []byte, addr net.Addr, mark ECN) (int, error) {
	if s.ready != nil {
		s.first.Do(s.ready)
	}
	s.network.rec.mu.Lock()
	defer s.network.rec.mu.Unlock()
	if s.closed {
		return 0, s.failed("write", net.ErrClosed)
	}
	if expired(s.written) {
		return 0, s.failed("write", os.ErrDeadlineExceeded)
	}
	s.network.send(s.sends, p, addr, mark)
	return len(p), nil
}

// OnFirstSend has a socket of Connect's call ready before its first datagram leaves, which waits for it. It must be
// called before that. Another socket is a mistake of the caller's, and panics.
func OnFirstSend(c net.PacketConn, ready func()) { c.(interface{ end() *socket }).end().ready = ready }

func (s *socket) end() *socket { return s }

// Close ends this end: what is on its way to it arrives nowhere.
func (s *socket) Close() error {
	s.network.rec.mu.Lock()
	defer s.network.rec.mu.Unlock()
	if s.closed {
		return s.failed("close", net.ErrClosed)
	}
	s.closed, s.pending = true, nil
	s.timer.Stop()
	close(s.done)
	return nil
}

func (s *socket) LocalAddr() net.Addr { return s.addr }

func (s *socket) SetDeadline(t time.Time) error {
	s.network.rec.mu.Lock()
	defer s.network.rec.mu.Unlock()
	s.read, s.written = t, t
	s.arm()
	s.look()
	return nil
}

func (s *socket) SetReadDeadline(t time.Time) error {
	s.network.rec.mu.Lock()
	defer s.network.rec.mu.Unlock()
	s.read = t
	s.arm()
	s.look()
	return nil
}

func (s *socket) SetWriteDeadline(t time.Time) error {
	s.network.rec.mu.Lock()
	defer s.network.rec.mu.Unlock()
	s.written = t
	return nil
}

// SetReadBuffer does nothing: datagrams wait in the network, in the queue that the Direction has. quic-go warns
// where it is missing.
func (s *socket) SetReadBuffer(int) error { return nil }

// SetWriteBuffer does nothing, see SetReadBuffer.
func (s *socket) SetWriteBuffer(int) error { return nil }

func expired(deadline time.Time) bool { return !deadline.IsZero() && !time.Now().Before(deadline) }

func (s *socket) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "virtual", Addr: s.addr, Err: err}
}
