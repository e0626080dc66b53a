// Package wire reads and writes the head of an edge-opened stream: a
// signature, two version bytes, and one Cap'n Proto message, ConnectRequest
// towards the connector or ConnectResponse back. Raw body bytes follow on the
// same stream.
//
// The two messages are fixed and tiny, and one of each is paid per request,
// so they are laid out by hand: encoding allocates nothing, decoding one
// string. Messages of more than one segment, which no known peer sends, are
// left to the capnp library; the tests hold it against all of this.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Signatures begin every stream that the edge opens.
const (
	// SignatureData begins a request stream.
	SignatureData = "\x0A\x36\xCD\x12\xA1\x3E"
	// SignatureRPC begins a Cap'n Proto RPC stream, which has no version bytes.
	SignatureRPC = "\x52\xBB\x82\x5C\xDB\x65"
	// Version follows SignatureData. cloudflared writes it and never checks it.
	Version = "01"

	preambleLen = len(SignatureData) + len(Version)
)

// MaxMessage bounds one message, framing included, in bytes. It matches the
// request head that net/http's server accepts by default.
const MaxMessage = 1 << 20

// maxSegments is the bound that the capnp library sets, too.
const maxSegments = 512

// Errors of the head. Each ends its stream, never the connection.
var (
	ErrSignature = errors.New("stream does not begin with the data signature")
	ErrRPCStream = errors.New("stream begins with the rpc signature")
	ErrTooLarge  = fmt.Errorf("message is larger than %d bytes", MaxMessage)
	ErrMalformed = errors.New("malformed cap'n proto message")
)

// Kind is what a ConnectRequest asks for.
type Kind uint16

// Kinds of a ConnectRequest.
const (
	HTTP      Kind = 0
	WebSocket Kind = 1
	TCP       Kind = 2
)

// Keys of the metadata entries.
const (
	KeyMethod       = "HttpMethod"
	KeyHost         = "HttpHost"
	KeyStatus       = "HttpStatus"
	KeyHeaderPrefix = "HttpHeader:"
)

// Metadata is one key and value of a head. Keys repeat and keep their order.
type Metadata struct{ Key, Val string }

// A Request is a decoded ConnectRequest. Its strings share one allocation.
type Request struct {
	Dest     string
	Type     Kind
	Metadata []Metadata
}

// A Response is a decoded ConnectResponse. Error is empty on success.
type Response struct {
	Error    string
	Metadata []Metadata
}

// A Head is what ReadHead took off a stream. Message and Rest share the
// buffer given to ReadHead, or a bigger one that replaced it.
type Head struct {
	Message []byte // one framed message
	Rest    []byte // body bytes that came along
	EOF     bool   // the stream ended with Rest
}

// ReadHead reads the preamble and one message into buf, which must hold at
// least a few words, and grows it up to MaxMessage when the message is
// longer. stalled, if not nil, is called once when the first read did not
// bring the whole head, so that the common case needs no deadline.
func ReadHead(r io.Reader, buf []byte, stalled func()) (Head, error) {
	filled, eof := 0, false
	for {
		want, whole, err := headSize(buf[:filled])
		if err != nil {
			return Head{}, err
		}
		if whole && filled >= want {
			return Head{Message: buf[preambleLen:want], Rest: buf[want:filled], EOF: eof}, nil
		}
		if eof {
			return Head{}, io.ErrUnexpectedEOF
		}
		if filled > 0 && stalled != nil {
			stalled()
			stalled = nil
		}
		if want > len(buf) {
			buf = append(make([]byte, 0, want), buf[:filled]...)[:want]
		}
		n, err := r.Read(buf[filled:])
		filled += n
		if err == io.EOF {
			eof = true
		} else if err != nil {
			return Head{}, err
		}
	}
}

// headSize is how long preamble and message are at least, as far as b tells;
// whole says that b tells all of it.
func headSize(b []byte) (size int, whole bool, err error) {
	if n := len(SignatureData); len(b) >= n && string(b[:n]) != SignatureData {
		if string(b[:n]) == SignatureRPC {
			return 0, false, ErrRPCStream
		}
		return 0, false, ErrSignature
	}
	if len(b) < preambleLen+4 {
		return preambleLen + 8, false, nil
	}
	frame := b[preambleLen:]
	segments := uint64(binary.LittleEndian.Uint32(frame)) + 1
	if segments > maxSegments {
		return 0, false, fmt.Errorf("%w: %d segments", ErrMalformed, segments)
	}
	total := (4 + 4*segments + 7) &^ 7
	if uint64(len(frame)) < total {
		return preambleLen + int(total), false, nil
	}
	for i := range segments {
		total += 8 * uint64(binary.LittleEndian.Uint32(frame[4+4*i:]))
	}
	if total > MaxMessage {
		return 0, false, ErrTooLarge
	}
	return preambleLen + int(total), true, nil
}
