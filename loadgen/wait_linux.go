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
// learn how many, have themselves woken so much earlier, and spin for what is left. Spinning the whole time would be no more
// precise, and take the CPU from the edge beside it; to yield meanwhile is to wait behind all that the process has to do.
//
// A processor that is busy looks at the poller last, when nothing else is left to run, and at the runtime's timers first.
// So the instant is also a deadline of the read: whoever waits goes ahead of all that waits for a processor. At half the knee of
// two shared cores that made the mean lateness of handshakes a third smaller.
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

// mostEarly bounds what a busy machine can teach: what a wake-up takes beyond it is no property of timers. Where wake-ups take
// nearly as long, no processor is idle, and to spin would cost handshakes: waiters yield there.
const (
	mostEarly = 150 * time.Microsecond
	tooBusy   = int64(mostEarly) * 4 / 5
)

func (k *kernelTimer) Wait(d time.Duration) bool {
	begin := time.Now()
	_ = k.file.SetReadDeadline(begin.Add(d)) // fails for a file that is closed, or that the poller cannot watch: not this one
	if k.interrupted.Load() {                // after the deadline, which would undo the one of Interrupt
		return false
	}
	if sleep := d - time.Duration(wakeUp.Load()); sleep > 0 && k.sleep(sleep) {
		late := min(max(time.Since(begin)-sleep, 0), mostEarly)
		// A quarter more than the average: being early costs less than being late. Two that learn at once lose one lesson.
		early := wakeUp.Load()
		wakeUp.Store(early + (int64(late+late/4)-early)/8)
	}
	busy := wakeUp.Load() > tooBusy
	for time.Since(begin) < d {
		if k.interrupted.Load() {
			return false
		}
		if busy {
			runtime.Gosched()
		}
	}
	return true
}

// sleep returns some microseconds late; false means that it was the read's deadline which ended it.
func (k *kernelTimer) sleep(d time.Duration) bool {
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	if err := unix.TimerfdSettime(k.fd, 0, &at, nil); err != nil {
		panic(err) // of a descriptor that is ours and a time that is positive
	}
	_, err := k.file.Read(k.fired[:])
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		panic(err) // likewise
	}
	return err == nil
}

func (k *kernelTimer) Interrupt() {
	k.interrupted.Store(true)
	_ = k.file.SetReadDeadline(time.Unix(1, 0)) // fails when it is closed, and nobody waits any more
}

func (k *kernelTimer) Close() { _ = k.file.Close() }
