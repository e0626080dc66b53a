//go:build unix

package bench

import "syscall"

// maxFiles is the limit of open files of this process, which its roles inherit. The Go runtime has raised it as far as
// it may go.
func maxFiles() int64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int64(min(uint64(limit.Max), 1<<40)) // "unlimited" does not fit
}
