//go:build !linux

package role

import "syscall"

// giveWay lowers the process: elsewhere than on Linux that is all of its threads.
func giveWay() error { return syscall.Setpriority(syscall.PRIO_PROCESS, 0, lower) }

// Crowded is not known here.
func Crowded() bool { return false }
