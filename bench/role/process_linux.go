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

// MemoryOf is what a process holds of the machine's memory.
func MemoryOf(pid int) (m Memory, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return m, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) != 3 {
			continue
		}
		kib, _ := strconv.ParseInt(string(fields[1]), 10, 64) // not a number: not a line of these
		switch string(fields[0]) {
		case "Pss:":
			m.Proportional = kib << 10
		case "Rss:":
			m.Resident = kib << 10
		}
	}
	if m.Proportional == 0 || m.Resident == 0 {
		return m, fmt.Errorf("memory of process %d: the kernel does not tell it", pid)
	}
	return m, nil
}
