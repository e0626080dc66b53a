package loadgen

import (
	"errors"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// NewPreciseWaiter waits for a timer of the kernel's (timerfd) that the runtime's poller watches like a socket: it fires
// within some ten microseconds where the runtime's own timer takes up to a millisecond more, and costs no CPU while it
// waits, which a loop that spins would take from the edge beside it.
//
// A process that is out of file descriptors gets the runtime's timer. The lateness of its units tells.
func NewPreciseWaiter() Waiter {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return NewSleeper()
	}
	return &kernelTimer{fd: fd, file: os.NewFile(uintptr(fd), "timer")}
}

type kernelTimer struct {
	fd          int
	file        *os.File
	interrupted atomic.Bool
	fired       [8]byte
}

func (k *kernelTimer) Wait(d time.Duration) bool {
	if k.interrupted.Load() {
		return false
	}
	if d <= 0 {
		return true // a timer of 0 would be a disarmed one
	}
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	if err := unix.TimerfdSettime(k.fd, 0, &at, nil); err != nil {
		panic(err) // of a descriptor that is ours and a time that is positive
	}
	if _, err := k.file.Read(k.fired[:]); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
		panic(err) // likewise
	}
	return true
}

func (k *kernelTimer) Interrupt() {
	k.interrupted.Store(true)
	_ = k.file.SetReadDeadline(time.Unix(1, 0)) // fails when it is closed, and nobody waits any more
}

func (k *kernelTimer) Close() { _ = k.file.Close() }
