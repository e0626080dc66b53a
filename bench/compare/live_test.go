package compare

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/bench/role"
)

// Arms that are measured at once all begin before any ends; those in turn begin when the one before has ended. Either way
// a failure names its arm.
func TestEach(t *testing.T) {
	broken := errors.New("broken")
	var done []int
	err := each(Experiment{}, []int{2, 0, 1}, func(a int) error {
		done = append(done, a)
		if a == 0 {
			return broken
		}
		return nil
	})
	assert.Equal(t, []int{2, 0}, done, "nobody's turn comes after a failure")
	require.ErrorIs(t, err, broken)
	var side sideError
	require.ErrorAs(t, err, &side)
	assert.Equal(t, Base, side.arm)

	together := Experiment{AtOnce: true}
	if !together.apart() {
		t.Skip("processes cannot be confined to cores here")
	}
	var all sync.WaitGroup
	all.Add(3)
	err = each(together, []int{2, 0, 1}, func(a int) error {
		all.Done()
		all.Wait() // for ever, unless all are at it
		if a == 1 {
			return broken
		}
		return nil
	})
	require.ErrorAs(t, err, &side)
	assert.Equal(t, Again, side.arm)
}

// Each arm has a file to itself for a round, whatever became of the original, and nothing is left of it.
func TestCopies(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	original := filepath.Join(t.TempDir(), "pqbench")
	require.NoError(t, os.WriteFile(original, []byte("program"), 0o700))
	l := &live{texts: map[string][]byte{}}
	programs := []role.Program{{Path: original, Env: []string{"a=b"}}, {Path: original}, {Path: original}}
	for range 2 {
		own, remove, err := l.copies(programs)
		require.NoError(t, err)
		seen := map[string]bool{}
		for a, p := range own {
			text, err := os.ReadFile(p.Path)
			require.NoError(t, err)
			assert.Equal(t, "program", string(text))
			assert.Equal(t, "pqbench", filepath.Base(p.Path), "a program may look at its name")
			assert.Equal(t, programs[a].Env, p.Env)
			seen[p.Path] = true
		}
		assert.Len(t, seen, 3)
		assert.NotContains(t, seen, original)
		remove()
		left, err := os.ReadDir(os.TempDir())
		require.NoError(t, err)
		assert.Empty(t, left)
		require.NoError(t, os.WriteFile(original, []byte("another"), 0o700))
	}
	stale, fresh := filepath.Join(os.TempDir(), copiesPattern+"1"), filepath.Join(os.TempDir(), copiesPattern+"2")
	for _, dir := range []string{stale, fresh} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "base"), 0o700))
	}
	require.NoError(t, os.Chtimes(stale, time.Time{}, time.Now().Add(-2*time.Hour)))
	tidy(os.TempDir())
	assert.NoDirExists(t, stale, "of one that was killed")
	assert.DirExists(t, fresh, "of another one that is running")
	_, _, err := l.copies([]role.Program{{Path: original + "-gone"}})
	require.ErrorContains(t, err, "copies of the programs")
}
