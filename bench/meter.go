package bench

import (
	"context"
	"time"

	"pqbench/bench/role"
	"pqbench/loadgen"
	"pqbench/results"
)

// cpuTimesOf are the CPU times of a generator's processes, and of those that it drives, so far.
type cpuTimesOf struct {
	generator, edge, others time.Duration
	known                   bool
}

// read reads the clocks of the processes from here: asking them would disturb them.
func (g generator) read() (c cpuTimesOf) {
	sum := func(into *time.Duration, procs ...*role.Proc) bool {
		for _, p := range procs {
			d, err := role.CPUOf(p.PID())
			if err != nil {
				return false // the system does not tell; a value is left out
			}
			*into += d
		}
		return true
	}
	c.known = sum(&c.generator, g.loads...) && sum(&c.others, g.others...)
	if g.edge != nil {
		c.known = c.known && sum(&c.edge, g.edge)
	}
	return c
}

// meter reads at the beginning of every phase, and at the end of the last or of the context.
func (g generator) meter(ctx context.Context, clock loadgen.Clock, start int64, phases []loadgen.Phase) (times []cpuTimesOf) {
	wait := func(until int64) { _ = pauseFor(ctx, time.Duration(until-clock.Now())) }
	at := start
	for _, p := range phases {
		wait(at)
		times = append(times, g.read())
		at += int64(p.Time)
	}
	wait(at)
	return append(times, g.read())
}

// shortest is how long a phase is at least whose CPU time is told: of one that was cut short, what is read before and after
// it is not its own.
const shortest = 50 * time.Millisecond

// cpuValues adds what was taken of the CPU between two readings: shares of the cores that a part may use, and edge and
// generator time for each unit of load.
func cpuValues(t *results.Trial, before, after cpuTimesOf, ns float64, g generator) {
	if !before.known || !after.known || ns < float64(shortest) {
		return
	}
	generator, edge, others := float64(after.generator-before.generator), float64(after.edge-before.edge), float64(after.others-before.others)
	t.Values["generator_cpu_share"] = generator / ns / float64(generatorCores(g.arm.EdgeCores))
	units := float64(t.Completed + t.Failed)
	if g.edge == nil {
		return
	}
	cores := g.arm.EdgeCores
	if cores == 0 {
		cores = processors()
	}
	t.Values["edge_cpu_share"] = edge / ns / float64(cores)
	if g.arm.EdgeCores == 0 {
		t.Values["shared_cpu_share"] = (generator + edge + others) / ns / float64(cores)
	}
	if units > 0 {
		t.Values["edge_cpu_per_unit"], t.Values["generator_cpu_per_unit"] = edge/units, generator/units
	}
}
