//go:build !linux

package role

import (
	"errors"
	"time"
)

var errLinux = errors.New("CPU time and memory of another process are read on Linux alone")

// CPUOf is the user and system time of all threads of a process.
func CPUOf(int) (time.Duration, error) { return 0, errLinux }

// MemoryOf is what a process holds of the machine's memory.
func MemoryOf(int) (Memory, error) { return Memory{}, errLinux }

// PeakMemoryOf is the greatest resident set that a process has had, bytes.
func PeakMemoryOf(int) (int64, error) { return 0, errLinux }
