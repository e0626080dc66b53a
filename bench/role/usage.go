//go:build unix

package role

import (
	"runtime"
	"syscall"
	"time"
)

// Usage is what a process has consumed since it started.
type Usage struct {
	CPU        time.Duration // user and system time of all its threads (getrusage)
	Mallocs    uint64        // heap objects allocated
	AllocBytes uint64        // heap bytes allocated
}

// ReadUsage reads the calling process's usage. The kernel charges the receiving of a loopback datagram in part to
// the process that sent it: the split between two ends of a loopback path is therefore a little blurred, their sum is not.
func ReadUsage() Usage {
	cpu := processTime()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	return Usage{
		CPU: cpu, Mallocs: mem.Mallocs, AllocBytes: mem.TotalAlloc,
	}
}

// processTime is the user and system time of all threads of the calling process.
func processTime() time.Duration {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		panic(err) // cannot fail with RUSAGE_SELF and a valid address
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// Sub is the consumption between two readings.
func (u Usage) Sub(earlier Usage) Usage {
	return Usage{u.CPU - earlier.CPU, u.Mallocs - earlier.Mallocs, u.AllocBytes - earlier.AllocBytes}
}

// Add is the consumption of two processes together.
func (u Usage) Add(other Usage) Usage {
	return Usage{u.CPU + other.CPU, u.Mallocs + other.Mallocs, u.AllocBytes + other.AllocBytes}
}
