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

// First requests of 1 kB are the same in every run, under loss, too, on one core, as a worker has it: it takes pinned
// randomness and ticks that no datagram meets.
func TestFirstRequestsAreTheSameInEveryRun(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	type exact struct {
		handshake, registered time.Duration
		datagrams             [2]int
		answers               []Answer
	}
	for _, cell := range []Cell{
		{Offer: []string{"X25519"}, RTT: 100 * time.Millisecond, Loss: "10%"},
		{Offer: []string{"X25519MLKEM768"}, RTT: 20 * time.Millisecond, Loss: "5%"},
	} {
		once := func() (all []exact) {
			for _, r := range trials(t, Job{Cell: cell, Seed: 3, Requests: []int{1000}}, 300) {
				all = append(all, exact{r.Handshake, r.Registered, r.Datagrams, r.Answers})
			}
			return all
		}
		first, second := once(), once()
		slow := 0
		for i := range first {
			require.Equal(t, first[i], second[i], "%v, trial %d", cell, i)
			if len(first[i].answers) == 1 && first[i].answers[0].Last > cell.RTT+time.Microsecond {
				slow++
			}
		}
		assert.Greater(t, slow, 5, "some requests met a loss")
	}
}
