package lab

import (
	"slices"
	"time"

	"pqbench/bench/lab/link"
)

// An Explanation is what the time of a handshake was spent on, along the one chain of causes that ends with its
// completion. The parts add up to the whole, to the nanosecond.
type Explanation struct {
	Propagation   time.Duration // the delay of the path, once for each time it was crossed
	Serialisation time.Duration // size by rate
	Queueing      time.Duration // behind other datagrams
	Jitter        time.Duration // on top of the delay, reordering included
	Computing     time.Duration // where the lab charges it
	Cores         time.Duration // waiting for one of the server's
	Timers        time.Duration // an end that had nothing to react to, and waited: probe time-outs, mostly
	Crossings     int           // how many times the path was crossed
	Waits         int           // how many timers ran out
}

// Sum is the whole.
func (e Explanation) Sum() time.Duration {
	return e.Propagation + e.Serialisation + e.Queueing + e.Jitter + e.Computing + e.Cores + e.Timers
}

// Explain walks back from done, when the client was complete, to began, when it started; both since the record began.
//
// An end acts for one of two reasons: a datagram arrived at that very instant, or a timer ran out, which was set when
// the end last received or sent something. (Computing takes no time here, but for the spells that are given: after one
// of these an end acts because of what it began for.) The first leads over the path to the other end, the second to an
// earlier instant at the same one.
func Explain(events []link.Event, began, done time.Duration, path link.Path, spells ...spell) Explanation {
	var e Explanation
	w := walker{events: events, delay: [2]time.Duration{path.Up.Delay, path.Down.Delay}}
	at, server := done, false
	for at > began {
		if i := slices.IndexFunc(spells, func(s spell) bool { return s.done == at && (s.end == link.Down) == server }); i >= 0 {
			s := spells[i]
			e.Computing += s.done - s.began
			e.Cores += s.began - s.asked
			at = s.asked
			continue
		}
		if cause := w.arrival(at, server); cause != nil {
			e.cross(*cause, w.delay[cause.Dir])
			at, server = cause.Sent, cause.Dir == link.Down
			continue
		}
		before := max(w.before(at, server), began)
		e.Timers += at - before
		if at-before > scheduling {
			e.Waits++
		}
		at = before
	}
	return e
}

// scheduling is what an end may take to act without having waited: the record spaces datagrams by nanoseconds.
const scheduling = time.Microsecond

// cross adds a datagram's way over the path.
func (e *Explanation) cross(d link.Event, delay time.Duration) {
	e.Queueing += d.Began - d.Sent
	e.Serialisation += d.Left - d.Began
	e.Propagation += delay
	e.Jitter += d.Arrived - d.Left - delay
	e.Crossings++
}

// walker finds the events of one end.
type walker struct {
	events []link.Event
	delay  [2]time.Duration // by link.Dir
}

// arrival is the datagram that arrived at an end at that instant; nil when none did.
func (w walker) arrival(at time.Duration, server bool) *link.Event {
	for i := range w.events {
		if d := &w.events[i]; d.Fate == link.Delivered && d.Arrived == at && (d.Dir == link.Up) == server {
			return d
		}
	}
	return nil
}

// before is when an end last received or sent something earlier than at; 0 when it never did.
func (w walker) before(at time.Duration, server bool) (last time.Duration) {
	for _, d := range w.events {
		switch sentHere := (d.Dir == link.Down) == server; {
		case sentHere && d.Sent < at:
			last = max(last, d.Sent)
		case !sentHere && d.Fate == link.Delivered && d.Arrived < at:
			last = max(last, d.Arrived)
		}
	}
	return last
}
