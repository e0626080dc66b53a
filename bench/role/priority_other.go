//go:build !linux

package role

import "syscall"

// giveWay lowers the process: elsewhere than on Linux that is all of its threads.
func giveWay() (busy bool, err error) {
	return false, syscall.Setpriority(syscall.PRIO_PROCESS, 0, lower)
}
