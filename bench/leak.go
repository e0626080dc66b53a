package bench

import (
	"context"
	"fmt"
	"math"
	"time"

	"pqbench/bench/role"
	"pqbench/tunnel"
)

// leaks watches for goroutines that a process does not lose again: each would be a connection or a request that never
// ended, in the system under test or in the harness.
type leaks struct {
	idle map[*role.Proc]int // goroutines of each process when it had nothing to do yet
}

// slack is how many goroutines an idle process may have more than before: timers, pools and kept connections.
const slack = 8

func (l *leaks) begin(ctx context.Context, procs ...*role.Proc) error {
	if l.idle == nil {
		l.idle = map[*role.Proc]int{}
	}
	for _, p := range procs {
		var n int
		if err := p.Call(ctx, "Goroutines", role.None{}, &n); err != nil {
			return err
		}
		l.idle[p] = n
	}
	return nil
}

// resting is how long a process may have the same goroutines until they count as left behind: longer than a handshake lasts
// that nobody completes, of which an overloaded edge has thousands.
const resting = 2*tunnel.HandshakeIdleTimeout + time.Second

// end gives the processes the time to come to rest, and reports those that do not.
func (l *leaks) end(ctx context.Context, procs ...*role.Proc) (warnings []string, err error) {
	for _, p := range procs {
		before, ok := l.idle[p]
		if !ok {
			continue
		}
		delete(l.idle, p)
		var n int
		least, since := math.MaxInt, time.Now()
		for ; ; <-time.After(20 * time.Millisecond) {
			if err := p.Call(ctx, "Goroutines", role.None{}, &n); err != nil {
				return nil, err
			}
			if n < least {
				least, since = n, time.Now()
			}
			if n <= before+slack || time.Since(since) > resting {
				break
			}
		}
		if n > before+slack {
			warnings = append(warnings, fmt.Sprintf("%s: %d goroutines were left at the end, %d at the start", p.Kind, n, before))
		}
	}
	return warnings, nil
}
