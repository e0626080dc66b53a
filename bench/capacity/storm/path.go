package storm

import (
	"math"
	"time"
)

// firstPTO is quic-go's first probe time-out, before it has measured the round trip: twice the 100 ms it assumes
// (RFC 9002, section 6.2.2, has 333 ms).
const firstPTO = 200 * time.Millisecond

// A path delays a handshake's flights.
type path struct {
	rtt    int64
	loss   float64
	dice   *dice // by connection
	giveUp int64
}

// flight is how long a flight of so many datagrams takes more than its way, because of losses: the sender tries again
// after a probe time-out, which doubles. ok is false when the other side would have given up before.
//
// Note: a simplification. A server that has one of two Initials acknowledges it, which can bring the other one earlier;
// the lab has that to the datagram.
func (p *path) flight(connection int32, datagrams int, pto time.Duration) (delay int64, ok bool) {
	if p.loss == 0 {
		return 0, true
	}
	all := math.Pow(1-p.loss, float64(datagrams))
	for wait := int64(pto); p.dice.uniform(connection) >= all; wait *= 2 {
		if delay += wait; delay >= p.giveUp {
			return delay, false
		}
	}
	return delay, true
}

// laterPTO is the probe time-out once the round trip has been seen: srtt + 4·rttvar with rttvar = rtt/2 after the first
// sample (RFC 9002, section 5.3).
func (p *path) laterPTO() time.Duration {
	return max(time.Duration(3*p.rtt), time.Millisecond)
}

// reach is when the first flight of a dial, or the first of its probes, leaves that arrives at the given time or later.
// ok is false when the client has given up by then.
func (p *path) reach(dial, arrival int64) (leaves int64, ok bool) {
	leaves = dial
	for wait := int64(firstPTO); leaves+p.rtt/2 < arrival; wait *= 2 {
		if leaves += wait; leaves-dial >= p.giveUp {
			return leaves, false
		}
	}
	return leaves, true
}
