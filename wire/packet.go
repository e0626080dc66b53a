package wire

import "golang.org/x/crypto/cryptobyte"

// version1 is QUIC version 1 (RFC 9000 section 15), the only one read here.
const version1 = 1

// maxConnIDLen is the longest connection ID of version 1 (RFC 9000 section 17.2).
const maxConnIDLen = 20

// kind is a packet's type. The first four are the long header's type bits (RFC 9000 section 17.2).
type kind uint8

const (
	kindInitial kind = iota
	kindZeroRTT
	kindHandshake
	kindRetry
	kindOneRTT
	kindUnknown // version negotiation, another version, or not QUIC
)

// space is a packet number space (RFC 9000 section 12.3).
type space uint8

const (
	spaceInitial space = iota
	spaceHandshake
	spaceApplication
	spaces
)

// space returns the packet number space of the kind; ok is false for packets that can not be opened here.
func (k kind) space() (s space, ok bool) {
	switch k {
	case kindInitial:
		return spaceInitial, true
	case kindHandshake:
		return spaceHandshake, true
	case kindOneRTT:
		return spaceApplication, true
	}
	return 0, false
}

// packet is one QUIC packet of a datagram. Its slices point into the datagram.
type packet struct {
	kind       kind
	raw        []byte // first byte through authentication tag
	dcid, scid []byte // long headers only
	pnOffset   int    // where the packet number starts; long headers only

	// Filled in when the packet was opened.
	opened bool
	pn     int64
	epoch  int // how many Retry packets the client had obeyed when it sent this; Initials only
	frames frames
}

// splitDatagram cuts a datagram into its coalesced packets (RFC 9000 section 12.2). Zero bytes after the last
// packet, which some stacks use to fill a datagram, are returned as padding.
func splitDatagram(b []byte) (packets []packet, padding int) {
	for len(b) > 0 {
		if allZero(b) {
			return packets, len(b)
		}
		p, rest := splitPacket(b)
		packets = append(packets, p)
		b = rest
	}
	return packets, 0
}

func splitPacket(b []byte) (p packet, rest []byte) {
	const longHeader, fixedBit = 0x80, 0x40
	switch {
	case b[0]&longHeader != 0:
		if p, rest, ok := splitLong(b); ok {
			return p, rest
		}
	case b[0]&fixedBit != 0:
		// A short header has no length: it takes the rest of the datagram.
		return packet{kind: kindOneRTT, raw: b}, nil
	}
	return packet{kind: kindUnknown, raw: b}, nil
}

// splitLong reads a long header (RFC 9000 section 17.2).
func splitLong(b []byte) (p packet, rest []byte, ok bool) {
	s := cryptobyte.String(b)
	var first uint8
	var version uint32
	var dcid, scid cryptobyte.String
	if !s.ReadUint8(&first) || !s.ReadUint32(&version) || version != version1 ||
		!s.ReadUint8LengthPrefixed(&dcid) || len(dcid) > maxConnIDLen ||
		!s.ReadUint8LengthPrefixed(&scid) || len(scid) > maxConnIDLen {
		return packet{}, nil, false
	}
	p = packet{kind: kind(first >> 4 & 3), dcid: dcid, scid: scid}
	if p.kind == kindRetry {
		p.raw = b
		return p, nil, true
	}
	var token, length uint64
	if p.kind == kindInitial && (!readVarint(&s, &token) || token > uint64(len(s)) || !s.Skip(int(token))) {
		return packet{}, nil, false
	}
	if !readVarint(&s, &length) || length > uint64(len(s)) {
		return packet{}, nil, false
	}
	p.pnOffset = len(b) - len(s)
	end := p.pnOffset + int(length)
	p.raw = b[:end]
	return p, b[end:], true
}

// readVarint reads a variable-length integer (RFC 9000 section 16).
func readVarint(s *cryptobyte.String, v *uint64) bool {
	if s.Empty() {
		return false
	}
	var b []byte
	if !s.ReadBytes(&b, 1<<((*s)[0]>>6)) {
		return false
	}
	*v = uint64(b[0] & 0x3f)
	for _, c := range b[1:] {
		*v = *v<<8 | uint64(c)
	}
	return true
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
