package results

import (
	"cmp"
	"slices"
)

// A Recorder keeps the samples of a trial while it runs: a Buffer per worker, filled without locks, formatting or
// channels, merged when the trial is over. It is reused from trial to trial.
type Recorder struct {
	buffers []*Buffer
}

// NewRecorder makes a recorder for so many workers, with room for capacityEach samples in the buffer of each. Both are
// at least 1.
func NewRecorder(workers, capacityEach int) *Recorder {
	r := &Recorder{buffers: make([]*Buffer, max(workers, 1))}
	for i := range r.buffers {
		r.buffers[i] = &Buffer{current: make([]Sample, 0, max(capacityEach, 1))}
	}
	return r
}

// Worker is the buffer of worker i, counted from 0. It belongs to that worker alone until Take.
func (r *Recorder) Worker(i int) *Buffer { return r.buffers[i] }

// Take returns what all workers recorded, and empties the buffers for the next trial. No worker may be adding. The
// order is that of the intended times, and of the workers and their own order where those are equal.
func (r *Recorder) Take() []Sample {
	n := 0
	for _, b := range r.buffers {
		n += b.Len()
	}
	all := make([]Sample, 0, n)
	for _, b := range r.buffers {
		all = b.appendTo(all)
		b.reset()
	}
	slices.SortStableFunc(all, func(a, b Sample) int { return cmp.Compare(a.Intended, b.Intended) })
	return all
}

// Grown is how often, over the recorder's life, a worker had to make room while it was measuring. It should be zero:
// otherwise the capacity was too small, and the samples after each of them waited for an allocation.
func (r *Recorder) Grown() int {
	n := 0
	for _, b := range r.buffers {
		n += b.grown
	}
	return n
}

// extent is how many samples a full buffer makes room for at a time: little enough (about 40 kB) that the pause stays
// at a few microseconds. What is there already is never copied.
const extent = 256

// A Buffer keeps the samples of one worker. Only one goroutine may use it at a time.
type Buffer struct {
	current []Sample // being filled
	first   []Sample // the preallocated one, once it is full
	full    [][]Sample
	grown   int
	// Neighbouring buffers must not share a cache line: their lengths change with every sample.
	_ [128]byte
}

// Add records a sample.
func (b *Buffer) Add(s Sample) {
	if len(b.current) == cap(b.current) {
		b.grow()
	}
	b.current = append(b.current, s)
}

// Len is how many samples are held.
func (b *Buffer) Len() int {
	n := len(b.first) + len(b.current)
	for _, f := range b.full {
		n += len(f)
	}
	return n
}

func (b *Buffer) grow() {
	if b.first == nil {
		b.first = b.current
	} else {
		b.full = append(b.full, b.current)
	}
	b.current = make([]Sample, 0, extent)
	b.grown++
}

// appendTo appends the samples in the order in which they were added.
func (b *Buffer) appendTo(all []Sample) []Sample {
	all = append(all, b.first...)
	for _, f := range b.full {
		all = append(all, f...)
	}
	return append(all, b.current...)
}

// reset forgets the samples, keeps the preallocated room, and enlarges it to what the last trial turned out to need.
func (b *Buffer) reset() {
	if b.first != nil {
		b.current = make([]Sample, 0, b.Len())
		b.first, b.full = nil, nil
	}
	// The texts of failures would otherwise stay in memory until they are overwritten.
	clear(b.current)
	b.current = b.current[:0]
}
