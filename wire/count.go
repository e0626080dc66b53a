package wire

import "time"

// probeGap is the shortest time between two probe timeouts: the timer's granularity (RFC 9002 section 6.1.2).
const probeGap = time.Millisecond

// counter walks a connection's datagrams in the order of the wire and adds them to a ledger.
type counter struct {
	ledger *Ledger
	trace  *trace

	// Where the messages that end a stage lie in their CRYPTO streams; empty when they were not seen.
	clientHello, serverHello, serverFinished, clientFinished span

	seen     [2][spaces]coverage // CRYPTO offsets so far
	sends    [spaces][]send      // the client's CRYPTO frames so far
	acked    [spaces]coverage    // client packets that the server has acknowledged
	received [spaces]coverage    // server packets that arrived
	sent     [spaces][]uint64    // client packets
	epoch    int                 // of the client's Initials

	closed    int           // server packets that arrived and could not be read
	helloSent bool          // all of the first ClientHello, once
	probedAt  time.Duration // first probe of the latest PTO
}

// send is a CRYPTO frame and the packet that carried it.
type send struct {
	span span
	pn   uint64
}

// tally is what one datagram adds.
type tally struct {
	padding, crypto, repeated int
	ackOnly                   bool
	hello                     bool // it brought something new of the first ClientHello
	flight                    bool // it brought something new of the server's flight
	probe                     bool
	undecrypted               int
}

// count fills in everything that is counted by datagram.
func (l *Ledger) count(t *trace) {
	c := &counter{ledger: l, trace: t, clientHello: t.messages(ClientToServer, spaceInitial)[0].span}
	if l.ServerHelloBytes > 0 {
		c.serverHello = ofType(t.messages(ServerToClient, spaceInitial), typeServerHello).span
	}
	c.serverFinished = ofType(t.messages(ServerToClient, spaceHandshake), typeFinished).span
	c.clientFinished = ofType(t.messages(ClientToServer, spaceHandshake), typeFinished).span
	var datagrams, bytes [2]int
	for i := range t.datagrams {
		d := &t.datagrams[i]
		datagrams[d.Dir]++
		bytes[d.Dir] += len(d.Payload)
		c.add(d, c.weigh(d))
	}
	if l.Confirmed {
		l.ConfirmedClientDatagrams, l.ConfirmedServerDatagrams = datagrams[ClientToServer], datagrams[ServerToClient]
		l.ConfirmedClientBytes, l.ConfirmedServerBytes = bytes[ClientToServer], bytes[ServerToClient]
	}
	l.HeaderBytes4 = headerBytes4 * (l.ClientDatagrams + l.ServerDatagrams)
	l.HeaderBytes6 = headerBytes6 * (l.ClientDatagrams + l.ServerDatagrams)
	l.LostClientPackets, l.LostServerPackets = c.lostClientPackets(), c.lostServerPackets()
}

// add books a datagram and moves on to the next stage where it ends one.
func (c *counter) add(d *tracedDatagram, w tally) {
	l := c.ledger
	l.Undecrypted += w.undecrypted
	c.addProbe(d.At, w.probe)
	if w.hello && !c.helloSent {
		l.ClientInitialDatagrams++
		c.helloSent = c.seen[ClientToServer][spaceInitial].covers(c.clientHello)
	}
	if w.flight {
		l.ServerFlightDatagrams++
		l.ServerFlightBytes += len(d.Payload)
	}
	if l.Complete {
		return
	}
	c.addTraffic(d, w)
	finished := c.clientFinished
	l.Complete = finished != span{} && c.seen[ClientToServer][spaceHandshake].covers(span{0, finished.end})
}

func (c *counter) addTraffic(d *tracedDatagram, w tally) {
	l := c.ledger
	ackOnly := 0
	if w.ackOnly {
		ackOnly = 1
	}
	if d.Dir == ClientToServer {
		l.ClientDatagrams++
		l.ClientBytes += len(d.Payload)
		l.ClientPaddingBytes += w.padding
		l.ClientCryptoBytes += w.crypto
		l.ClientRepeatedCryptoBytes += w.repeated
		l.ClientAckOnlyDatagrams += ackOnly
		return
	}
	l.ServerDatagrams++
	l.ServerBytes += len(d.Payload)
	l.ServerPaddingBytes += w.padding
	l.ServerCryptoBytes += w.crypto
	l.ServerRepeatedCryptoBytes += w.repeated
	l.ServerAckOnlyDatagrams += ackOnly
}

func (c *counter) addProbe(at time.Duration, probe bool) {
	if !probe || c.ledger.ConfirmedPTOs > 0 && at-c.probedAt < probeGap {
		return
	}
	c.probedAt = at
	c.ledger.ConfirmedPTOs++
	if !c.ledger.Complete {
		c.ledger.PTOs++
	}
}

// weigh takes note of a datagram's packets.
func (c *counter) weigh(d *tracedDatagram) tally {
	w := tally{padding: d.padding, ackOnly: len(d.packets) > 0}
	for i := range d.packets {
		p := &d.packets[i]
		s, ok := p.kind.space()
		if !p.opened {
			w.undecrypted++
			if d.Dir == ServerToClient {
				c.closed++
			}
		}
		w.ackOnly = w.ackOnly && p.opened && p.frames.ackOnly()
		if !p.opened || !ok {
			continue
		}
		w.padding += p.frames.padding
		if d.Dir == ClientToServer {
			c.weighClient(p, s, &w)
		} else {
			c.weighServer(p, s, &w)
		}
	}
	return w
}

func (c *counter) weighClient(p *packet, s space, w *tally) {
	if s == spaceInitial && p.epoch > c.epoch {
		c.startAnew(p.epoch)
	}
	c.sent[s] = append(c.sent[s], uint64(p.pn))
	w.probe = w.probe || s != spaceApplication && p.frames.ping && len(p.frames.crypto) == 0
	for _, f := range p.frames.crypto {
		at := span{f.offset, f.end()}
		fresh := c.book(ClientToServer, s, f, w)
		w.hello = w.hello || s == spaceInitial && fresh > 0 && f.offset < c.clientHello.end
		w.probe = w.probe || s != spaceApplication && fresh < uint64(len(f.data)) && !c.mayBeLost(s, at)
		c.sends[s] = append(c.sends[s], send{at, uint64(p.pn)})
	}
}

func (c *counter) weighServer(p *packet, s space, w *tally) {
	c.received[s].add(span{uint64(p.pn), uint64(p.pn) + 1})
	for _, a := range p.frames.acked {
		c.acked[s].add(a)
	}
	flight := [spaces]span{spaceInitial: c.serverHello, spaceHandshake: {0, c.serverFinished.end}}[s]
	for _, f := range p.frames.crypto {
		fresh := c.book(ServerToClient, s, f, w)
		arrived := c.serverFinished != span{}
		w.flight = w.flight || arrived && fresh > 0 && f.offset < flight.end && f.end() > flight.start
	}
}

// book adds a CRYPTO frame and returns how much of it was new.
func (c *counter) book(dir Direction, s space, f cryptoFrame, w *tally) (fresh uint64) {
	fresh = c.seen[dir][s].add(span{f.offset, f.end()})
	w.crypto += len(f.data)
	w.repeated += len(f.data) - int(fresh)
	return fresh
}

// startAnew forgets the flight that a Retry undid.
func (c *counter) startAnew(epoch int) {
	c.epoch = epoch
	c.seen[ClientToServer][spaceInitial] = nil
	c.sent[spaceInitial] = nil
	if !c.helloSent {
		c.ledger.ClientInitialDatagrams = 0
	}
}

// mayBeLost reports whether the client could have declared an earlier transmission of the span lost: a packet is
// lost only once a later one is acknowledged (RFC 9002 section 6.1). Otherwise repeating it is a probe.
func (c *counter) mayBeLost(s space, repeated span) bool {
	var last uint64
	for _, e := range c.sends[s] {
		if e.span.start < repeated.end && repeated.start < e.span.end {
			last = max(last, e.pn)
		}
	}
	return c.acked[s].max() > last+1
}
