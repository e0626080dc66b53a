//go:build !race

// The race detector shuffles goroutines on purpose, and who of those that are ready at one instant writes first may move
// a datagram. `make exact` runs this without it.

package lab

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is marked as reproducible is the same in every run, under loss, too, on one core, as a worker has it: it takes
// pinned randomness and ticks that no datagram meets. Bytes are not: a signature's length is random.
func TestReproducibleMetricsAreTheSameInEveryRun(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, cell := range []Cell{
		{Offer: []string{"X25519"}, RTT: 100 * time.Millisecond, Loss: "10%"},
		{Offer: []string{"X25519MLKEM768"}, RTT: 20 * time.Millisecond, Loss: "5%"},
	} {
		once := func() []Result {
			all := trials(t, Job{Cell: cell, Seed: 3, Requests: []int{1000}}, 300)
			for i := range all {
				all[i].Bytes = [2]int{}
			}
			return all
		}
		first, second := once(), once()
		slow := 0
		for i := range first {
			require.Equal(t, first[i], second[i], "%v, trial %d", cell, i)
			if a := first[i].Answers; len(a) == 1 && a[0].Last > cell.RTT+time.Microsecond {
				slow++
			}
		}
		assert.Greater(t, slow, 5, "some requests met a loss")
	}
}
