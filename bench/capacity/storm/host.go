package storm

import "container/heap"

// A host has cores that take handshakes first come, first served. It is told of arrivals in order of time, so that when
// a handshake is done is known at its arrival.
type host struct {
	free times // when each core is next free
	ends times // of the handshakes in progress, where admission asks for their number
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

// enter counts a handshake in progress.
func (h *host) enter(end int64) { heap.Push(&h.ends, end) }

// inProgress is how many handshakes queue or are computed now.
func (h *host) inProgress(now int64) int {
	for len(h.ends) > 0 && h.ends[0] <= now {
		heap.Pop(&h.ends)
	}
	return len(h.ends)
}
