package bench

import (
	"fmt"

	"pqbench/bench/role"
)

// processEnded is the end of a process in the middle of what it is needed for.
type processEnded struct{ kind, why string }

func (e processEnded) Error() string {
	return fmt.Sprintf("%s process ended in the middle: %s", e.kind, e.why)
}

// whenEnded tells that a process has ended, unless it is over with it before.
func whenEnded(proc *role.Proc, over <-chan struct{}, tell func(processEnded)) {
	select {
	case <-proc.Ended():
		tell(processEnded{string(proc.Kind), proc.Why()})
	case <-over:
	}
}
