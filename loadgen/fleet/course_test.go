package fleet

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"pqbench/results"
)

func at(d time.Duration) int64 { return int64(d) }

func dial(start, end time.Duration, class string) Event {
	return Event{Kind: Dialed, Start: at(start), At: at(end), Member: -1, Class: class, Group: tls.X25519}
}

func registered(end time.Duration, member int32, index uint8) Event {
	return Event{Kind: Registered, At: at(end), Member: member, Index: index}
}

// Ten connections are lost at 1 s; the log also has what came before, and is not in order.
func TestFollow(t *testing.T) {
	events := []Event{
		dial(0, 500*time.Millisecond, ""), registered(600*time.Millisecond, 0, 0), // before the outage
		{Kind: Lost, At: at(time.Second), Member: 0, Index: 0},
		dial(1050*time.Millisecond, 1250*time.Millisecond, ""),
		dial(1050*time.Millisecond, 2020*time.Millisecond, results.ClassTimeout),
	}
	for i := range 10 {
		events = append(events, registered(1300*time.Millisecond+time.Duration(i)*100*time.Millisecond, int32(i), 0))
	}
	events = append(events,
		Event{Kind: Lost, At: at(2150 * time.Millisecond), Member: 3}, // of those that were back
		registered(2500*time.Millisecond, 3, 0))
	c := Follow(events, at(time.Second), 10)
	assert.Equal(t, at(1700*time.Millisecond), c.Back50)
	assert.Equal(t, c.Back100, c.Back99, "99 % of ten are all ten")
	assert.Equal(t, at(2500*time.Millisecond), c.Back100, "one was lost again before the last came")
	assert.Equal(t, 10, c.Back)
	assert.Equal(t, 1, c.LostAgain, "the loss that began the storm is none of them")
	assert.Zero(t, c.Unregistered)
	assert.Equal(t, 2, c.Dials, "the dial before the outage is not of the storm")
	assert.Equal(t, []float64{2, 2, 1, 1}, c.Line.InProgress[:4])
	assert.Equal(t, 0.0, c.Line.InProgress[len(c.Line.InProgress)-1])
	assert.Equal(t, 1.0, c.Line.Completed[2])
	assert.Equal(t, 1.0, c.Line.Failed[10])
	assert.Equal(t, []float64{0, 0, 0, 1, 2, 3}, c.Line.Back[:6])
	assert.Equal(t, 2, c.Most)
	assert.Equal(t, 1.0, c.Peak())
	assert.Len(t, c.Line.Back, 16, "until the last event")
}

func TestFollowWithoutAReturn(t *testing.T) {
	c := Follow([]Event{{Kind: Lost, At: 5}}, 0, 1)
	assert.Zero(t, c.Back50)
	assert.Zero(t, c.Back)
	c = Follow(nil, 0, 1)
	assert.Zero(t, c.Most)
	assert.Zero(t, c.Peak())
	assert.Zero(t, c.Dials)
}

// A dial can succeed, and the registration over it not.
func TestUnregistered(t *testing.T) {
	const ms = time.Millisecond
	c := Follow([]Event{
		dial(0, 100*ms, ""), registered(200*ms, 0, 0),
		dial(0, 300*ms, ""), {Kind: Refused, At: at(400 * ms), Class: results.ClassRefused},
		dial(0, 500*ms, ""),
		dial(0, 600*ms, results.ClassTimeout),
	}, 0, 3)
	assert.Equal(t, 2, c.Unregistered)
	assert.Zero(t, c.LostAgain)
}

// The most dials in progress is of an instant, however short; what ends where another begins is not beside it.
func TestMostInProgressIsOfAnInstant(t *testing.T) {
	const ms = time.Millisecond
	c := Follow([]Event{
		dial(500*ms, 1010*ms, ""), dial(1001*ms, 1003*ms, ""), dial(1002*ms, 1004*ms, ""), // all within one step
		dial(1004*ms, 1005*ms, ""), dial(1010*ms, 1300*ms, ""),
	}, at(time.Second), 5)
	assert.Equal(t, 3, c.Most)
	assert.Equal(t, 1.0, c.Line.InProgress[0], "at the end of the step")
}

// A peak is over a whole second, wherever that begins.
func TestPeakIsOfASecond(t *testing.T) {
	var events []Event
	for i := range 30 {
		events = append(events, dial(0, time.Duration(i)*100*time.Millisecond, ""))
	}
	events = append(events, dial(0, 2050*time.Millisecond, ""), dial(0, 2060*time.Millisecond, ""))
	c := Follow(events, 0, 1)
	assert.Equal(t, 12.0, c.Peak())
	assert.Equal(t, 1, int(c.Line.Completed[0]))
	assert.EqualValues(t, 100*time.Millisecond, c.Series(7).Step)
	assert.EqualValues(t, 7, c.Series(7).Start)
}

// Going on where nothing has happened keeps the level.
func TestALevelStaysWhereNothingHappens(t *testing.T) {
	c := Follow([]Event{registered(0, 0, 0), registered(time.Second, 1, 0)}, 0, 2)
	assert.Equal(t, []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2}, c.Line.Back)
}

func TestADialIsASample(t *testing.T) {
	s := dial(1, 3, "").Sample()
	assert.Equal(t, results.Sample{Intended: 1, Sent: 1, Completed: 3, Group: "X25519"}, s)
	s = dial(1, 3, results.ClassRefused).Sample()
	assert.Empty(t, s.Group)
	assert.Equal(t, results.ClassRefused, s.Class)
}
