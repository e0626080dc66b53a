package role

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"pqbench/kex"
	"pqbench/loadgen"
)

// Every thread of a process that gives way is lowered, and nobody else's.
func TestGiveWay(t *testing.T) {
	nice := func(id int) int {
		raw, err := unix.Getpriority(unix.PRIO_PROCESS, id)
		require.NoError(t, err)
		return 20 - raw
	}
	before := nice(0)
	p, err := Start(t.Context(), Origin, kex.Go, loadgen.NewClock())
	require.NoError(t, err)
	defer p.Stop()
	require.NoError(t, p.Call(t.Context(), "GiveWay", None{}, &None{}))
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.PID()))
	require.NoError(t, err)
	assert.NotEmpty(t, threads)
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		require.NoError(t, err)
		assert.Equal(t, min(before+lower, 19), nice(id))
	}
	assert.Equal(t, before, nice(0))
}
