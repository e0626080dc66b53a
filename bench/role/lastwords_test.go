package role

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Why a process gave up is kept, however many stacks follow it and however its output is cut up.
func TestLastWords(t *testing.T) {
	stacks := strings.Repeat("goroutine 7 [running]:\ncrypto/tls.(*Conn).clientHandshake(0x1)\n", 1000) + "the very end\n"
	text := "a word before\nruntime: out of memory: cannot allocate 4194304-byte block (7995392 in use)\nfatal error: out of memory\n\n" + stacks
	for _, size := range []int{1, 7, 100, len(text)} {
		var w lastWords
		for b := []byte(text); len(b) > 0; {
			n, err := w.Write(b[:min(size, len(b))])
			require.NoError(t, err)
			b = b[n:]
		}
		assert.Equal(t, "runtime: out of memory: cannot allocate 4194304-byte block (7995392 in use)", w.Cause(), "in pieces of %d", size)
		assert.True(t, strings.HasSuffix(w.String(), "the very end"))
		assert.LessOrEqual(t, len(w.String()), tailSize)
	}
	var quiet lastWords
	_, err := quiet.Write([]byte("it is no use: panic: not at the beginning of a line\n" + strings.Repeat("x", 3*lineSize)))
	require.NoError(t, err)
	assert.Empty(t, quiet.Cause())
}
