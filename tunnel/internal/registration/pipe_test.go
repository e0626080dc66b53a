package registration

import (
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// pipe is a connected pair with a buffer in between, as a QUIC stream has. A
// net.Pipe has none: two ends that write at the same time would block.
func pipe(t testing.TB) (here, there net.Conn) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	open := func(fd int) net.Conn {
		f := os.NewFile(uintptr(fd), "pipe")
		defer f.Close()
		c, err := net.FileConn(f)
		require.NoError(t, err)
		return c
	}
	return open(fds[0]), open(fds[1])
}
