package registration

import (
	"errors"
	"io"
	"sync"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/rpc"
	"capnproto.org/go/capnp/v3/rpc/transport"
)

// errFlood ends a control stream whose peer sends more than any honest one.
var errFlood = errors.New("too many messages on the control stream")

// How much of a message may be read, in bytes, a byte counting each time it is
// reached. RPC and the handlers reach everything a few times. The library's
// own limit of 64 MiB lets a message of a hundred bytes name a list of
// millions of empty elements, and has them all allocated.
const (
	readsPerByte = 8
	readsBase    = 4096
)

// codec frames messages on a stream within bounds, so that what one peer can
// make this end remember is bounded, too.
type codec struct {
	in     *capnp.Decoder
	out    io.Writer
	stream io.Closer
	left   int
	close  sync.Once
	err    error
}

// newTransport puts RPC on a stream. Closing it closes the stream, which
// must unblock a pending Read.
func newTransport(stream io.ReadWriteCloser) rpc.Transport {
	in := capnp.NewDecoder(stream)
	in.MaxMessageSize = maxControlMessage
	return transport.New(&codec{in: in, out: stream, stream: stream, left: maxControlMessages})
}

// Encode writes a message in one piece; it and its frame then share a packet.
func (c *codec) Encode(m *capnp.Message) error {
	b, err := m.Marshal()
	if err != nil {
		return err
	}
	_, err = c.out.Write(b)
	return err
}

func (c *codec) Decode() (*capnp.Message, error) {
	if c.left--; c.left < 0 {
		return nil, errFlood
	}
	m, err := c.in.Decode()
	if err != nil {
		return nil, err
	}
	size, err := m.TotalSize()
	if err != nil {
		return nil, err
	}
	m.ResetReadLimit(readsPerByte*size + readsBase)
	return m, nil
}

func (c *codec) Close() error {
	c.close.Do(func() { c.err = c.stream.Close() })
	return c.err
}
