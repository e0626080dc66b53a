package loadgen

import (
	"errors"
	"fmt"

	"pqbench/results"
)

// Check is the accounting of a trial: everything scheduled was completed, failed or dropped, and a sample's times are
// in order. What a closed loop dropped has no samples; an open loop's drops have.
func Check(samples []results.Sample, scheduled, dropped int) error {
	sampled := 0
	for _, s := range samples {
		if s.Class == results.ClassDropped {
			sampled++
			continue
		}
		if s.Intended > s.Sent || s.Sent > s.Completed || s.First != 0 && (s.First < s.Sent || s.First > s.Completed) {
			return errors.New("accounting: a sample's times are out of order")
		}
	}
	if len(samples)-sampled+dropped != scheduled || sampled > 0 && sampled != dropped {
		return fmt.Errorf("accounting: %d scheduled, but %d samples (%d of them dropped) and %d dropped", scheduled, len(samples), sampled, dropped)
	}
	return nil
}
