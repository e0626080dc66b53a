package link

import (
	"fmt"
	"time"
)

// Headers is what IPv4 and UDP add to each datagram, in bytes. Rates and queues count it.
const Headers = 28

// Spacing keeps what happens on a path apart: the n-th datagram of a direction, from 0, travels (n+1)·Spacing longer than
// its delay, up to [MaxSkew]. The package comment says why.
const Spacing = time.Nanosecond

// MaxSkew is the most that Spacing adds up to.
const MaxSkew = 1000 * Spacing

// Defaults of a Direction.
const (
	DefaultMTU   = 1472      // of Ethernet: 1500 less IPv4 and UDP headers
	MinMTU       = 1200      // QUIC needs it (RFC 9000, Section 14)
	DefaultQueue = 64 << 10  // bytes, where the bandwidth-delay product is smaller
	maxRate      = 1e12      // bit/s; a full datagram takes 12 ns
	maxDelay     = time.Hour // beyond any network, and any timer of QUIC
)

// A Path is what lies between a client and a server, each way. The zero value delivers everything at once.
type Path struct {
	Up, Down Direction // from the client (the connector) to the server (the edge), and back

	// Middleboxes stand at the client's end, in this order: a datagram of the client passes them before the link, and one
	// of the server after it.
	Middleboxes []Middlebox

	// ECN gives the path sockets that carry it, as those of a kernel do: quic-go then marks its 1-RTT packets. A
	// middlebox that acts on marks implies it.
	ECN bool
}

// A Direction is one way of a path. The zero value delivers everything at once.
type Direction struct {
	Delay   time.Duration // one-way propagation
	Jitter  time.Duration // uniform in [0, Jitter) on top; the order is kept
	Rate    int64         // bit/s, headers counted; 0 is infinite
	Queue   int           // bytes that may wait for the rate, headers counted, then tail drop; 0 is one bandwidth-delay product, at least DefaultQueue
	MTU     int           // UDP payload that passes, in bytes; larger datagrams vanish silently; 0 is DefaultMTU
	Loss    Loss          // nil loses nothing
	Reorder float64       // probability that a datagram takes Delay/4 longer, and later ones overtake it
}

// RTT returns the two propagation delays together, in which no datagram waits or is serialised.
func (p Path) RTT() time.Duration { return p.Up.Delay + p.Down.Delay }

// Symmetric returns the path that is d both ways.
func Symmetric(d Direction, middleboxes ...Middlebox) Path {
	return Path{Up: d, Down: d, Middleboxes: middleboxes}
}

// Check reports the first value that no network can have.
func (p Path) Check() error {
	if err := p.Up.Check(); err != nil {
		return fmt.Errorf("up: %w", err)
	}
	if err := p.Down.Check(); err != nil {
		return fmt.Errorf("down: %w", err)
	}
	for _, m := range p.Middleboxes {
		if m == nil {
			return fmt.Errorf("a middlebox is nil: leave it out")
		}
		if err := m.check(); err != nil {
			return fmt.Errorf("middlebox %s: %w", m, err)
		}
	}
	return p.checkMarks()
}

// Check reports the first value that no link can have.
func (d Direction) Check() error {
	switch {
	case d.Delay < 0 || d.Delay > maxDelay:
		return fmt.Errorf("delay %v: want 0 to %v", d.Delay, maxDelay)
	case d.Jitter < 0 || d.Jitter > maxDelay:
		return fmt.Errorf("jitter %v: want 0 to %v", d.Jitter, maxDelay)
	case d.Rate < 0 || d.Rate > maxRate:
		return fmt.Errorf("rate %d bit/s: want 1 to %g, or 0 for infinite", d.Rate, maxRate)
	case d.Queue < 0:
		return fmt.Errorf("queue %d bytes: want a positive number, or 0 for the default", d.Queue)
	case d.MTU != 0 && (d.MTU < MinMTU || d.MTU > 65507):
		return fmt.Errorf("MTU %d bytes of UDP payload: QUIC needs at least %d, UDP carries at most 65507", d.MTU, MinMTU)
	case d.Loss != nil && d.Loss.check() != nil:
		return fmt.Errorf("loss: %w", d.Loss.check())
	}
	if err := checkProbability(d.Reorder); err != nil {
		return fmt.Errorf("reorder: %w", err)
	}
	return nil
}

// withDefaults returns d with nothing left to be chosen. rtt is that of the whole path.
func (d Direction) withDefaults(rtt time.Duration) Direction {
	if d.MTU == 0 {
		d.MTU = DefaultMTU
	}
	if d.Queue == 0 {
		d.Queue = max(DefaultQueue, int(float64(d.Rate)/8*rtt.Seconds()))
	}
	if d.Loss == nil {
		d.Loss = IID{}
	}
	return d
}

// serialisation is how long size bytes of UDP payload and their headers take at d's rate, rounded up to a nanosecond.
func (d Direction) serialisation(size int) time.Duration {
	if d.Rate == 0 {
		return 0
	}
	bits := int64(size+Headers) * 8
	return time.Duration((bits*int64(time.Second) + d.Rate - 1) / d.Rate)
}
