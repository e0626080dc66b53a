package role

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Confines tells whether Program.Cores is heeded.
const Confines = true

// startOn starts a command from a thread that is confined for so long, since what a thread starts inherits its cores:
// so any program can be confined, whatever it knows of cores.
func startOn(cmd *exec.Cmd, args CoresArgs) error {
	runtime.LockOSThread()
	all, wanted, err := among(args)
	if err == nil {
		err = unix.SchedSetaffinity(0, &wanted)
	}
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("confine the process to cores: %w", err)
	}
	err = cmd.Start()
	if unix.SchedSetaffinity(0, &all) == nil {
		runtime.UnlockOSThread() // a thread that stayed confined ends with its goroutine
	}
	return err
}

// confine moves every thread that there is; those to come inherit it from the thread that makes them.
func confine(args CoresArgs) error {
	_, wanted, err := among(args)
	if err != nil {
		return err
	}
	// Twice: a thread that had not been moved yet may have made one that the first round did not see.
	return errors.Join(moveThreads(&wanted), moveThreads(&wanted))
}

// among finds the wanted cores among all that the calling thread may use: a container may have cores 6 and 7 alone.
func among(args CoresArgs) (allowed, wanted unix.CPUSet, err error) {
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return allowed, wanted, fmt.Errorf("cores of the process: %w", err)
	}
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
	if wanted.Count() == 0 {
		return allowed, wanted, fmt.Errorf("core %d: the process may use %d", args.First, seen)
	}
	return allowed, wanted, nil
}

func moveThreads(to *unix.CPUSet) error {
	err := eachThread(func(id int) error { return unix.SchedSetaffinity(id, to) })
	if err != nil {
		return fmt.Errorf("confine the process to cores: %w", err)
	}
	return nil
}

// eachThread does something to every thread that the process has now.
func eachThread(do func(id int) error) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := do(id); err != nil && !errors.Is(err, unix.ESRCH) { // a thread may have ended
			return err
		}
	}
	return nil
}
