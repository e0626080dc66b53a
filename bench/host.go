package bench

import (
	"crypto/sha256"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"

	"pqbench/kex"
	"pqbench/results"
)

// versions says what is run. The commit is Revision, which comes from git: build info may be switched off and is not
// asked.
func versions() results.Versions {
	v := results.Versions{Commit: Revision, Go: runtime.Version(), Modules: map[string]string{}, Overlay: kex.Overlay}
	if commit, dirty, ok := strings.Cut(v.Commit, "+"); ok && dirty == "dirty" {
		v.Commit, v.Dirty = commit, true
	}
	if v.Commit == "" {
		v.Commit = "unknown"
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			v.Modules[m.Path] = m.Version
		}
	}
	return v
}

// Here describes this program and the host it runs on, for a manifest.
func Here() (results.Versions, results.Host) { return versions(), host() }

// Revision is the commit that the binary was built from, "+dirty" behind it when the tree was not clean; the Makefile
// sets it. A build without the Makefile leaves it empty.
var Revision string

// host says where it is run. What cannot be read is left empty.
func host() results.Host {
	h := results.Host{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU(), GOMAXPROCS: runtime.GOMAXPROCS(0),
		Features: cpuFeatures(),
		Governor: readLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
		Kernel:   kernel(),
		RMemMax:  readInt("/proc/sys/net/core/rmem_max"),
		WMemMax:  readInt("/proc/sys/net/core/wmem_max"),
		Virtual:  virtual(),
		GSO:      gso(),
	}
	for line := range strings.Lines(readFile("/proc/cpuinfo")) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			h.CPU = strings.TrimSpace(value)
			break
		}
	}
	if h.CPU == "" {
		h.CPU = sysctl("machdep.cpu.brand_string")
	}
	for line := range strings.Lines(readFile("/proc/meminfo")) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "MemTotal:" {
			kib, _ := strconv.Atoi(fields[1])
			h.MemoryMiB = kib >> 10
		}
	}
	return h
}

// cpuFeatures are those that key agreement and packet protection make use of.
func cpuFeatures() []string {
	var list []string
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"avx2", cpu.X86.HasAVX2}, {"bmi2", cpu.X86.HasBMI2}, {"adx", cpu.X86.HasADX}, {"aes", cpu.X86.HasAES || cpu.ARM64.HasAES},
		{"pclmulqdq", cpu.X86.HasPCLMULQDQ}, {"avx512f", cpu.X86.HasAVX512F}, {"asimd", cpu.ARM64.HasASIMD},
		{"sha2", cpu.ARM64.HasSHA2}, {"sha3", cpu.ARM64.HasSHA3},
	} {
		if f.has {
			list = append(list, f.name)
		}
	}
	return list
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

func virtual() string {
	if strings.Contains(readFile("/proc/cpuinfo"), " hypervisor") {
		if name := readLine("/sys/class/dmi/id/product_name"); name != "" {
			return name
		}
		return "yes"
	}
	return ""
}

// gso says whether quic-go may hand several datagrams to the kernel at once.
func gso() string {
	switch {
	case runtime.GOOS != "linux":
		return "no (Linux only)"
	case os.Getenv("QUIC_GO_DISABLE_GSO") != "":
		return "switched off by QUIC_GO_DISABLE_GSO"
	default:
		return "on where the kernel has it"
	}
}

func sysctl(name string) string {
	if runtime.GOOS != "darwin" {
		return ""
	}
	out, err := exec.Command("sysctl", "-n", name).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func readFile(name string) string {
	b, _ := os.ReadFile(name) // what the host does not tell is left out
	return string(b)
}

func readLine(name string) string { return strings.TrimSpace(readFile(name)) }

func readInt(name string) int {
	v, _ := strconv.Atoi(readLine(name))
	return v
}

// loadAverage is the one-minute load average, negative where the host does not say.
func loadAverage() float64 {
	if fields := strings.Fields(readFile("/proc/loadavg")); len(fields) > 0 {
		if v, err := strconv.ParseFloat(fields[0], 64); err == nil {
			return v
		}
	}
	return -1
}

// noiseProbe repeats a fixed computation (SHA-256 of 256 KiB, about a millisecond) for about a second and says how
// much its time varied: the 90th percentile over the median, less one; and the median in seconds, to see a drift.
func noiseProbe() (spread, median float64) {
	block := make([]byte, 256<<10)
	var times []float64
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		start := time.Now()
		sum := sha256.Sum256(block)
		block[0] = sum[0]
		times = append(times, time.Since(start).Seconds())
	}
	slices.Sort(times)
	median = times[len(times)/2]
	return times[len(times)*9/10]/median - 1, median
}

// stealMeter reads how much CPU time the hypervisor took away (proc(5), /proc/stat).
type stealMeter struct {
	median       float64 // of the noise probe before the run
	steal, total float64
}

func (s *stealMeter) start() { s.steal, _, s.total = cpuTimes() }

// share is the part of all CPU time since start that was stolen; negative where the host does not say.
func (s *stealMeter) share() float64 {
	steal, _, total := cpuTimes()
	if total <= s.total {
		return -1
	}
	return (steal - s.steal) / (total - s.total)
}

// cpuTimes are those of all processors so far, in the system's ticks; zeros where it does not say.
func cpuTimes() (steal, idle, total float64) {
	line, _, _ := strings.Cut(readFile("/proc/stat"), "\n")
	fields := strings.Fields(line)
	for i, f := range fields {
		v, _ := strconv.ParseFloat(f, 64)
		if i >= 1 && i <= 8 { // user nice system idle iowait irq softirq steal
			total += v
		}
		switch i {
		case 4, 5:
			idle += v
		case 8:
			steal = v
		}
	}
	return steal, idle, total
}

// A NoiseMeter tells how quiet the host was between its start and its end, each of which takes a second.
type NoiseMeter struct {
	noise results.Noise
	steal stealMeter
}

// StartNoise begins to listen.
func StartNoise() *NoiseMeter {
	m := &NoiseMeter{}
	m.noise.Load = loadAverage()
	m.noise.Before, m.steal.median = noiseProbe()
	m.steal.start()
	return m
}

// End is what was heard.
func (m *NoiseMeter) End() results.Noise {
	after, median := noiseProbe()
	m.noise.After, m.noise.Drift = after, median/m.steal.median-1
	m.noise.Steal = m.steal.share()
	return m.noise
}
