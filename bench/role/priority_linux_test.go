package role

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"pqbench/kex"
	"pqbench/loadgen"
)

// Every thread of a process that gives way is lowered, and nobody else's.
func TestGiveWay(t *testing.T) {
	policy := func(id int) uint32 {
		attr, err := unix.SchedGetAttr(id, 0)
		require.NoError(t, err)
		return attr.Policy
	}
	before := policy(0)
	require.NotEqual(t, uint32(unix.SCHED_IDLE), before)
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
		assert.Equal(t, uint32(unix.SCHED_IDLE), policy(id))
	}
	assert.Equal(t, before, policy(0))
}

// A host is crowded where more threads want to compute than it has cores.
func TestCrowded(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	for range 4 * runtime.NumCPU() {
		go func() {
			runtime.LockOSThread()
			for {
				select {
				case <-stop:
					return
				default:
					Hash(1000)
				}
			}
		}()
	}
	assert.Eventually(t, Crowded, 10*time.Second, time.Millisecond)
}
