package wire

import "bytes"

// opener holds what both ends of one connection know, and opens its packets in the order of the wire.
type opener struct {
	keys    [2][spaces]*keys // by direction
	largest [2][spaces]int64 // packet number opened so far, -1 for none

	// connIDLen is the length of the connection ID in short headers that travel in a direction: the receiver
	// chose it, and shows it as the source of its own long headers. All IDs of one end are taken to be as long
	// as its first.
	connIDLen [2]int

	originalDCID []byte // of the client's first Initial; nil before it
	retrySCID    []byte // of the Retry the client has to obey; nil without
	epoch        int    // how many Retry packets the client has obeyed
	anyRetry     bool   // take every new connection ID for a Retry's: for taps that hear the client only
}

func newOpener() *opener {
	o := new(opener)
	for dir := range o.largest {
		for s := range o.largest[dir] {
			o.largest[dir][s] = -1
		}
	}
	return o
}

// open opens a packet that travels in dir, and fills in what was found. It returns false when it can not.
func (o *opener) open(dir Direction, p *packet) bool {
	switch p.kind {
	case kindRetry:
		return o.obeyRetry(dir, p)
	case kindInitial:
		if o.openWith(o.keys[dir][spaceInitial], dir, p) {
			return true
		}
		return dir == ClientToServer && o.openAnew(p)
	}
	s, ok := p.kind.space()
	return ok && o.openWith(o.keys[dir][s], dir, p)
}

func (o *opener) openWith(k *keys, dir Direction, p *packet) bool {
	if k == nil {
		return false
	}
	s, _ := p.kind.space()
	pnOffset := p.pnOffset
	if p.kind == kindOneRTT {
		pnOffset = 1 + o.connIDLen[dir]
	}
	pn, payload, err := k.open(p.raw, pnOffset, o.largest[dir][s])
	if err != nil {
		return false
	}
	if p.kind != kindOneRTT {
		o.connIDLen[dir.reverse()] = len(p.scid)
	}
	o.largest[dir][s] = max(o.largest[dir][s], pn)
	p.opened, p.pn, p.epoch, p.frames = true, pn, o.epoch, readFrames(payload)
	return true
}

// openAnew opens a client Initial with keys from its own connection ID: the first of the connection, or the
// first after a Retry.
func (o *opener) openAnew(p *packet) bool {
	first := o.originalDCID == nil
	if !first && !o.anyRetry && (o.retrySCID == nil || !bytes.Equal(o.retrySCID, p.dcid)) {
		return false
	}
	pair := newInitialKeys(p.dcid)
	if !o.openWith(pair[ClientToServer], ClientToServer, p) {
		return false
	}
	if first {
		o.originalDCID = p.dcid
	} else {
		o.epoch++
		p.epoch = o.epoch
	}
	for dir := range pair {
		o.keys[dir][spaceInitial] = pair[dir]
	}
	return true
}

// obeyRetry takes note of a Retry. A client obeys the first that is intact (RFC 9000 section 17.2.5.2); a server that
// got a ClientHello in two datagrams may well send two.
func (o *opener) obeyRetry(dir Direction, p *packet) bool {
	if dir != ServerToClient || o.originalDCID == nil || !retryIntact(p.raw, o.originalDCID) {
		return false
	}
	if o.retrySCID == nil {
		o.retrySCID = p.scid
	}
	p.opened = true
	return true
}
