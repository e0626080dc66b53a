package fleet

import (
	"cmp"
	"math"
	"slices"
	"time"

	"pqbench/results"
)

// A Course is how a fleet came back after an outage.
type Course struct {
	// Back50, Back99 and Back100 are when so many per cent of the lost connections were registered again, ns since the
	// clock's origin; 0 when that did not happen.
	Back50, Back99, Back100 int64
	Back                    int // registered again at the end
	Dials                   int // ended, successful or not
	// Unregistered are dials that succeeded and never came to a registration, and LostAgain connections that ended after they
	// were back.
	Unregistered, LostAgain int
	// Most is the most handshakes that were in progress at an instant.
	Most int
	// Line is the course in steps of Step from the outage on.
	Line Line
	Step time.Duration
}

// A Line is a course over time. Every slice has a value for each step.
type Line struct {
	Completed  []float64 // handshakes that completed in the step
	Failed     []float64 // that failed in it
	InProgress []float64 // handshakes in progress at its end
	Back       []float64 // connections registered again at its end
}

// Step is the resolution of a course's time line.
const Step = 100 * time.Millisecond

// Follow computes the course of a storm from the events since the outage began, where lost connections have to come
// back. It is pure: the same events give the same course.
func Follow(events []Event, outage int64, lost int) Course {
	events = slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return e.At < outage })
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	c := Course{Step: Step, Most: most(events, outage)}
	if len(events) == 0 {
		return c
	}
	c.Line = newLine(int((events[len(events)-1].At-outage)/int64(Step)) + 1)
	type connection struct {
		member int32
		index  uint8
	}
	up := map[connection]bool{} // registered since the outage: another loss takes it away again
	succeeded, registered := 0, 0
	for _, e := range events {
		step := int((e.At - outage) / int64(Step))
		who := connection{e.Member, e.Index}
		switch e.Kind {
		case Dialed:
			c.dialed(e, max(0, int((e.Start-outage)/int64(Step))), step)
			if e.Class == "" {
				succeeded++
			}
		case Registered:
			registered++
			up[who] = true
			c.arrived(e.At, len(up), lost)
		case Lost:
			if up[who] {
				c.LostAgain++
			}
			delete(up, who)
		}
		c.Line.Back[step] = float64(len(up))
	}
	c.Back = len(up)
	c.Unregistered = max(succeeded-registered, 0) // a dial of before the outage may register in it
	c.Line.fill()
	return c
}

func newLine(steps int) Line {
	back := make([]float64, steps)
	for i := range back {
		back[i] = math.NaN() // nothing happened
	}
	return Line{make([]float64, steps), make([]float64, steps), make([]float64, steps), back}
}

// fill turns changes into levels.
func (l *Line) fill() {
	back, inProgress := 0.0, 0.0
	for i := range l.Back {
		if math.IsNaN(l.Back[i]) {
			l.Back[i] = back
		}
		back = l.Back[i]
		inProgress += l.InProgress[i]
		l.InProgress[i] = inProgress
	}
}

func (c *Course) dialed(e Event, began, ended int) {
	c.Dials++
	c.Line.InProgress[began]++
	c.Line.InProgress[ended]--
	if e.Class == "" {
		c.Line.Completed[ended]++
		return
	}
	c.Line.Failed[ended]++
}

// most counts the dials up where they begin and down where they end.
func most(events []Event, outage int64) (most int) {
	type change struct {
		at int64
		by int
	}
	var changes []change
	for _, e := range events {
		if e.Kind == Dialed {
			changes = append(changes, change{max(e.Start, outage), 1}, change{e.At, -1})
		}
	}
	// What ends where another begins is not beside it.
	slices.SortFunc(changes, func(a, b change) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.by, b.by)) })
	inProgress := 0
	for _, c := range changes {
		inProgress += c.by
		most = max(most, inProgress)
	}
	return most
}

// arrived notes the first time that a share of the lost connections is back.
func (c *Course) arrived(at int64, back, lost int) {
	for _, mark := range []struct {
		when  *int64
		share float64
	}{{&c.Back50, 0.50}, {&c.Back99, 0.99}, {&c.Back100, 1}} {
		if *mark.when == 0 && float64(back) >= mark.share*float64(lost) {
			*mark.when = at
		}
	}
}

// Peak is the highest number of handshakes completed within a second, at any time.
func (c *Course) Peak() float64 {
	window, sum, peak := int(time.Second/c.Step), 0.0, 0.0
	for i, n := range c.Line.Completed {
		sum += n
		if i >= window {
			sum -= c.Line.Completed[i-window]
		}
		peak = max(peak, sum)
	}
	return peak
}

// Series is the time line for a run folder; it begins at the outage.
func (c *Course) Series(outage int64) *results.Series {
	return &results.Series{Start: outage, Step: int64(c.Step), Values: map[string][]float64{
		"handshakes": c.Line.Completed, "failed": c.Line.Failed, "in_progress": c.Line.InProgress, "back": c.Line.Back,
	}}
}
