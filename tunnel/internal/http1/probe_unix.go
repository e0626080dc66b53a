//go:build unix

package http1

import (
	"net"
	"syscall"
)

// newProbe returns a look at a connection without waiting: false when it was closed or has bytes that nobody asked
// for. It is nil for what is no socket.
//
// Note: net/http learns this from a goroutine that waits in Read on every idle connection. One system call per reuse
// is cheaper than waking that one for every response.
func newProbe(nc net.Conn) func() bool {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	var buf [1]byte
	var silent bool
	look := func(fd uintptr) bool {
		_, err := syscall.Read(int(fd), buf[:])
		silent = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true // never wait
	}
	return func() bool { return raw.Read(look) == nil && silent }
}
