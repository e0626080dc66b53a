package bench

import (
	"time"

	"pqbench/bench/role"
)

// cpuPeaks watches what a storm takes of the CPU, second by second: whether connectors or edge were the limit shows in the
// worst of them, and not in the mean over a recovery that is mostly waiting.
type cpuPeaks struct {
	stop chan struct{}
	done chan struct{}
	// values are the highest shares of all cores, by metric.
	values map[string]float64
}

// watchCPU begins to watch. Nobody is asked: the clocks of the processes are read from here.
func watchCPU(connector *role.Proc, edges []*role.Proc) *cpuPeaks {
	b := &cpuPeaks{stop: make(chan struct{}), done: make(chan struct{}), values: map[string]float64{}}
	g := generator{loads: []*role.Proc{connector}, others: edges}
	go func() {
		defer close(b.done)
		every := time.NewTicker(time.Second)
		defer every.Stop()
		begun, before := time.Now(), g.read()
		_, idle, total := cpuTimes()
		for {
			select {
			case <-every.C:
			case <-b.stop:
				return
			}
			now, after := time.Now(), g.read()
			cores := now.Sub(begun).Seconds() * float64(processors())
			if before.known && after.known {
				b.most("connector_cpu_peak", (after.generator-before.generator).Seconds()/cores)
				b.most("edge_cpu_peak", (after.others-before.others).Seconds()/cores)
			}
			if _, idleNow, totalNow := cpuTimes(); totalNow > total {
				b.most("host_cpu_peak", 1-(idleNow-idle)/(totalNow-total))
				idle, total = idleNow, totalNow
			}
			begun, before = now, after
		}
	}()
	return b
}

func (b *cpuPeaks) most(name string, share float64) { b.values[name] = max(b.values[name], share) }

// end stops the watch, and returns what it saw.
func (b *cpuPeaks) end() map[string]float64 {
	close(b.stop)
	<-b.done
	return b.values
}
