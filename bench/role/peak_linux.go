package role

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// PeakMemoryOf is the greatest resident set that a process has had, bytes (proc(5), VmHWM).
func PeakMemoryOf(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("peak memory of process %d: %w", pid, err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) == 3 && string(fields[0]) == "VmHWM:" {
			kib, err := strconv.ParseInt(string(fields[1]), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("peak memory of process %d: the kernel does not tell it", pid)
}
