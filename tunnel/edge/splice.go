package edge

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/quic-go/quic-go"

	"pqbench/tunnel/internal/wire"
)

// Codes by which a holder resets a relayed stream on its own account. They
// are out of the way of cloudflared's, which are 0.
const (
	// relayNotHere: no connection of the tunnel is here, nothing was sent.
	relayNotHere quic.StreamErrorCode = 0x7071_0001
	// relayLost: the tunnel connection was lost on the way.
	relayLost quic.StreamErrorCode = 0x7071_0002
)

// side is one end of a splice.
type side struct {
	*quic.Stream
	// lost resets this side when the other one's connection is gone.
	lost quic.StreamErrorCode
}

// splice joins two streams until both directions have ended. FIN,
// RESET_STREAM and STOP_SENDING pass from either to the other.
func splice(a, b side) {
	var up sync.WaitGroup
	up.Go(func() { pass(b, a) })
	pass(a, b)
	up.Wait()
}

// pass copies one direction. The first write has the whole signature and
// version of a tunnel stream, which cloudflared reads as one piece.
func pass(dst, src side) {
	// STOP_SENDING from dst's reader comes while src has nothing to say, too.
	stop := context.AfterFunc(dst.Context(), func() {
		if err := context.Cause(dst.Context()); !errors.Is(err, context.Canceled) {
			src.CancelRead(passedOn(err, src.lost))
		}
	})
	defer stop()
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	n, err := io.ReadAtLeast(src, *buf, len(wire.SignatureData)+len(wire.Version))
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	for ; ; n, err = src.Read(*buf) {
		if n > 0 {
			if _, failed := dst.Write((*buf)[:n]); failed != nil {
				src.CancelRead(passedOn(failed, src.lost))
				return
			}
		}
		switch {
		case err == io.EOF:
			_ = dst.Close() // fails when nobody reads it any more
			return
		case err != nil:
			dst.CancelWrite(passedOn(err, dst.lost))
			return
		}
	}
}

// passedOn is the code for the other stream: the peer's own, but none that
// would speak in the holder's name.
func passedOn(err error, lost quic.StreamErrorCode) quic.StreamErrorCode {
	var reset *quic.StreamError
	switch {
	case !errors.As(err, &reset):
		return lost
	case reset.ErrorCode == relayNotHere || reset.ErrorCode == relayLost:
		return 0
	}
	return reset.ErrorCode
}
