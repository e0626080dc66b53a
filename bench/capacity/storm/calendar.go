package storm

import (
	"math"
	"slices"
)

// A calendar holds the next event of each of a fixed number of things, in order of time: a calendar queue (Brown,
// 1988) whose days are lists through two arrays, so that an event costs twelve bytes and no allocation. Things that
// fall due at the same time come in the order of their numbers, whatever order they were entered in.
type calendar struct {
	day  int64   // length of one, ns
	at   []int64 // by thing: when it is due
	next []int32 // by thing: the next one of the same day; last ends a list
	days []int32 // by day, modulo their number: the first thing of its list

	today int64   // the day whose events are being taken
	due   []int32 // today's that are left, sorted, the earliest last
	left  int     // entered and not taken
}

const last int32 = -1

// newCalendar is for things 0 to n−1. Days should hold a few events each, and all days together the time that events
// are usually entered ahead; what lies further ahead costs a look in every round.
func newCalendar(n int, day int64, days int) *calendar {
	c := &calendar{day: day, at: make([]int64, n), next: make([]int32, n), days: make([]int32, days), today: -1}
	for i := range c.days {
		c.days[i] = last
	}
	return c
}

// enter plans a thing, which must not be planned already, for a time no earlier than the one taken last.
func (c *calendar) enter(thing int32, at int64) {
	c.at[thing] = at
	c.left++
	if at/c.day <= c.today {
		i, _ := slices.BinarySearchFunc(c.due, thing, c.later)
		c.due = slices.Insert(c.due, i, thing)
		return
	}
	list := &c.days[at/c.day%int64(len(c.days))]
	c.next[thing], *list = *list, thing
}

// later sorts the latest first.
func (c *calendar) later(a, b int32) int {
	switch {
	case c.at[a] > c.at[b]:
		return -1
	case c.at[a] < c.at[b]:
		return 1
	}
	return int(b) - int(a)
}

// take is the earliest event; ok is false when there is none.
func (c *calendar) take() (thing int32, at int64, ok bool) {
	if c.left == 0 {
		return 0, 0, false
	}
	for rounds := 0; len(c.due) == 0; rounds++ {
		if rounds > len(c.days) {
			c.skip()
			rounds = 0
		}
		c.turn()
	}
	thing = c.due[len(c.due)-1]
	c.due = c.due[:len(c.due)-1]
	c.left--
	return thing, c.at[thing], true
}

// turn goes to the next day and sorts its events. Those of a later round stay in the list.
func (c *calendar) turn() {
	c.today++
	list := &c.days[c.today%int64(len(c.days))]
	thing := *list
	*list = last
	for thing != last {
		following := c.next[thing]
		if c.at[thing]/c.day == c.today {
			c.due = append(c.due, thing)
		} else {
			c.next[thing], *list = *list, thing
		}
		thing = following
	}
	slices.SortFunc(c.due, c.later)
}

// skip goes to just before the first day that has an event: a round of empty days is better jumped than walked.
func (c *calendar) skip() {
	first := int64(math.MaxInt64)
	for _, thing := range c.days {
		for ; thing != last; thing = c.next[thing] {
			first = min(first, c.at[thing]/c.day)
		}
	}
	c.today = first - 1
}
