package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"

	"github.com/google/uuid"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/duplex"
	"pqbench/tunnel/internal/wire"
)

// A TCPStream is a TCP connection that a connector made to a destination of
// its own network. Close it.
type TCPStream struct {
	duplex.Stream
	close sync.Once
	edge  *Edge
}

// Close ends both directions at once; CloseWrite before it, and a Read to the
// end, lose nothing.
func (s *TCPStream) Close() error {
	s.close.Do(func() {
		s.Abort()
		s.edge.requests.end()
	})
	return nil
}

// DialTCP opens a TCP stream through a tunnel that this data center holds: it
// is not relayed. For a tunnel that another one holds the error says which,
// and is a tunnel.ErrNoConnection all the same. Connectors refuse every
// destination that their configuration does not name.
func (e *Edge) DialTCP(ctx context.Context, id uuid.UUID, dest netip.AddrPort) (*TCPStream, error) {
	if !e.requests.begin() {
		return nil, tunnel.ErrClosed
	}
	s, err := e.dialTCP(ctx, id, dest)
	if err != nil {
		e.requests.end()
		return nil, fmt.Errorf("dial %s through the tunnel: %w", dest, err)
	}
	return s, nil
}

func (e *Edge) dialTCP(ctx context.Context, id uuid.UUID, dest netip.AddrPort) (*TCPStream, error) {
	_, stream, err := e.openLocal(id)
	if err != nil {
		return nil, e.notHere(id, err)
	}
	s := &TCPStream{edge: e, Stream: duplex.Stream{Stream: stream}}
	defer context.AfterFunc(ctx, s.Abort)()
	response, err := s.ask(dest)
	if err == nil && response.Error != "" {
		err = fmt.Errorf("%w: %s", errOrigin, response.Error)
	}
	if err != nil {
		s.Abort()
		return nil, err
	}
	return s, nil
}

// notHere adds to err where the tunnel is, as far as this data center has been told.
func (e *Edge) notHere(id uuid.UUID, err error) error {
	if e.relay == nil || !errors.Is(err, tunnel.ErrNoConnection) {
		return err
	}
	if l, _ := e.relay.holder(id, 0, nil); l != nil {
		return fmt.Errorf("%w here; %s holds it, but TCP is not relayed: dial there", err, l.peer.Name)
	}
	return err
}

// ask sends the head and reads the answer to it.
func (s *TCPStream) ask(dest netip.AddrPort) (wire.Response, error) {
	enc := wire.BeginRequest(nil, dest.String(), wire.TCP, 0)
	head, err := enc.Finish()
	if err != nil {
		return wire.Response{}, err
	}
	if _, err := s.Write(head); err != nil {
		return wire.Response{}, err
	}
	answer, err := wire.ReadHead(s.Stream.Stream, make([]byte, 1024), nil)
	if err != nil {
		return wire.Response{}, err
	}
	s.Reader = io.MultiReader(bytes.NewReader(answer.Rest), s.Stream.Stream)
	return wire.DecodeResponse(answer.Message, nil)
}
