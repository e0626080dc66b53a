package lab

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/kex"
	"pqbench/results"
)

// A trial that ends its worker has that for a result, and nothing else is lost: another worker makes the rest.
func TestWorkersThatEndAreReplaced(t *testing.T) {
	if kex.Fixed() == "" {
		require.NoError(t, kex.Fix(kex.Go))
	}
	cell := Cell{Offer: []string{"X25519"}, RTT: 10 * time.Millisecond, Loss: "0", Accept: "all", Cert: "ecdsa-p256"}
	jobs := []Job{{Cell: cell, From: 0, Count: 4}, {Cell: cell, From: 4, Count: 4}, {Cell: cell, From: 8, Count: 4}}
	all := make([]Result, 12)
	err := pool(t.Context(), hireWorker, jobs, 2, func(i int, batch []Result) error {
		require.Len(t, batch, jobs[i].Count)
		copy(all[jobs[i].From:], batch)
		return nil
	})
	require.NoError(t, err)
	for i, r := range all {
		switch i {
		case failing:
			assert.Contains(t, r.Ended, "cannot make this trial")
		case deadlocked:
			assert.Regexp(t, "^panic: deadlock", r.Ended)
		default:
			assert.Empty(t, r.Ended)
			assert.Equal(t, "X25519", r.Group, "trial %d", i)
		}
	}
}

// An ended trial is a failure without a time; a program that is broken altogether ends the run.
func TestEndedTrialsAreFailures(t *testing.T) {
	sample, trial := record(Result{Ended: "panic: deadlock"})
	assert.Equal(t, results.Sample{Class: results.ClassOther, Detail: "panic: deadlock"}, sample)
	assert.Equal(t, 1, trial.Failed)
	assert.Empty(t, trial.Values, "no time, which would be a fast one")

	r := &run{manifest: results.Manifest{Arms: []results.ArmOf{{Experiment: Paths, Arm: results.Arm{Group: "X25519"}}}}}
	for i := range mostEnded {
		require.NoError(t, r.note(&cellOf{}, i, Result{Ended: "panic: deadlock"}))
	}
	require.Len(t, r.manifest.Warnings, mostEnded)
	assert.Equal(t, "paths, group=X25519: trial 3 has no result, its worker ended: panic: deadlock", r.manifest.Warnings[3])
	require.ErrorContains(t, r.note(&cellOf{}, 0, Result{Ended: "panic: deadlock"}), "panic: deadlock")
	require.NoError(t, r.note(&cellOf{}, 0, Result{}))
}

// idler works until it is killed.
type idler struct {
	killed chan struct{}
	once   sync.Once
}

func (h *idler) do(Job) ([]Result, error) {
	<-h.killed
	return nil, &endedError{"killed"}
}
func (h *idler) kill() { h.once.Do(func() { close(h.killed) }) }
func (h *idler) stop() {}

// Who ends a run does not wait for its workers, and no new ones are hired for what they did not finish.
func TestPoolEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	hired := 0
	hire := func() (hand, error) {
		mu.Lock()
		defer mu.Unlock()
		if hired++; hired == 2 {
			cancel()
		}
		return &idler{killed: make(chan struct{})}, nil
	}
	err := pool(ctx, hire, slices.Repeat([]Job{{Count: 3}}, 9), 2, func(int, []Result) error { return errors.New("nothing is done") })
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 2, hired)
}
