package bench

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// limits are what the host allows, as far as it tells: 0 is unknown, and asks for nothing.
type limits struct {
	files     int64 // open files and sockets of a process
	ports     int64 // for sockets that choose their own
	memory    int64 // available, bytes
	rcvbuf    int64 // receive buffer of a socket that a process may ask for, bytes
	privilege bool  // may exceed rcvbuf
}

// What a fleet takes, rounded up, to be judged before it starts.
const (
	bytesPerConnection = 200 << 10 // both ends together; measured 170 kB
	bytesPerFleet      = 100 << 20 // of the processes themselves
	filesOfProcess     = 256       // what a process needs beside its connections' sockets
	// wantBuffer is what quic-go asks for (its protocol.DesiredReceiveBufferSize): less loses datagrams when many come
	// at once, and each loss costs a retransmission.
	wantBuffer = 7 << 20
	// crowd is from how many connections on a small buffer is worth a word.
	crowd = 1000
)

// demand is what a fleet needs of its host.
type demand struct {
	connections int64
	sockets     int64 // of the connectors' process
	ports       int64
	memory      int64
	each        bool // every connection has a socket of its own, which is not necessary
}

// share is what else to do where sockets are short.
func (d demand) share() string {
	if d.each {
		return ", or let connections share sockets (sockets: shared, --sockets shared)"
	}
	return ", or hold fewer"
}

// demand is that of the largest trial, or, where arms run side by side, of all of them together.
func (e *Experiment) demand() (d demand) {
	arms, _ := e.fleetArms()
	d.each = e.Sockets == socketsEach
	for _, a := range arms {
		connections := int64(a.Tunnels) * int64(e.Conns)
		one := demand{connections: connections, sockets: connections, ports: connections, memory: connections*bytesPerConnection + bytesPerFleet}
		if e.Sockets == socketsShared {
			one.sockets = int64(sharedSockets(int(connections)))
			one.ports = one.sockets
		}
		d.connections, d.sockets = max(d.connections, one.connections), max(d.sockets, one.sockets)
		if e.Beside {
			d.ports, d.memory = d.ports+one.ports, d.memory+one.memory
		} else {
			d.ports, d.memory = max(d.ports, one.ports), max(d.memory, one.memory)
		}
	}
	return d
}

// check holds a demand against the limits. An error says what to do; a warning, what to expect.
func (l limits) check(d demand) (warnings []string, err error) {
	files := d.sockets + filesOfProcess
	switch {
	case l.files > 0 && files > l.files:
		return nil, fmt.Errorf("%d sockets for %d connections need %d open files, and the limit is %d: raise it with `ulimit -n %d` (as root: `ulimit -Hn %d` first)%s",
			d.sockets, d.connections, files, l.files, files, files, d.share())
	case l.ports > 0 && d.ports > l.ports:
		return nil, fmt.Errorf("%d sockets need as many ports, and the host has %d for them: widen the range with `sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"`%s", d.ports, l.ports, d.share())
	case l.memory > 0 && d.memory > l.memory:
		return nil, fmt.Errorf("%d connections take about %d MiB, and %d MiB are available: hold fewer, or free memory", d.connections, d.memory>>20, l.memory>>20)
	}
	if l.rcvbuf > 0 && l.rcvbuf < wantBuffer && !l.privilege && d.connections >= crowd {
		warnings = append(warnings, fmt.Sprintf("sockets may have receive buffers of %d KiB, and many connections at once overflow them: raise the limit with `sysctl -w net.core.rmem_max=%d`", l.rcvbuf>>10, wantBuffer))
	}
	return warnings, nil
}

// filesPerUnit are those of a unit that may be in flight: a timer, and of a request the visitor's connection.
const filesPerUnit = 2

// filesOfLoad is what a process of the load needs beside its units.
const filesOfLoad = 128

// checkLoad holds what a generator opens against the limits, each of its processes for itself.
func (l limits) checkLoad(e *Experiment) error {
	units := int64((e.InFlight + e.Procs - 1) / e.Procs)
	flag := "--in-flight"
	if e.Loop == loopClosed {
		units, flag = int64(slices.Max(e.Concurrency)), "--connections"
	}
	files := filesPerUnit*units + filesOfLoad
	if l.files > 0 && files > l.files {
		return fmt.Errorf("%d units in flight need %d open files, and the limit is %d: raise it with `ulimit -n %d`, or have fewer (%s)", units, files, l.files, files, flag)
	}
	return nil
}

// checkCores holds cores for the edge alone against those of the host: the others must have some, too.
func checkCores(edgeCores []int, host int) error {
	for _, n := range edgeCores {
		if n >= host {
			return fmt.Errorf("edge_cores: %d of the host's %d leave none for the load generator: give the edge fewer, or leave it out, and they share all", n, host)
		}
	}
	return nil
}

// checkLimits asks the host before the first process starts.
func (r *runner) checkLimits() error {
	var host limits
	asked := false
	for _, p := range r.parts {
		if err := checkCores(p.EdgeCores, runtime.NumCPU()); err != nil {
			return fmt.Errorf("%s: %w", p.Run, err)
		}
		if len(p.arms) == 0 || !slices.Contains(holders, p.Run) && !slices.Contains(loads, p.Run) {
			continue
		}
		if !asked {
			host, asked = hostLimits(), true
		}
		if slices.Contains(loads, p.Run) {
			if err := host.checkLoad(p.Experiment); err != nil {
				return fmt.Errorf("%s: %w", p.Run, err)
			}
			continue
		}
		warnings, err := host.check(p.demand())
		if err != nil {
			return fmt.Errorf("%s: %w", p.Run, err)
		}
		r.warn(warnings...)
	}
	return nil
}

// hostLimits reads the host's.
func hostLimits() limits {
	l := limits{files: maxFiles(), rcvbuf: int64(readInt("/proc/sys/net/core/rmem_max")), privilege: os.Geteuid() == 0}
	if ends := strings.Fields(readLine("/proc/sys/net/ipv4/ip_local_port_range")); len(ends) == 2 {
		low, errLow := strconv.ParseInt(ends[0], 10, 64)
		high, errHigh := strconv.ParseInt(ends[1], 10, 64)
		if errLow == nil && errHigh == nil && high >= low {
			l.ports = high - low + 1
		}
	}
	for line := range strings.Lines(readFile("/proc/meminfo")) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "MemAvailable:" {
			kib, _ := strconv.ParseInt(fields[1], 10, 64) // 0: not known
			l.memory = kib << 10
		}
	}
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} { // cgroups v2 and v1
		if cgroup, err := strconv.ParseInt(readLine(file), 10, 64); err == nil && (l.memory == 0 || cgroup < l.memory) {
			l.memory = cgroup
		}
	}
	return l
}
