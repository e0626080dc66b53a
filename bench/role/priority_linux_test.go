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
	of := func(id int) (policy uint32, nice int) {
		attr, err := unix.SchedGetAttr(id, 0)
		require.NoError(t, err)
		return attr.Policy, int(attr.Nice)
	}
	policy, nice := of(0)
	require.NotEqual(t, uint32(unix.SCHED_IDLE), policy)
	p, err := Start(t.Context(), Origin, kex.Go, loadgen.NewClock())
	require.NoError(t, err)
	defer p.Stop()
	var busy bool
	require.NoError(t, p.Call(t.Context(), "GiveWay", None{}, &busy))
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.PID()))
	require.NoError(t, err)
	assert.NotEmpty(t, threads)
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		require.NoError(t, err)
		got, lowered := of(id)
		if busy { // with other tests
			assert.Equal(t, policy, got)
			assert.Equal(t, nice, lowered)
			continue
		}
		assert.Equal(t, uint32(unix.SCHED_IDLE), got)
	}
	still, same := of(0)
	assert.Equal(t, policy, still)
	assert.Equal(t, nice, same)
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
	assert.Eventually(t, crowded, 10*time.Second, time.Millisecond)
}
