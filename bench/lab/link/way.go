package link

import "time"

// A way is one direction at work.
type way struct {
	Direction
	draws draws
	chain chain
	sent  int // datagrams so far

	waiting []waiting       // for the rate, in order
	queued  int             // bytes of these, headers counted
	free    time.Duration   // when the link will have serialised everything it took
	last    time.Duration   // arrival of the last datagram that keeps the order
	overdue []time.Duration // arrivals of datagrams that later ones may overtake
}

// waiting is a datagram in the queue.
type waiting struct {
	began time.Duration // when it leaves the queue
	size  int           // headers counted
}

func newWay(d Direction, rtt time.Duration, draws draws) *way {
	d = d.withDefaults(rtt)
	return &way{Direction: d, draws: draws, chain: d.Loss.chain()}
}

// carry takes e.Size bytes at e.Sent and says in e what becomes of them, and when. It reports whether they arrive.
func (w *way) carry(e *Event, chance draw, lost bool) bool {
	if e.Size > w.MTU {
		e.Fate = TooBig
		return false
	}
	w.leave(e.Sent)
	begin := max(e.Sent, w.free)
	if size := e.Size + Headers; begin > e.Sent && w.Rate > 0 {
		if w.queued+size > w.Queue {
			e.Fate = QueueFull
			return false
		}
		w.waiting = append(w.waiting, waiting{begin, size})
		w.queued += size
	}
	w.free = begin + w.serialisation(e.Size)
	e.Began, e.Left = begin, w.free
	if lost { // it took its time on the link all the same
		e.Fate = Lost
		return false
	}
	e.Arrived = w.arrival(e, chance)
	return true
}

// leave takes what has begun to be serialised by now out of the queue.
func (w *way) leave(now time.Duration) {
	gone := 0
	for gone < len(w.waiting) && w.waiting[gone].began <= now {
		w.queued -= w.waiting[gone].size
		gone++
	}
	w.waiting = w.waiting[:copy(w.waiting, w.waiting[gone:])]
}

// arrival is when a datagram that left arrives: never at the instant of another, and after those before it unless they
// are late.
func (w *way) arrival(e *Event, chance draw) time.Duration {
	skew := min(time.Duration(e.N+1)*Spacing, MaxSkew)
	at := e.Left + w.Delay + skew + time.Duration(chance.jitter*float64(w.Jitter))
	if chance.reorder < w.Reorder {
		at = w.unused(max(at, w.last+Spacing) + w.Delay/4)
		w.overdue = append(w.overdue, at)
		return at
	}
	w.last = w.unused(max(at, w.last+Spacing))
	return w.last
}

// unused returns the first instant from at on at which no late datagram arrives.
func (w *way) unused(at time.Duration) time.Duration {
	kept := w.overdue[:0]
	for _, o := range w.overdue {
		if o >= w.last {
			kept = append(kept, o)
		}
	}
	w.overdue = kept
	for i := 0; i < len(w.overdue); i++ {
		if w.overdue[i] == at {
			at, i = at+Spacing, -1
		}
	}
	return at
}
