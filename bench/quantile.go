package bench

import (
	"math"
	"slices"
	"time"

	"pqbench/results"
	"pqbench/results/stats"
)

// p99 is that of durations, ns; ok is false where too few lie beyond it to say.
func p99(times []time.Duration) (v float64, ok bool) { return quantile(times, 0.99) }

func quantile(times []time.Duration, q float64) (v float64, ok bool) {
	if !stats.PrintableQuantile(len(times), q) {
		return 0, false
	}
	sorted := make([]float64, len(times))
	for i, t := range times {
		sorted[i] = float64(t)
	}
	slices.Sort(sorted)
	return stats.Quantile(sorted, q), true
}

// intended and sent are the instants that a latency counts from.
func intended(s results.Sample) int64 { return s.Intended }
func sent(s results.Sample) int64     { return s.Sent }

// latencies are those from an instant, sorted, ns; what failed or was dropped is longer than everything.
func latencies(samples []results.Sample, from func(results.Sample) int64) []float64 {
	times := make([]float64, len(samples))
	for i, s := range samples {
		times[i] = float64(s.Completed - from(s))
		if s.Class != "" {
			times[i] = math.Inf(1)
		}
	}
	slices.Sort(times)
	return times
}

// lateness is how late the units were sent, of those that were.
func lateness(samples []results.Sample) (late []time.Duration) {
	for _, s := range samples {
		if s.Class != results.ClassDropped {
			late = append(late, time.Duration(s.Sent-s.Intended))
		}
	}
	return late
}
