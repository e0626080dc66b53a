package connector

import "time"

// The laws of time by which a connector starts connections and brings them back, all in this file. Unless a line says
// otherwise they are those of cloudflared 2026.8.2, and 2022.9.1 has the same. What the QUIC transport and the calls on
// the control stream wait for (keep-alive, idle, handshake, RPC, grace period) is in package tunnel.
const (
	// DefaultRetries caps the exponent of every wait: none is longer than its base times 2^5 (--retries).
	DefaultRetries = 5
	// DefaultStagger is the time between the starts of connections 1, 2, 3…, once connection 0 is registered
	// (supervisor: registrationInterval).
	DefaultStagger = time.Second

	// retryBase is the base of a connection's own wait: below 2 s, 4 s, … 32 s (retry: DefaultBaseTime).
	retryBase = time.Second
	// queueBase is the base of the wait that all lost connections but 0 share, on top of their own: below 20 s, 40 s,
	// … 320 s (supervisor: tunnelRetryDuration).
	queueBase = 10 * time.Second
	// retryAfterFloor is the least that an edge's retryAfter is taken for. Ours alone: cloudflared ignores retryAfter.
	// Without it an edge could ask for a handshake in every round trip.
	retryAfterFloor = time.Second

	// bannerEvery is how many failed post-quantum dials share an explanatory banner: it comes at the first, the
	// seventh, … (2022.9.1, handlePQTunnelError).
	bannerEvery = 6

	// How long a connection that has unregistered stays open when nothing is in flight: streams that the edge opened
	// before may still be on their way, and so may the end of the last response, which a close would drop. A loss is
	// repaired within three round trips. Ours alone: cloudflared lets the whole grace period pass.
	lingerRTTs = 3
	lingerMin  = 25 * time.Millisecond
)

// OwnWaitBelow, SharedWaitBelow and CalmBelow are the laws for those who simulate them. A connection's n-th wait in a row,
// counted from 1, is uniform below OwnWaitBelow; those but 0 then have their tunnel's wait, uniform below
// SharedWaitBelow, where n counts the tunnel's waits. That count begins anew when all are back and a time uniform below
// CalmBelow has passed.
func OwnWaitBelow(n, retries int) time.Duration { return retryBase << min(n, retries) }

// SharedWaitBelow is the shared one's: see OwnWaitBelow.
func SharedWaitBelow(n, retries int) time.Duration { return queueBase << min(n, retries) }

// CalmBelow is the shared law's rest after its n-th wait: see OwnWaitBelow.
func CalmBelow(n, retries int) time.Duration { return queueBase << (min(n, retries) + 2) }

// OwnDraws is what a connection of a connector with that Config.Seed draws its own waits from, uniform in [0, 1), and
// SharedDraws what the waits that its connections share, and their calm, are drawn from: for those who replay them.
func OwnDraws(seed uint64, index int) func() float64 { return newChance(seed, uint64(index)).float }

// SharedDraws are those of the shared waits: see OwnDraws.
func SharedDraws(seed uint64) func() float64 { return newChance(seed, queueDraws).float }

// backoff is one exponential law and how far it has come (cloudflared's retry.BackoffHandler, retrying for ever).
type backoff struct {
	base   time.Duration
	limit  int       // the largest exponent
	n      int       // the exponent of the last wait
	calmAt time.Time // from here on the law begins anew; zero: not planned
}

// next is the wait that comes now, uniform below the law's limit. random is uniform in [0, 1).
func (b *backoff) next(now time.Time, random float64) (wait, below time.Duration) {
	if !b.calmAt.IsZero() && !now.Before(b.calmAt) {
		b.n = 0
	}
	b.calmAt = time.Time{}
	b.n = min(b.n+1, b.limit)
	below = b.base << b.n
	return time.Duration(random * float64(below)), below
}

// reset begins the law anew: a connection of its own registered.
func (b *backoff) reset() { *b = backoff{base: b.base, limit: b.limit} }

// calm begins the law anew after a grace period, so that connections that come and go keep the longer waits
// (retry: SetGracePeriod; the period is uniform below base·2^(n+2)).
func (b *backoff) calm(now time.Time, random float64) {
	period := b.base << (b.n + 2)
	b.calmAt = now.Add(time.Duration(random * float64(period)))
}
