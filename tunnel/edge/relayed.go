package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
)

// errNotHere: the peer does not hold the tunnel after all, and has sent
// nothing to any origin.
var errNotHere = errors.New("tunnel has left the data center")

// via is the way a relayed request takes. The zero value is none.
type via struct {
	*quic.Conn
	name string // of the data center
}

// openRelay opens a stream to a data center that holds the tunnel, of those
// not tried yet. With a body it is known to be open up to the connector.
func (x *exchange) openRelay(id uuid.UUID) error {
	r := x.edge.relay
	if r == nil {
		return tunnel.ErrNoConnection
	}
	for {
		l, qc := r.holder(id, r.turn.Add(1), x.tried)
		if l == nil {
			return tunnel.ErrNoConnection
		}
		x.tried = append(x.tried, l)
		x.via = via{qc, l.peer.Name}
		x.edge.counters.relayedOut.Add(1)
		stream, err := openOn(x.r.Context(), qc, id, x.r.ContentLength != 0)
		if err == nil {
			x.stream = stream
			return nil
		}
		x.edge.counters.relayFailures.Add(1)
		if x.r.Context().Err() != nil {
			return fmt.Errorf("relay to %s: %w", l.peer.Name, err)
		}
	}
}

// openOn opens a relayed stream, and waits for the holder's word if asked to.
func openOn(ctx context.Context, qc *quic.Conn, id uuid.UUID, wait bool) (*quic.Stream, error) {
	stream, err := qc.OpenStream()
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, relayPreamble)
	if !wait {
		_, err = stream.Write(append(append(b, 0), id[:]...))
		return stream, err
	}
	defer context.AfterFunc(ctx, func() { stream.CancelRead(0) })()
	_ = stream.SetReadDeadline(time.Now().Add(tunnel.RPCTimeout))
	if _, err = stream.Write(append(append(b, optionAccept), id[:]...)); err == nil {
		b = b[:1]
		_, err = io.ReadFull(stream, b)
	}
	if err == nil && b[0] != relayAccepted {
		err = fmt.Errorf("relay answer %#x is not known", b[0])
	}
	if err != nil {
		stream.CancelRead(0)
		stream.CancelWrite(0)
		return nil, err
	}
	return stream, stream.SetReadDeadline(time.Time{})
}

// connectionLost tells an error of a whole connection from one of a stream, or of the eyeball. The connection's context
// does not: it ends after its streams have.
func connectionLost(err error) bool {
	var (
		idle        *quic.IdleTimeoutError
		transport   *quic.TransportError
		application *quic.ApplicationError
		reset       *quic.StatelessResetError
	)
	return errors.As(err, &idle) || errors.As(err, &transport) || errors.As(err, &application) || errors.As(err, &reset)
}

// relayed looks at how a relayed attempt ended. It returns errNotHere when
// nothing was sent to any origin and another data center may be tried.
func (x *exchange) relayed(err error) error {
	var reset *quic.StreamError
	refused := errors.As(err, &reset) && reset.Remote && reset.ErrorCode == relayNotHere
	lost := connectionLost(err) || reset != nil && reset.Remote && reset.ErrorCode == relayLost
	if refused || lost {
		x.edge.counters.relayFailures.Add(1)
	}
	if refused && !x.started {
		return errNotHere
	}
	return fmt.Errorf("relay to %s: %w", x.via.name, err)
}
