package report

import (
	"fmt"
	"strings"

	"pqbench/results"
)

// rate is the experiment that offers load.
const rate = "rate"

// kneeSearch is the experiment that searches for the knee.
const kneeSearch = "knee"

// closedLoop stands for the arrivals of a loop in which nothing arrives.
const closedLoop = "closed"

// offers tells the experiments whose results a load generator can limit.
func offers(experiment string) bool { return experiment == rate || experiment == kneeSearch }

// punctuality tells the metrics of the generator's lateness. What failed was sent all the same.
func punctuality(metric string) bool { return strings.HasPrefix(metric, "lateness_") }

// latency tells the metrics of a rate that run from the intended instant.
func latency(metric string) bool { return strings.HasPrefix(metric, "latency_") }

func edgeCores(a results.Arm) string {
	if a.EdgeCores == 0 {
		return ""
	}
	return fmt.Sprint(a.EdgeCores)
}
