package link

import (
	"encoding/binary"
	"strings"
)

// Packets are the kinds of QUIC packets in a datagram, a bit for each.
type Packets uint8

// The kinds of QUIC packets (RFC 9000, Section 17).
const (
	Initial Packets = 1 << iota
	ZeroRTT
	Handshake
	Retry
	OneRTT
	VersionNegotiation
	Unknown // not QUIC version 1, or broken
)

var packetNames = [...]string{"Initial", "0-RTT", "Handshake", "Retry", "1-RTT", "Version Negotiation", "unknown"}

// Has reports whether all kinds of other are in p.
func (p Packets) Has(other Packets) bool { return p&other == other }

// String returns "Initial+Handshake" and the like.
func (p Packets) String() string {
	var names []string
	for i, name := range packetNames {
		if p&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+")
}

// packetsOf walks over the coalesced packets of a datagram (RFC 9000, Section 12.2). It reads only what is not
// encrypted.
func packetsOf(b []byte) (kinds Packets) {
	if len(b) == 0 {
		return Unknown
	}
	for len(b) > 0 {
		if b[0] == 0 && kinds != 0 {
			return kinds // padding behind the last packet
		}
		h, ok := parseHeader(b)
		if !ok {
			return kinds | Unknown
		}
		kinds |= h.kind
		b = b[h.size:]
	}
	return kinds
}

// A header is what a packet tells everybody.
type header struct {
	kind Packets
	scid []byte // source connection ID; nil in a short header
	size int    // of the whole packet
}

const quicVersion1 = 1

// parseHeader reads the invariant and the unprotected part of the first packet of b.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) == 0 {
		return header{}, false
	}
	if b[0]&0x80 == 0 { // a short header; its packet is always the last
		return header{kind: OneRTT, size: len(b)}, b[0]&0x40 != 0
	}
	if len(b) < 5 {
		return header{}, false
	}
	version := binary.BigEndian.Uint32(b[1:])
	_, rest, ok := block(b[5:])
	if !ok {
		return header{}, false
	}
	if h.scid, rest, ok = block(rest); !ok {
		return header{}, false
	}
	switch version {
	case 0:
		h.kind, h.size = VersionNegotiation, len(b)
		return h, true
	case quicVersion1:
		return h.long(b, rest)
	}
	return header{}, false
}

// long finishes a header of QUIC version 1; rest begins behind the connection IDs.
func (h header) long(b, rest []byte) (header, bool) {
	h.kind = [...]Packets{Initial, ZeroRTT, Handshake, Retry}[b[0]>>4&3]
	if h.kind == Retry {
		h.size = len(b)
		return h, true
	}
	if h.kind == Initial { // the token
		n, after, ok := varint(rest)
		if !ok || n > uint64(len(after)) {
			return header{}, false
		}
		rest = after[n:]
	}
	n, after, ok := varint(rest)
	if !ok || n > uint64(len(after)) {
		return header{}, false
	}
	h.size = len(b) - len(after) + int(n)
	return h, true
}

// block takes bytes that follow their one-byte length.
func block(b []byte) (taken, rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, nil, false
	}
	end := 1 + int(b[0])
	if len(b) < end {
		return nil, nil, false
	}
	return b[1:end], b[end:], true
}

// varint reads a variable-length integer (RFC 9000, Section 16).
func varint(b []byte) (n uint64, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1<<(b[0]>>6) {
		return 0, nil, false
	}
	size := 1 << (b[0] >> 6)
	n = uint64(b[0] & 0x3f)
	for _, c := range b[1:size] {
		n = n<<8 | uint64(c)
	}
	return n, b[size:], true
}
