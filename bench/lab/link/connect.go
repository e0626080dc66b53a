package link

import (
	"net"
	"slices"
	"time"
)

// Connect makes the two ends of a path, each a net.PacketConn with its address. Everything that goes to another address than
// that of the other end vanishes. In a synctest bubble the sockets must be made, used and closed within it. A path
// that [Path.Check] refuses is a mistake of the caller's, and panics.
func Connect(p Path, s Schedule, client, server net.Addr) (atClient, atServer net.PacketConn, rec *Record) {
	if err := p.Check(); err != nil {
		panic("link: " + err.Error())
	}
	n := &network{rec: &Record{Start: time.Now(), events: make([]Event, 0, 32)}}
	for _, m := range p.Middleboxes {
		n.boxes = append(n.boxes, m.start())
		n.names = append(n.names, m.String())
	}
	n.ends = [2]*socket{newSocket(n, Up, client), newSocket(n, Down, server)}
	n.ways = [2]*way{newWay(p.Up, p.RTT(), s.direction(Up)), newWay(p.Down, p.RTT(), s.direction(Down))}
	if p.marks() {
		return withMarks(n.ends[Up]), withMarks(n.ends[Down]), n.rec
	}
	return n.ends[Up], n.ends[Down], n.rec
}

// A network is what lies between two sockets. The record's mutex guards everything in it.
type network struct {
	rec   *Record
	ways  [2]*way    // by Dir
	ends  [2]*socket // by the Dir in which they send
	boxes []box      // from the client to the server
	names []string   // of the boxes
	free  [][]byte   // buffers for payload
}

// send takes a datagram from the socket that sends in dir. The caller holds the mutex.
func (n *network) send(dir Dir, payload []byte, to net.Addr, mark ECN) {
	w, r, now := n.ways[dir], n.rec, n.rec.now()
	packets := packetsOf(payload)
	r.events = append(r.events, Event{Dir: dir, N: w.sent, Size: len(payload), Sent: now, Packets: packets, ECN: mark})
	w.sent++
	chance := w.draws.next()
	lost := w.chain(chance) // the chain moves with every datagram, whatever else happens to it
	d := datagram{dir: dir, event: len(r.events) - 1, at: now, client: to, packets: packets, mark: mark, payload: payload}
	if dir == Up {
		if d.client = n.ends[Up].addr; !sameAddr(to, n.ends[Down].addr) {
			n.event(&d).Fate = NoRoute
			return
		}
		if !n.passUp(&d) {
			return
		}
	}
	if e := n.event(&d); !w.carry(e, chance, lost) || n.ends[1-dir].closed {
		return
	}
	d.at = n.event(&d).Arrived
	d.payload = append(n.buffer(), payload...)
	n.ends[1-dir].expect(d)
}

func (n *network) event(d *datagram) *Event { return &n.rec.events[d.event] }

func (n *network) passUp(d *datagram) bool {
	for i := range n.boxes {
		if !n.through(i, d) {
			return false
		}
	}
	return true
}

// passDown takes a datagram of the server's, which has just arrived, through the middleboxes to the client.
func (n *network) passDown(d *datagram) bool {
	for i := range slices.Backward(n.boxes) {
		if !n.through(i, d) {
			return false
		}
	}
	if !sameAddr(d.client, n.ends[Up].addr) {
		n.event(d).Fate = NoRoute
		return false
	}
	return true
}

func (n *network) through(i int, d *datagram) bool {
	if n.boxes[i].pass(d) {
		return true
	}
	e := n.event(d)
	e.Fate, e.Middlebox = Blocked, n.names[i]
	return false
}

// arrived decides whether a datagram whose time has come is delivered.
func (n *network) arrived(d *datagram) bool {
	if d.dir == Down && !n.passDown(d) {
		return false
	}
	n.event(d).Fate, n.event(d).Seen = Delivered, d.mark
	return true
}

// buffer returns an empty one. Most datagrams of a handshake have the same size, and there are few at a time.
func (n *network) buffer() []byte {
	if last := len(n.free) - 1; last >= 0 {
		b := n.free[last]
		n.free = n.free[:last]
		return b[:0]
	}
	return make([]byte, 0, DefaultMTU)
}

func (n *network) recycle(b []byte) { n.free = append(n.free, b) }

// sameAddr compares without the strings that net.Addr would need.
func sameAddr(a, b net.Addr) bool {
	ua, ok := a.(*net.UDPAddr)
	ub, alsoOK := b.(*net.UDPAddr)
	if ok && alsoOK {
		return ua == ub || ua.Port == ub.Port && ua.IP.Equal(ub.IP) && ua.Zone == ub.Zone
	}
	return a != nil && b != nil && a.String() == b.String()
}
