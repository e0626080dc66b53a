package link

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Dir is the way a datagram travels.
type Dir uint8

// The two directions of a path.
const (
	Up   Dir = iota // from the client to the server
	Down            // from the server to the client
)

func (d Dir) String() string { return [...]string{"up", "down"}[d] }

// Fate is what became of a datagram.
type Fate uint8

// The fates of a datagram.
const (
	InFlight  Fate = iota // on its way, or on its way when its receiver closed
	Delivered             // read by the receiver
	Lost                  // by the link's Loss
	QueueFull             // tail drop
	TooBig                // larger than the MTU
	Blocked               // by the middlebox that Event.Middlebox names
	NoRoute               // sent to an address that nobody has, or has any more
)

func (f Fate) String() string {
	return [...]string{"in flight", "delivered", "lost", "queue full", "too big", "blocked", "no route"}[f]
}

// An Event is the life of one datagram. Times are since Record.Start; those of what it did not live to see are zero.
type Event struct {
	Dir  Dir
	N    int // number of the datagram in its direction, from 0
	Size int // UDP payload, in bytes

	Sent    time.Duration // given to the socket
	Began   time.Duration // left the queue: Began - Sent is queueing
	Left    time.Duration // serialised: Left - Began is (Size + Headers)/Rate
	Arrived time.Duration // read at the other end: Arrived - Left is propagation, jitter, reordering and Spacing. In flight: when it will be

	Fate      Fate
	Middlebox string  // which one blocked it; "" for all other fates
	Packets   Packets // kinds of the QUIC packets in it
	ECN, Seen ECN     // its mark when it was sent, and when it was delivered
}

// A Record keeps what happened to every datagram of a path. It grows by about 100 bytes for each.
type Record struct {
	Start time.Time // when the sockets were connected

	mu     sync.Mutex // of the whole path
	events []Event
}

// Events returns what has happened so far, in order of sending; of datagrams sent at the same instant those of the
// client come first.
func (r *Record) Events() []Event {
	r.mu.Lock()
	events := slices.Clone(r.events)
	r.mu.Unlock()
	slices.SortStableFunc(events, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.Sent, b.Sent), cmp.Compare(a.Dir, b.Dir), cmp.Compare(a.N, b.N))
	})
	return events
}

func (r *Record) now() time.Duration { return time.Since(r.Start) }
