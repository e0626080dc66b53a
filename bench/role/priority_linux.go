package role

import (
	"errors"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// giveWay makes every thread that there is one of SCHED_IDLE (sched(7)): any other thread that wakes takes its core at once,
// where a lower nice value alone lets it use up its slice first. At the rate of half a knee the mean lateness of
// handshakes was 61 µs with it and 105 µs with a nice value of 10. A kernel that refuses it gets the nice value.
func giveWay() error {
	idle := func(id int) error {
		return unix.SchedSetAttr(id, &unix.SchedAttr{Policy: unix.SCHED_IDLE}, 0)
	}
	if everyThread(idle) == nil {
		return nil
	}
	now, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return err
	}
	nice := min(20-now+lower, 19) // the system call tells 20 less it
	return everyThread(func(id int) error { return unix.Setpriority(unix.PRIO_PROCESS, id, nice) })
}

// everyThread does something to the threads that there are, since Linux has a priority for each; those to come inherit it.
// Twice: a thread that was not met yet may have made one that the first round did not see.
func everyThread(do func(id int) error) error { return errors.Join(eachThread(do), eachThread(do)) }

// Crowded reports whether a thread that wants to compute must share its core with others, and not now and then only, as on a
// quiet host. It computes for 80 ms to find out. Elsewhere than on Linux it is not known, and false.
func Crowded() bool {
	const tries, allowed, length, alone = 8, 2, 10 * time.Millisecond, 0.8
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	disturbed := 0
	for range tries {
		begin, used := time.Now(), threadTime()
		for time.Since(begin) < length {
			Hash(100)
		}
		if float64(threadTime()-used) < alone*float64(time.Since(begin)) {
			disturbed++
		}
	}
	return disturbed > allowed
}

// threadTime is the CPU time of the calling thread; 0 where it cannot be read, which passes for a busy host.
func threadTime() time.Duration {
	var at unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &at) != nil {
		return 0
	}
	return time.Duration(at.Nano())
}
