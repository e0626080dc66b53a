package report

import (
	"fmt"

	"pqbench/results"
)

// rate is the experiment that offers load.
const rate = "rate"

func edgeCores(a results.Arm) string {
	if a.EdgeCores == 0 {
		return ""
	}
	return fmt.Sprint(a.EdgeCores)
}
