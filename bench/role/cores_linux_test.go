package role

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"pqbench/kex"
	"pqbench/loadgen"
)

// A program is started on the cores that it is given, and whoever starts it keeps all of its own.
func TestCoresOfAProgram(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("needs two cores")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &before))
	var seen [2]unix.CPUSet
	for i := range seen {
		p, err := Program{Cores: &CoresArgs{First: i, Count: 1}}.Start(t.Context(), Origin, kex.Go, loadgen.NewClock())
		require.NoError(t, err)
		require.NoError(t, unix.SchedGetaffinity(p.PID(), &seen[i]))
		p.Stop()
		assert.Equal(t, 1, seen[i].Count())
	}
	assert.NotEqual(t, seen[0], seen[1])
	require.NoError(t, unix.SchedGetaffinity(0, &after))
	assert.Equal(t, before, after)

	_, err := Program{Cores: &CoresArgs{First: 4096, Count: 1}}.Start(t.Context(), Origin, kex.Go, loadgen.NewClock())
	require.ErrorContains(t, err, "core 4096: the process may use")
	require.NoError(t, unix.SchedGetaffinity(0, &after))
	assert.Equal(t, before, after)
}
