package fleet

import (
	"crypto/tls"
	"fmt"
	"maps"
	"sync"
	"time"

	"pqbench/kex"
	"pqbench/loadgen"
	"pqbench/results"
	"pqbench/tunnel"
)

// Kind is what an event tells of.
type Kind uint8

// The kinds of event.
const (
	Dialed     Kind = iota + 1 // a dial ended, successful or not
	Registered                 // the edge accepted a registration
	Refused                    // the edge refused it, or did not answer
	Lost                       // a registered connection ended
)

// An Event is something that happened to one connection of a fleet. Times are nanoseconds since the clock's origin.
type Event struct {
	Kind  Kind
	Start int64 // Dialed, Registered and Refused: when it began
	At    int64
	// Member and Index name the connection; a dial does not know them.
	Member int32
	Index  uint8
	Group  tls.CurveID // Dialed: negotiated
	Class  string      // of a failure; empty for a success
	Detail string
}

// Sample is a dial as a sample: a handshake, which failed or not.
func (e Event) Sample() results.Sample {
	s := results.Sample{Intended: e.Start, Sent: e.Start, Completed: e.At, Class: e.Class, Detail: e.Detail}
	if g, ok := kex.ByID(e.Group); ok && e.Class == "" {
		s.Group = g.Label()
	}
	return s
}

// log collects events from the connectors' goroutines.
type log struct {
	clock  loadgen.Clock
	mu     sync.Mutex
	events []Event
	up     int // connections registered and not lost
	lost   int // losses so far
	dials  Dials
	wrong  error
}

// Dials are those of a fleet's life. They are counted where each begins, apart from the events, which tell of ends.
type Dials struct {
	Begun int
	// InProgress are when those began that have not ended, ns since the clock's origin, and how many at each instant.
	InProgress map[int64]int
}

func (l *log) begins(start time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dials.InProgress == nil {
		l.dials.InProgress = map[int64]int{}
	}
	l.dials.Begun++
	l.dials.InProgress[l.clock.At(start)]++
}

// ended takes a dial off those in progress. The caller holds the lock.
func (d *Dials) ended(start int64) {
	if d.InProgress[start]--; d.InProgress[start] <= 0 {
		delete(d.InProgress, start)
	}
}

func (l *log) add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e.Kind {
	case Dialed:
		l.dials.ended(e.Start)
	case Registered:
		l.up++
	case Lost:
		l.up--
		l.lost++
	}
	l.events = append(l.events, e)
}

// take returns the events so far and forgets them, and the dials at the same instant.
func (l *log) take() ([]Event, Dials) {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.events
	l.events = nil
	return events, Dials{l.dials.Begun, maps.Clone(l.dials.InProgress)}
}

// dialing watches the dials of an offer, and the group that each negotiates.
func (l *log) dialing(want tls.CurveID) *tunnel.Trace {
	return &tunnel.Trace{HandshakeBegins: l.begins, HandshakeDone: func(h tunnel.Handshake) {
		e := Event{Kind: Dialed, Start: l.clock.At(h.Start), At: l.clock.At(h.Done), Member: -1, Group: h.Group, Class: loadgen.Classify(h.Err)}
		if h.Err != nil {
			e.Detail = h.Err.Error()
		} else if h.Group != want {
			l.foreign(h.Group, want)
		}
		l.add(e)
	}}
}

func (l *log) foreign(got, want tls.CurveID) {
	g, _ := kex.ByID(got)
	w, _ := kex.ByID(want)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = fmt.Errorf("a connection negotiated %s (0x%04x) where %s was offered and expected", g.Label(), uint16(got), w.Label())
}

// member watches the registrations of a tunnel, and their end.
func (l *log) member(i int) *tunnel.Trace {
	return &tunnel.Trace{
		Registered: func(r tunnel.Registration) {
			e := Event{Kind: Registered, Start: l.clock.At(r.Start), At: l.clock.At(r.Done), Member: int32(i), Index: r.Index}
			if r.Err != nil {
				e.Kind, e.Class, e.Detail = Refused, loadgen.Classify(r.Err), r.Err.Error()
			}
			l.add(e)
		},
		ConnClosed: func(c tunnel.ConnClose) {
			if c.Registered {
				l.add(Event{Kind: Lost, At: l.clock.At(c.At), Member: int32(i), Index: c.Index, Class: loadgen.Classify(c.Err), Detail: c.Err.Error()})
			}
		},
	}
}
