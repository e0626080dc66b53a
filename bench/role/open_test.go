package role

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/loadgen"
	"pqbench/results"
)

// However many processes share a schedule, each instant is one process's, and their replies merge into all of it.
func TestProcessesShareAScheduleWithoutLoss(t *testing.T) {
	at, err := loadgen.Schedule([]loadgen.Phase{{Name: "all", Time: time.Second, From: 1000, To: 1000, Poisson: true}}, 7)
	require.NoError(t, err)
	for _, of := range []int{1, 2, 3, 7} {
		var replies []TrialReply
		for share := range of {
			reply := TrialReply{Dropped: 1, Started: int64(share), Finished: int64(100 - share), Usage: Usage{CPU: 5}}
			for _, instant := range every(at, share, of) {
				reply.Samples = append(reply.Samples, results.Sample{Intended: instant})
				reply.Scheduled++
			}
			replies = append(replies, reply)
		}
		all := Merge(replies)
		var merged []int64
		for _, s := range all.Samples {
			merged = append(merged, s.Intended)
		}
		assert.Equal(t, at, merged, "%d processes", of)
		assert.Equal(t, len(at), all.Scheduled)
		assert.Equal(t, of, all.Dropped)
		assert.Zero(t, all.Started)
		assert.EqualValues(t, 100, all.Finished)
		assert.EqualValues(t, 5*of, all.Usage.CPU)
	}
}

// A generator takes so much more memory for being punctual, and not a multiple of what it has.
func TestSparing(t *testing.T) {
	for live, want := range map[uint64]int{0: 1600, 4 << 20: 1600, 32 << 20: 400, 128 << 20: 100, 8 << 30: 100} {
		assert.Equal(t, want, sparing(live), "%d MiB", live>>20)
	}
}
