package connector

import (
	"io"
	"sync/atomic"

	"github.com/quic-go/quic-go"

	"pqbench/tunnel/internal/wire"
)

// body is the rest of the stream: what came with the head, then what follows. The origin's transport may still read
// it when the response is done, so what serve looks at is atomic.
type body struct {
	stream *quic.Stream
	rest   []byte
	eof    bool
	length int64 // -1: unknown
	n      atomic.Int64
}

// begin copies what came along: the buffer of a head is not the body's.
func (b *body) begin(head wire.Head, length int64) {
	b.rest = append(b.rest, head.Rest...)
	b.eof = head.EOF
	b.length = length
}

// Buffered is how much the next Reads return without waiting.
func (b *body) Buffered() int { return len(b.rest) }

func (b *body) Read(p []byte) (n int, err error) {
	switch {
	case len(b.rest) > 0:
		n = copy(p, b.rest)
		b.rest = b.rest[n:]
	case b.eof:
		return 0, io.EOF
	default:
		n, err = b.stream.Read(p)
		b.eof = err == io.EOF
	}
	b.n.Add(int64(n))
	return n, err
}

// Close is called when the origin wants no more of it. A body read to its end needs no STOP_SENDING.
func (b *body) Close() error {
	if b.n.Load() != b.length {
		b.stream.CancelRead(0)
	}
	return nil
}
