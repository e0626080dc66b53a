package wire

import (
	"cmp"
	"slices"
)

// span is a half-open range of stream offsets or packet numbers.
type span struct{ start, end uint64 }

// coverage is a set of numbers, kept as sorted spans that do not touch. Its size follows the number of spans
// added, never the numbers in them.
type coverage []span

// add adds a span and returns how many of its numbers were new.
func (c *coverage) add(s span) (fresh uint64) {
	if s.start >= s.end {
		return 0
	}
	// The spans from i up to j touch s and become one with it.
	i, _ := slices.BinarySearchFunc(*c, s.start, func(e span, start uint64) int { return cmp.Compare(e.end, start) })
	fresh = s.end - s.start
	merged, j := s, i
	for ; j < len(*c) && (*c)[j].start <= s.end; j++ {
		e := (*c)[j]
		fresh -= min(e.end, s.end) - max(e.start, s.start)
		merged = span{min(merged.start, e.start), max(merged.end, e.end)}
	}
	*c = slices.Replace(*c, i, j, merged)
	return fresh
}

// covers reports whether every number of s is in the set.
func (c coverage) covers(s span) bool {
	for _, e := range c {
		if e.start <= s.start && s.end <= e.end {
			return true
		}
	}
	return s.start >= s.end
}

// max returns one past the largest number in the set.
func (c coverage) max() uint64 {
	if len(c) == 0 {
		return 0
	}
	return c[len(c)-1].end
}

// size returns how many numbers are in the set.
func (c coverage) size() (n uint64) {
	for _, e := range c {
		n += e.end - e.start
	}
	return n
}

// assemble puts the beginning of a CRYPTO stream together, up to the first byte that no frame brought. Where
// frames overlap, the one that starts first wins.
func assemble(pieces []cryptoFrame) []byte {
	pieces = slices.Clone(pieces)
	slices.SortStableFunc(pieces, func(a, b cryptoFrame) int { return cmp.Compare(a.offset, b.offset) })
	var stream []byte
	for _, p := range pieces {
		have := uint64(len(stream))
		if p.offset > have {
			break
		}
		if p.end() > have {
			stream = append(stream, p.data[have-p.offset:]...)
		}
	}
	return stream
}

// TLS handshake message types (RFC 8446 section 4).
const (
	typeClientHello         = 1
	typeServerHello         = 2
	typeEncryptedExtensions = 8
	typeCertificate         = 11
	typeCertificateRequest  = 13
	typeCertificateVerify   = 15
	typeFinished            = 20
)

// messageHeaderLen is the type and the length before each handshake message.
const messageHeaderLen = 4

// message is a TLS handshake message with its header, and its place in the CRYPTO stream.
type message struct {
	typ  uint8
	raw  []byte
	span span
}

// splitMessages returns the complete messages at the beginning of a CRYPTO stream.
func splitMessages(stream []byte) (messages []message) {
	for at := 0; ; {
		raw, complete := firstMessage(stream[at:])
		if !complete {
			return messages
		}
		end := at + len(raw)
		messages = append(messages, message{typ: raw[0], raw: raw, span: span{uint64(at), uint64(end)}})
		at = end
	}
}

// firstMessage cuts the first handshake message, header included, off a stream; complete is false when the
// stream ends before it does.
func firstMessage(stream []byte) (raw []byte, complete bool) {
	if len(stream) < messageHeaderLen {
		return stream, false
	}
	end := messageHeaderLen + (int(stream[1])<<16 | int(stream[2])<<8 | int(stream[3]))
	if end > len(stream) {
		return stream, false
	}
	return stream[:end:end], true
}
