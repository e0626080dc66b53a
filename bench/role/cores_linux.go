package role

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// confine moves every thread that there is; those to come inherit it from the thread that makes them.
func confine(args CoresArgs) error {
	var allowed, wanted unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return fmt.Errorf("cores of the process: %w", err)
	}
	// Counted among the cores that the process may use at all: a container may have cores 6 and 7 alone.
	seen := 0
	for cpu := range len(allowed) * 64 {
		if !allowed.IsSet(cpu) {
			continue
		}
		if seen >= args.First && seen < args.First+args.Count {
			wanted.Set(cpu)
		}
		seen++
	}
	// Twice: a thread that had not been moved yet may have made one that the first round did not see.
	return errors.Join(moveThreads(&wanted), moveThreads(&wanted))
}

func moveThreads(to *unix.CPUSet) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := unix.SchedSetaffinity(id, to); err != nil && !errors.Is(err, unix.ESRCH) { // a thread may have ended
			return fmt.Errorf("confine the process to cores: %w", err)
		}
	}
	return nil
}
