package wire

import "golang.org/x/crypto/cryptobyte"

// Frame types (RFC 9000 section 19; 0x1f and 0xaf draft-ietf-quic-ack-frequency, 0x24
// draft-ietf-quic-reliable-stream-reset, 0x30 and 0x31 RFC 9221).
const (
	framePadding         = 0x00
	framePing            = 0x01
	frameAck             = 0x02
	frameAckECN          = 0x03
	frameCrypto          = 0x06
	frameNewToken        = 0x07
	frameStream          = 0x08 // through 0x0f: the low bits say which fields follow
	frameStreamLast      = 0x0f
	frameNewConnectionID = 0x18
	framePathChallenge   = 0x1a
	framePathResponse    = 0x1b
	frameClose           = 0x1c
	frameCloseByApp      = 0x1d
	frameHandshakeDone   = 0x1e
	frameDatagram        = 0x30 // to the end of the packet
	frameDatagramLen     = 0x31
)

// varintFrames are the frames that consist of so many variable-length integers.
var varintFrames = map[uint64]int{
	0x04: 3, // RESET_STREAM
	0x05: 2, // STOP_SENDING
	0x10: 1, // MAX_DATA
	0x11: 2, // MAX_STREAM_DATA
	0x12: 1, // MAX_STREAMS, bidirectional
	0x13: 1, // MAX_STREAMS, unidirectional
	0x14: 1, // DATA_BLOCKED
	0x15: 2, // STREAM_DATA_BLOCKED
	0x16: 1, // STREAMS_BLOCKED, bidirectional
	0x17: 1, // STREAMS_BLOCKED, unidirectional
	0x19: 1, // RETIRE_CONNECTION_ID
	0x1f: 0, // IMMEDIATE_ACK
	0x24: 4, // RESET_STREAM_AT
	0xaf: 4, // ACK_FREQUENCY
}

// cryptoFrame is a piece of a CRYPTO stream. The data points into the decrypted packet.
type cryptoFrame struct {
	offset uint64
	data   []byte
}

func (f cryptoFrame) end() uint64 { return f.offset + uint64(len(f.data)) }

// frames is what the ledger needs to know of a packet's frames.
type frames struct {
	crypto  []cryptoFrame
	acked   []span // packet numbers; end exclusive
	padding int    // bytes
	ping    bool
	done    bool // HANDSHAKE_DONE
	other   bool // anything that is not PADDING, PING, ACK, CRYPTO or HANDSHAKE_DONE
	broken  bool // an unknown or cut-off frame ended the reading
}

// ackOnly reports whether the packet says nothing but what has arrived.
func (f *frames) ackOnly() bool {
	return len(f.acked) > 0 && len(f.crypto) == 0 && !f.ping && !f.done && !f.other && !f.broken
}

// readFrames walks the frames of a decrypted packet, as far as they can be understood.
func readFrames(payload []byte) frames {
	var f frames
	s := cryptobyte.String(payload)
	for !s.Empty() && !f.broken {
		f.broken = !f.read(&s)
	}
	return f
}

// read takes one frame off s; it returns false when the frame is unknown or cut off.
func (f *frames) read(s *cryptobyte.String) bool {
	var typ uint64
	if !readVarint(s, &typ) {
		return false
	}
	switch typ {
	case framePadding:
		f.padding++
		return true
	case framePing:
		f.ping = true
		return true
	case frameHandshakeDone:
		f.done = true
		return true
	case frameAck, frameAckECN:
		return f.readAck(s, typ == frameAckECN)
	case frameCrypto:
		var c cryptoFrame
		if !readVarint(s, &c.offset) || !readBlock(s, &c.data) {
			return false
		}
		f.crypto = append(f.crypto, c)
		return true
	}
	f.other = true
	return skipFrame(s, typ)
}

// readAck reads the ranges of an ACK frame (RFC 9000 section 19.3).
func (f *frames) readAck(s *cryptobyte.String, ecn bool) bool {
	var largest, delay, more, length uint64
	if !readVarint(s, &largest) || !readVarint(s, &delay) || !readVarint(s, &more) || !readVarint(s, &length) ||
		length > largest {
		return false
	}
	f.acked = append(f.acked, span{largest - length, largest + 1})
	smallest := largest - length
	for range more {
		var gap uint64
		if !readVarint(s, &gap) || !readVarint(s, &length) || gap+length+2 > smallest {
			return false
		}
		end := smallest - gap - 1 // one past the largest of this range
		smallest = end - 1 - length
		f.acked = append(f.acked, span{smallest, end})
	}
	return !ecn || skipVarints(s, 3)
}

// skipFrame skips the body of a frame whose content does not matter.
func skipFrame(s *cryptobyte.String, typ uint64) bool {
	if n, ok := varintFrames[typ]; ok {
		return skipVarints(s, n)
	}
	var ignored []byte
	var length uint8
	switch {
	case typ >= frameStream && typ <= frameStreamLast:
		return skipStream(s, typ)
	case typ == frameNewToken, typ == frameDatagramLen:
		return readBlock(s, &ignored)
	case typ == frameNewConnectionID:
		const resetTokenLen = 16
		return skipVarints(s, 2) && s.ReadUint8(&length) && s.Skip(int(length)+resetTokenLen)
	case typ == framePathChallenge, typ == framePathResponse:
		return s.Skip(8)
	case typ == frameClose:
		return skipVarints(s, 2) && readBlock(s, &ignored)
	case typ == frameCloseByApp:
		return skipVarints(s, 1) && readBlock(s, &ignored)
	case typ == frameDatagram:
		return s.Skip(len(*s))
	}
	return false
}

// skipStream skips a STREAM frame (RFC 9000 section 19.8).
func skipStream(s *cryptobyte.String, typ uint64) bool {
	const hasLength, hasOffset = 0x02, 0x04
	fields := 1 // stream ID
	if typ&hasOffset != 0 {
		fields++
	}
	if !skipVarints(s, fields) {
		return false
	}
	var ignored []byte
	if typ&hasLength != 0 {
		return readBlock(s, &ignored)
	}
	return s.Skip(len(*s))
}

func skipVarints(s *cryptobyte.String, n int) bool {
	var ignored uint64
	for range n {
		if !readVarint(s, &ignored) {
			return false
		}
	}
	return true
}

// readBlock reads bytes that their number, a variable-length integer, precedes.
func readBlock(s *cryptobyte.String, b *[]byte) bool {
	var length uint64
	return readVarint(s, &length) && length <= uint64(len(*s)) && s.ReadBytes(b, int(length))
}
