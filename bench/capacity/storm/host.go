package storm

import "container/heap"

// A host has cores that take handshakes first come, first served. It is told of arrivals in order of time, so that when
// a handshake is done is known at its arrival.
type host struct {
	free times // when each core is next free
	// What admission asks for: the ends of the computations that queue or run, and, of the handshakes that are half open, the
	// ends as far as they are known and the number of the others.
	ends, over times
	open       int
}

// times is a heap, the earliest first.
type times []int64

func (t times) Len() int           { return len(t) }
func (t times) Less(i, j int) bool { return t[i] < t[j] }
func (t times) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *times) Push(v any)        { *t = append(*t, v.(int64)) }
func (t *times) Pop() any {
	n := len(*t) - 1
	v := (*t)[n]
	*t = (*t)[:n]
	return v
}

// begin gives the core that is free first to a handshake that arrives now.
func (h *host) begin(now, service int64) (start, end int64) {
	start = max(now, h.free[0])
	end = start + service
	h.free[0] = end
	heap.Fix(&h.free, 0)
	return start, end
}

// enter counts a handshake that is computed until an end, and half open for longer.
func (h *host) enter(end int64) {
	heap.Push(&h.ends, end)
	h.open++
}

// close says when a handshake that entered is half open no more.
func (h *host) close(at int64) {
	h.open--
	heap.Push(&h.over, at)
}

// waiting is how many handshakes queue or are computed now.
func (h *host) waiting(now int64) int { return h.ends.after(now) }

// halfOpen is how many handshakes have begun and are neither complete nor given up now.
func (h *host) halfOpen(now int64) int { return h.open + h.over.after(now) }

// after is how many times are left once those until now are gone.
func (t *times) after(now int64) int {
	for len(*t) > 0 && (*t)[0] <= now {
		heap.Pop(t)
	}
	return len(*t)
}
