package results

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRecorderMergesInOrder(t *testing.T) {
	const workers, each = 4, 1000
	r := NewRecorder(workers, each)
	for trial := range 3 { // the buffers are used again
		var wg sync.WaitGroup
		for worker := range workers {
			b := r.Worker(worker)
			wg.Go(func() {
				for i := range each {
					b.Add(Sample{Block: trial, Intended: int64(i / 2), Detail: fmt.Sprintf("%d.%d", worker, i)})
				}
			})
		}
		wg.Wait()
		got := r.Take()
		assert.Len(t, got, workers*each)
		var want []string
		for pair := 0; pair < each; pair += 2 { // equal times: by worker, then by the worker's own order
			for worker := range workers {
				want = append(want, fmt.Sprintf("%d.%d", worker, pair), fmt.Sprintf("%d.%d", worker, pair+1))
			}
		}
		for i, s := range got {
			if s.Detail != want[i] || s.Block != trial {
				t.Fatalf("trial %d, sample %d: got %s of block %d, want %s", trial, i, s.Detail, s.Block, want[i])
			}
		}
	}
	assert.Zero(t, r.Grown())
	assert.Empty(t, r.Take())
}

func TestRecorderGrows(t *testing.T) {
	r := NewRecorder(2, 10)
	add := func(n int) {
		for i := range n {
			r.Worker(1).Add(Sample{Intended: int64(i)})
		}
	}
	add(10)
	assert.Zero(t, r.Grown(), "ten fit")
	add(10 + 2*extent)
	assert.Equal(t, 3, r.Grown())
	assert.Equal(t, 20+2*extent, r.Worker(1).Len())
	assert.Len(t, r.Take(), 20+2*extent)
	add(20 + 2*extent)
	assert.Equal(t, 3, r.Grown(), "the next trial of the same size fits")
	assert.Len(t, r.Take(), 20+2*extent)

	r = NewRecorder(0, 0) // at least one of each
	r.Worker(0).Add(Sample{})
	assert.Len(t, r.Take(), 1)
}

func TestAddDoesNotAllocate(t *testing.T) {
	b := NewRecorder(1, 2000).Worker(0)
	s := Sample{Experiment: "handshake", Group: "X25519"}
	assert.Zero(t, testing.AllocsPerRun(1000, func() { b.Add(s) }))
}

func BenchmarkAdd(b *testing.B) {
	r := NewRecorder(1, 1<<16)
	buffer := r.Worker(0)
	n := 0
	for b.Loop() {
		if n++; n > 1<<16 {
			n = 1
			buffer.reset()
		}
		buffer.Add(Sample{Intended: int64(n)})
	}
}
