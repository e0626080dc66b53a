package role

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// CPUOf is the user and system time of all threads of a process, also one that is not ours. It is read from the
// process's CPU clock, since the times under /proc count in hundredths of a second.
func CPUOf(pid int) (time.Duration, error) {
	// Linux, posix-timers.h: the complement of the id, shifted by three, and 2 for the scheduler's clock.
	clock := int32(^pid)<<3 | 2
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// MemoryOf is a process's proportional set size, bytes: resident pages, a page that several processes share divided
// among them. So ten processes of one program are not charged ten times for its code.
func MemoryOf(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) == 3 && string(fields[0]) == "Pss:" {
			kib, err := strconv.ParseInt(string(fields[1]), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("memory of process %d: the kernel does not tell it", pid)
}
