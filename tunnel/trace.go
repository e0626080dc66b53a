package tunnel

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/google/uuid"
)

// A Trace watches one end of the tunnel. Any func may be nil; a nil func
// costs nothing. Each runs on the goroutine of the event, so it must not
// block. Times carry a monotonic reading.
type Trace struct {
	// HandshakeBegins is called by a connector before each dial, with what will be the Handshake's Start.
	HandshakeBegins func(start time.Time)
	// HandshakeDone is called once per QUIC handshake at this side, when it
	// completes or fails.
	HandshakeDone func(Handshake)
	// Registered is called when the edge has answered a registration:
	// accepted (Err is nil) or refused.
	Registered func(Registration)
	// Unregistered is called when a connection asked to receive no more requests.
	Unregistered func(Connection)
	// ConnClosed is called once per connection whose handshake completed.
	ConnClosed func(ConnClose)
	// RequestDone is called when a request has left this end, whole or not.
	RequestDone func(Request)
	// Backoff is called by a connector before each wait to reconnect.
	Backoff func(Backoff)
}

// A Connection names one registered connection.
type Connection struct {
	Tunnel uuid.UUID
	Client uuid.UUID // the connector; the same for all its connections
	Index  uint8     // the connector's number for the connection
	Remote net.Addr
}

// A Handshake is one QUIC and TLS handshake as one side saw it.
type Handshake struct {
	// Start: connector: before the dial; edge: the first Initial arrived.
	Start time.Time
	// Done: handshake complete, or failed, at this side.
	Done time.Time
	// Group is the negotiated named group; zero when the handshake failed.
	Group tls.CurveID
	// Retried says that a HelloRetryRequest cost a round trip.
	Retried bool
	Local   net.Addr // nil at the edge when the handshake failed
	Remote  net.Addr
	Err     error
}

// A Registration is the registerConnection call, without the handshake.
type Registration struct {
	Connection
	// Start and Done: connector: around the call; edge: around the decision.
	Start, Done time.Time
	// Location is what the edge calls itself.
	Location string
	Features []string
	Err      error
}

// A ConnClose ends a connection. Err is never nil: a graceful close is a
// *quic.ApplicationError with code 0. The Connection is zero when the
// connection never registered.
type ConnClose struct {
	Connection
	At         time.Time
	Registered bool
	Err        error
}

// A Request is one proxied request.
type Request struct {
	Connection
	// Start: the request reached this end. Head: its response head did
	// (zero if it never came). Done: the last body byte was passed on.
	Start, Head, Done time.Time
	// Status is what the eyeball was told; 0 when the response was cut
	// before its head or, at the connector, replaced by an error.
	Status int
	// BytesUp and BytesDown are body bytes towards and from the origin.
	BytesUp, BytesDown int64
	// Via is the data center that the request was relayed to, and "" when
	// this one held the tunnel. A relayed request has of its Connection
	// only the Tunnel: the rest is known where it was relayed to.
	Via string
	Err error
}

// A Backoff is a wait before the next dial.
type Backoff struct {
	Index   uint8
	Attempt int // consecutive failures
	Wait    time.Duration
	// Below is what the law of retry draws Wait from, uniformly: [0, Below).
	// For a wait that the edge asked for it is that wait.
	Below time.Duration
	// Shared marks the wait that lost connections but 0 have in common; it
	// comes after a wait of their own, and one that joins late waits less.
	Shared bool
	Err    error // why the last connection ended
}
