package role

import (
	"errors"

	"golang.org/x/sys/unix"
)

// giveWay lowers every thread that there is, since Linux has a priority for each; those to come inherit it.
func giveWay() error {
	now, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return err
	}
	nice := min(20-now+lower, 19) // the system call tells 20 less it
	set := func(id int) error { return unix.Setpriority(unix.PRIO_PROCESS, id, nice) }
	// Twice: a thread that was not lowered yet may have made one that the first round did not see.
	return errors.Join(eachThread(set), eachThread(set))
}
