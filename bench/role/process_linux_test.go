package role

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestProcessesAreReadAsTheyReadThemselves compares both ways to read this process's own consumption.
func TestProcessesAreReadAsTheyReadThemselves(t *testing.T) {
	for begin := time.Now(); time.Since(begin) < 50*time.Millisecond; { // burn some
	}
	own := ReadUsage().CPU
	seen, err := CPUOf(os.Getpid())
	require.NoError(t, err)
	assert.GreaterOrEqual(t, seen, own-5*time.Millisecond)
	assert.InDelta(t, own.Seconds(), seen.Seconds(), 0.5)

	before, err := MemoryOf(os.Getpid())
	require.NoError(t, err)
	held := make([]byte, 64<<20)
	for i := 0; i < len(held); i += 4096 {
		held[i] = 1 // resident only once touched
	}
	after, err := MemoryOf(os.Getpid())
	require.NoError(t, err)
	assert.GreaterOrEqual(t, after.Proportional-before.Proportional, int64(60<<20), "the race detector adds to it")
	assert.GreaterOrEqual(t, after.Resident, after.Proportional)
	assert.Equal(t, byte(1), held[0])

	_, err = MemoryOf(1 << 30)
	assert.Error(t, err)
}
