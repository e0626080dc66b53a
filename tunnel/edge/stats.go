package edge

import "sync/atomic"

// Stats is a snapshot of an edge's counters. Gauges say so; the others only grow.
type Stats struct {
	Handshakes           int64 // completed
	HandshakesFailed     int64
	HalfOpen             int64 // gauge: handshakes begun, neither complete nor failed
	Retries              int64 // Retry packets: each Initial of a first flight is asked for a proof of its address by itself
	InitialsRefused      int64 // refused because too many handshakes were in progress; not among the failed. Each Initial of a first flight is refused by itself
	OpenConnections      int64 // gauge: handshake complete, not closed
	NeverRegistered      int64 // closed because no registration came in time
	Registered           int64 // gauge: connections in rotation
	Registrations        int64 // accepted
	RegistrationsRefused int64
	Requests             int64 // begun, whatever became of them
	InFlight             int64 // gauge
	BadGateways          int64 // answered 502
	Aborted              int64 // cut after the response head
	BytesUp, BytesDown   int64 // body bytes towards and from the origin
	RelayedOut           int64 // attempts to have a request served by another data center
	RelayedIn            int64 // requests of other data centers, served here; not among Requests
	RelayFailures        int64 // of RelayedOut: refused there, or lost with the link
}

type counters struct {
	handshakes, handshakesFailed, open, registrations, refused   atomic.Int64
	requests, inFlight, badGateways, aborted, bytesUp, bytesDown atomic.Int64
	halfOpen, retries, initialsRefused, neverRegistered          atomic.Int64
	relayedOut, relayedIn, relayFailures                         atomic.Int64
}

// Stats reads the counters. Each is exact; together they are not one instant.
func (e *Edge) Stats() Stats {
	c := &e.counters
	return Stats{
		Handshakes:           c.handshakes.Load(),
		HandshakesFailed:     c.handshakesFailed.Load(),
		HalfOpen:             c.halfOpen.Load(),
		Retries:              c.retries.Load(),
		InitialsRefused:      c.initialsRefused.Load(),
		NeverRegistered:      c.neverRegistered.Load(),
		OpenConnections:      c.open.Load(),
		Registered:           int64(e.tunnels.registered()),
		Registrations:        c.registrations.Load(),
		RegistrationsRefused: c.refused.Load(),
		Requests:             c.requests.Load(),
		InFlight:             c.inFlight.Load(),
		BadGateways:          c.badGateways.Load(),
		Aborted:              c.aborted.Load(),
		BytesUp:              c.bytesUp.Load(),
		BytesDown:            c.bytesDown.Load(),
		RelayedOut:           c.relayedOut.Load(),
		RelayedIn:            c.relayedIn.Load(),
		RelayFailures:        c.relayFailures.Load(),
	}
}
