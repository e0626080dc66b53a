package registration

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"capnproto.org/go/capnp/v3"
	rpccp "capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// Note: RPC itself is spoken by hand, over the library's messages. The
// library's rpc package panics on a few hundred malformed bytes (a call
// pipelined on the answer of a call), in a goroutine of its own where nobody
// can recover, and every peer may send them before it has shown a secret. The
// calls here come one after the other, which needs no more than a loop, and a
// connection then costs one goroutine for its control stream instead of six.

// Stream is what RPC runs on: a QUIC stream, or a pipe in a test.
type Stream interface {
	io.ReadWriteCloser
	SetDeadline(time.Time) error
}

// Bounds of what one peer may send, so that what it makes this end allocate
// and compute is bounded, too.
const (
	maxFirstMessages = 64 << 10 // bytes per message until a registration is accepted
	maxLaterMessages = 1 << 20  // bytes per message then; a local configuration is the largest
	maxMessages      = 256      // in a stream's life; cloudflared sends about ten

	// How much of a message may be read, in bytes, a byte counting each time
	// it is reached; everything here is reached a few times. The library's
	// own limit of 64 MiB lets a hundred bytes name a list of millions of
	// empty elements.
	readsPerByte = 8
	readsBase    = 4096
)

// Errors that end a control stream.
var (
	errFlood    = errors.New("too many messages on the control stream")
	errProtocol = errors.New("rpc protocol violation on the control stream")
	errAborted  = errors.New("peer aborted the control stream")
)

// wire sends and receives RPC messages.
type wire struct {
	stream Stream
	in     *capnp.Decoder
	atHand *bufio.Reader // what was read and not yet decoded; nil when that is of no interest
	held   []byte        // goes out with the next message
	left   int
}

func newWire(s Stream) *wire {
	w := &wire{stream: s, in: capnp.NewDecoder(s), left: maxMessages}
	w.in.MaxMessageSize = maxFirstMessages
	return w
}

// firstMessages is room for a Bootstrap and a registration, which come together.
const firstMessages = 1 << 10

// newServerWire looks at what else has come before it answers.
func newServerWire(s Stream) *wire {
	w := newWire(s)
	w.atHand = bufio.NewReaderSize(s, firstMessages)
	w.in = capnp.NewDecoder(w.atHand)
	w.in.MaxMessageSize = maxFirstMessages
	return w
}

func (w *wire) trust() { w.in.MaxMessageSize = maxLaterMessages }

// receive reads the next message. The caller releases its Message.
func (w *wire) receive() (rpccp.Message, error) {
	if w.left--; w.left < 0 {
		return rpccp.Message{}, errFlood
	}
	m, err := w.in.Decode()
	if err != nil {
		return rpccp.Message{}, err
	}
	size, err := m.TotalSize()
	if err != nil {
		return rpccp.Message{}, err
	}
	m.ResetReadLimit(readsPerByte*size + readsBase)
	root, err := rpccp.ReadRootMessage(m)
	if err == nil && !root.IsValid() {
		err = errProtocol // a null root, which has no message to release
	}
	return root, err
}

// hold builds a message that goes out with the answer to what has come already; at once when there is nothing.
func (w *wire) hold(build func(rpccp.Message) error) error {
	if w.atHand == nil || w.atHand.Buffered() == 0 {
		return w.send(build)
	}
	return w.later(build)
}

// later builds a message that nobody waits for. It goes out with the next one.
func (w *wire) later(build func(rpccp.Message) error) (err error) {
	w.held, err = encode(w.held, build)
	return err
}

// send builds messages and writes them in one piece, so that they share a packet.
func (w *wire) send(builds ...func(rpccp.Message) error) error {
	out, err := encode(w.held, builds...)
	if err != nil {
		return err
	}
	w.held = nil
	_, err = w.stream.Write(out)
	return err
}

// flush writes what is held.
func (w *wire) flush() error {
	if len(w.held) == 0 {
		return nil
	}
	return w.send()
}

// encode appends messages to out.
func encode(out []byte, builds ...func(rpccp.Message) error) ([]byte, error) {
	for _, build := range builds {
		m, seg, err := capnp.NewMessage(capnp.SingleSegment(nil))
		if err != nil {
			return out, err
		}
		root, err := rpccp.NewRootMessage(seg)
		if err != nil {
			return out, err
		}
		if err := build(root); err != nil {
			return out, err
		}
		b, err := m.Marshal()
		if err != nil {
			return out, err
		}
		out = append(out, b...)
	}
	return out, nil
}

// finish tells the peer that an answer is no longer needed, but that the
// capabilities it brought are.
func finish(question uint32) func(rpccp.Message) error {
	return func(m rpccp.Message) error {
		f, err := m.NewFinish()
		if err != nil {
			return err
		}
		f.SetQuestionId(question)
		f.SetReleaseResultCaps(false)
		return nil
	}
}

// abort says why the stream ends.
func abort(reason string) func(rpccp.Message) error {
	return func(m rpccp.Message) error {
		e, err := m.NewAbort()
		if err != nil {
			return err
		}
		return e.SetReason(reason)
	}
}

// aborted is the error behind an abort message.
func aborted(m rpccp.Message) error {
	e, err := m.Abort()
	if err != nil {
		return errAborted
	}
	reason, err := e.Reason()
	if err != nil || reason == "" {
		return errAborted
	}
	return fmt.Errorf("%w: %s", errAborted, reason)
}
