package compare

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/bench/role"
	"pqbench/results"
)

// A head that fails more often than its third is no pass; the same number of failures that are anybody's says nothing.
func TestFailedRounds(t *testing.T) {
	for _, c := range []struct {
		of   [arms]int
		told int  // warnings
		pass bool //
	}{
		{[arms]int{0, 0, 0}, 0, true},
		{[arms]int{0, 0, 1}, 1, true},
		{[arms]int{0, 0, 2}, 1, true},
		{[arms]int{0, 0, 3}, 1, false},
		{[arms]int{1, 1, 3}, 3, true},
		{[arms]int{3, 0, 0}, 1, true},
		{[arms]int{1, 0, 9}, 2, false},
		{[arms]int{0, 0, 6}, 1, false},
		{[arms]int{0, 0, 7}, 1, false},
	} {
		var f failed
		for a, n := range c.of {
			for range n {
				f.add("handshake", sideError{Arm(a), errors.New("boom\n  and more\n")})
			}
		}
		assert.Len(t, f.warnings(), c.told)
		found, no := f.finding()
		assert.Equal(t, c.pass, !no, "%v", c.of)
		if no {
			want := results.VerdictInconclusive
			if c.of[Head] >= 7 {
				want = results.VerdictRegressed
			}
			assert.Equal(t, want, found.Verdict)
			assert.InDelta(t, float64(c.of[Head]), *found.Head, 0)
			assert.Contains(t, f.warnings()[len(f.warnings())-1], "(the first, handshake: boom and more)")
		}
	}
}

// A turn that has no end is ended, and one that the user ended is not told as hanging.
func TestAHangIsEnded(t *testing.T) {
	e := Experiment{Count: 50, Concurrency: 8}
	hang := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := within(t.Context(), e, hang)
		require.ErrorContains(t, err, "it hangs: no end after 1m40s")
		assert.Equal(t, e.patience(), time.Since(start))

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Equal(t, context.Canceled, within(ctx, e, hang))
		require.NoError(t, within(t.Context(), e, func(context.Context) error { return nil }))
	})
	longer := Experiment{Count: 5000, Concurrency: 1}
	assert.Greater(t, longer.patience(), 5000*timeout, "no handshake that is waited for is longer than its time-out")
}

// script is a program that is none of ours.
func script(t *testing.T, text string) role.Program {
	path := filepath.Join(t.TempDir(), "pqbench")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700))
	return role.Program{Path: path}
}

// What a program cannot do is asked of the other side as well, and what fails twice is told with its side.
func TestMeasureOfOthers(t *testing.T) {
	plan, err := OpenPlan("")
	require.NoError(t, err)
	lacking, broken, absent := script(t, `echo 'unknown role "edge"' >&2; exit 1`), script(t, "echo boom >&2; exit 1"), role.Program{Path: filepath.Join(t.TempDir(), "gone")}
	measure := func(base, head role.Program) (*live, error) {
		l, err := newLive([]role.Program{base, base, head}, plan, 1)
		require.NoError(t, err)
		_, err = l.Round(t.Context(), "wire")
		return l, err
	}

	l, err := measure(lacking, lacking)
	var lack lackError
	require.ErrorAs(t, err, &lack)
	assert.True(t, lack.both)
	assert.Empty(t, l.failed.warnings(), "to lack something is no failure")

	for seed := range uint64(6) { // whoever is first
		l, err := newLive([]role.Program{lacking, lacking, broken}, plan, seed)
		require.NoError(t, err)
		if _, err = l.Round(t.Context(), "wire"); errors.As(err, &lack) {
			assert.False(t, lack.both, "the head has another fault")
		}
	}

	l, err = measure(broken, broken)
	require.ErrorContains(t, err, "boom")
	assert.Equal(t, 2, l.failed.count[Base]+l.failed.count[Again]+l.failed.count[Head], "it is tried twice")

	_, err = measure(absent, absent)
	require.ErrorIs(t, err, os.ErrNotExist)
}
