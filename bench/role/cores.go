package role

import "runtime"

// CoresArgs are the processor cores that a process may use.
type CoresArgs struct {
	// First is the number of the first core, Count how many from there.
	First, Count int
}

// Cores confines the process to some cores. Where the system cannot tell threads where to run, only their number is
// bounded, and the scheduler may move them.
func (c *Control) Cores(args CoresArgs, _ *None) error {
	runtime.GOMAXPROCS(args.Count)
	return confine(args)
}
