package loadgen

import (
	"errors"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// NewPreciseWaiter waits for a timer of the kernel's (timerfd) that the runtime's poller watches like a socket, where the
// runtime's own timer counts in milliseconds. Waking a sleeping processor still takes some ten microseconds; the waiters
// learn how many, have themselves woken so much earlier, and yield in a loop for what is left. Spinning the whole time
// would be no more precise, and take the CPU from the edge beside it.
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

// wakeUp is how late timers fire, ns, as a moving average, and so how much earlier they are set. It is the machine's, and
// all waiters of the process learn it together: in an open loop each of them waits but seldom.
var wakeUp atomic.Int64

// mostEarly bounds what a busy machine can teach: what a wake-up takes beyond it is no property of timers.
const mostEarly = 150 * time.Microsecond

func (k *kernelTimer) Wait(d time.Duration) bool {
	if k.interrupted.Load() {
		return false
	}
	begin := time.Now()
	if sleep := d - time.Duration(wakeUp.Load()); sleep > 0 {
		if !k.sleep(sleep) {
			return false
		}
		late := min(max(time.Since(begin)-sleep, 0), mostEarly)
		// A quarter more than the average: being early costs less than being late. Two that learn at once lose one lesson.
		early := wakeUp.Load()
		wakeUp.Store(early + (int64(late+late/4)-early)/8)
	}
	for time.Since(begin) < d {
		runtime.Gosched()
	}
	return true
}

// sleep returns some microseconds late; false means that it was interrupted.
func (k *kernelTimer) sleep(d time.Duration) bool {
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
