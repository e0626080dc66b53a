package report

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pqbench/results"
)

// A fixture makes a run up that looks like a real one: the sizes are those of the named groups (shared facts of the
// drafts), the times are of the order measured on a two-core machine, with a drift that all arms of a block share.
type fixture struct {
	blocks, perBlock int // blocks, and samples per arm and block
	rng              *rand.Rand

	m       results.Manifest
	samples []results.Sample
	trials  []results.Trial
	clock   int64
}

// A fakeGroup is what the fixture knows of a group: bytes of the hellos and microseconds of CPU.
type fakeGroup struct {
	name           string
	hello, reply   float64
	client, server float64 // of key agreement, µs with Go or CIRCL with assembly
	kems           []string
	ops            [3]float64 // keygen, encaps, decaps
}

var fakeGroups = []fakeGroup{
	{"X25519", 293, 90, 62, 61, nil, [3]float64{}},
	{"secp256r1", 326, 123, 78, 80, nil, [3]float64{}},
	{"X25519Kyber512Draft00", 1093, 858, 95, 74, []string{"circl-asm", "circl-generic"}, [3]float64{18.6, 12.2, 14.4}},
	{"X25519Kyber768Draft00", 1477, 1178, 113, 79, []string{"circl-asm", "circl-generic"}, [3]float64{31.9, 17.0, 19.2}},
	{"X25519MLKEM768", 1477, 1178, 161, 95, []string{"go", "circl-asm", "circl-generic"}, [3]float64{31.6, 13.2, 18.8}},
	{"X25519MLKEM768+X25519", 1513, 1178, 163, 96, []string{"go", "circl-asm"}, [3]float64{}},
}

// speed is how long a provider takes, compared with CIRCL with assembly.
var speed = map[string]float64{"": 1, "circl-asm": 1, "go": 1.8, "circl-generic": 1.65}

func newFixture(blocks, perBlock int, experiments ...string) *fixture {
	f := &fixture{blocks: blocks, perBlock: perBlock, rng: rand.New(rand.NewPCG(20, 26))}
	f.m = results.Manifest{
		Schema: results.Schema, Plan: "standard", Seed: 1, Complete: true,
		PlanText: "name: standard\nseed: 1\nexperiments:\n  - run: handshake\n    groups: [X25519, X25519MLKEM768]\n",
		Started:  time.Date(2026, 3, 1, 12, 30, 5, 0, time.UTC), Finished: time.Date(2026, 3, 1, 12, 34, 20, 0, time.UTC),
		Versions: results.Versions{Commit: "0123abcd4567ef890123abcd4567ef890123abcd", Go: "go1.26.8", Overlay: true,
			Modules: map[string]string{"github.com/quic-go/quic-go": "v0.65.0", "github.com/cloudflare/circl": "v1.6.5"}},
		Host: results.Host{OS: "linux", Arch: "amd64", Kernel: "6.12.0", CPU: "Example CPU @ 2.90GHz", Cores: 2, GOMAXPROCS: 2,
			Features: []string{"avx2", "bmi2"}, MemoryMiB: 7960, RMemMax: 7500000, WMemMax: 7500000, GSO: "on", Virtual: "kvm"},
		Noise:  results.Noise{Before: 0.02, After: 0.03, Drift: 0.01, Steal: 0, Load: 0.2},
		Labels: map[string]string{"ticket": "17", "host": "lab"},
	}
	for _, e := range experiments {
		f.m.Experiments = append(f.m.Experiments, results.Experiment{Name: e, Blocks: blocks, Done: blocks,
			Note: "What " + e + " does, in a sentence."})
		map[string]func(){"kex": f.kex, "handshake": f.handshake, "wire": f.wire, "requests": f.requests,
			"goodput": f.goodput, "overhead": f.overhead}[e]()
	}
	return f
}

// run indexes the fixture, for bootstraps of few resamples: the race detector makes them 50 times slower.
func (f *fixture) run() *run {
	r := index(f.m, f.samples, f.trials)
	r.resamples = 500
	return r
}

func (f *fixture) summary() results.Summary {
	return f.run().summarise(results.Check(f.m, f.samples, f.trials))
}

func (f *fixture) files(t *testing.T) []file {
	t.Helper()
	all, err := f.run().files(f.samples, f.trials)
	require.NoError(t, err)
	return all
}

// document has no PNGs, which take the longest.
func (f *fixture) document(t *testing.T) document {
	t.Helper()
	d, _, err := f.run().document(f.summary())
	require.NoError(t, err)
	return d
}

func (d document) both(t *testing.T) (markdown, html string) {
	t.Helper()
	text, err := d.markdown()
	require.NoError(t, err)
	page, err := d.html()
	require.NoError(t, err)
	return string(text), string(page)
}

// arm adds an arm and a pair with its base where base is not negative.
func (f *fixture) arm(experiment string, a results.Arm, base int, kind string, margin float64) int {
	f.m.Arms = append(f.m.Arms, results.ArmOf{Experiment: experiment, Arm: a})
	id := len(f.m.Arms) - 1
	if base >= 0 {
		f.m.Pairs = append(f.m.Pairs, results.Pair{Arm: id, Base: base, Kind: kind, Equivalence: margin})
	}
	return id
}

// noise is a factor near 1.
func (f *fixture) noise(sigma float64) float64 { return math.Exp(sigma * f.rng.NormFloat64()) }

// drifts are the blocks' moods, which all arms share.
func (f *fixture) drifts() []float64 {
	d := make([]float64, f.blocks)
	for i := range d {
		d[i] = f.noise(0.05)
	}
	return d
}

func kemArms(g fakeGroup) []string {
	if g.kems == nil {
		return []string{""}
	}
	return g.kems
}

func (f *fixture) kex() {
	base, drifts := -1, f.drifts()
	for _, g := range fakeGroups[:5] {
		generic := map[string]int{}
		for _, kem := range kemArms(g) {
			id := f.arm("kex", results.Arm{Group: g.name, KEM: kem}, base, "group", 0)
			if g.name == "X25519" {
				base = id
			}
			generic[kem] = id
			for b := range f.blocks {
				values := map[string]float64{}
				put := func(name string, us float64) { values[name] = 1000 * us * drifts[b] * f.noise(0.01) }
				kemTime := 0.0
				if g.kems != nil {
					for i, name := range []string{"keygen", "encapsulate", "decapsulate"} {
						put(name, g.ops[i]*speed[kem])
						kemTime += g.ops[i] * (speed[kem] - 1) / 2
					}
				}
				put("client", g.client+kemTime)
				put("server", g.server+kemTime)
				f.trials = append(f.trials, results.Trial{Experiment: "kex", Arm: id, Block: b, Started: f.clock, Finished: f.clock + 1, Values: values})
			}
		}
		f.kemPairs(generic)
	}
}

// kemPairs compares CIRCL with assembly with the others.
func (f *fixture) kemPairs(byKEM map[string]int) {
	for _, other := range []string{"circl-generic", "go"} {
		asm, ok := byKEM["circl-asm"]
		if base, okBase := byKEM[other]; ok && okBase {
			f.m.Pairs = append(f.m.Pairs, results.Pair{Arm: asm, Base: base, Kind: "kem"})
		}
	}
}

func (f *fixture) handshake() {
	for _, concurrency := range []int{1, 8} {
		base, drifts := -1, f.drifts()
		for _, g := range fakeGroups {
			byKEM := map[string]int{}
			for _, kem := range kemArms(g) {
				a := results.Arm{Group: g.name, KEM: kem, Cert: "ecdsa-p256", Concurrency: concurrency}
				id := f.arm("handshake", a, base, "group", 0)
				byKEM[kem] = id
				f.handshakes("handshake", id, g, kem, concurrency, drifts, 1)
				if g.name == "X25519" {
					base = id
					a.AA = true
					again := f.arm("handshake", a, base, "aa", 0)
					f.handshakes("handshake", again, g, kem, concurrency, drifts, 1)
				}
			}
			f.kemPairs(byKEM)
		}
	}
}

// handshakes are an arm's trials and their samples.
func (f *fixture) handshakes(experiment string, arm int, g fakeGroup, kem string, concurrency int, drifts []float64, cost float64) {
	penalty := 1.5
	if concurrency > 1 {
		penalty = 1.04
	}
	kemTime := (g.ops[0] + g.ops[1] + g.ops[2]) * (speed[kem] - 1) / 2
	for b := range f.blocks {
		start := f.clock
		client := 1000 * (360 + g.client + kemTime) * penalty * drifts[b] * cost
		server := 1000 * (250 + g.server + kemTime) * penalty * drifts[b] * cost
		for range f.perBlock {
			took := int64((client + server) * 1.05 * float64(concurrency) / min(2, float64(concurrency)) * (0.92 + 0.1*f.rng.ExpFloat64()))
			f.samples = append(f.samples, results.Sample{Experiment: experiment, Arm: arm, Block: b, Intended: f.clock, Sent: f.clock,
				Completed: f.clock + took, SinceInitial: took - int64(client/4), Group: g.name})
			f.clock += took
		}
		client, server = client*f.noise(0.004), server*f.noise(0.004)
		f.trials = append(f.trials, results.Trial{Experiment: experiment, Arm: arm, Block: b, Started: start, Finished: f.clock,
			Scheduled: f.perBlock, Completed: f.perBlock, Values: map[string]float64{
				"client_cpu": client, "server_cpu": server, "total_cpu": client + server,
				"client_allocs": 620 + math.Round(4*f.rng.Float64()), "server_allocs": 540 + math.Round(4*f.rng.Float64()),
				"handshakes_per_second": float64(f.perBlock) / (float64(f.clock-start) / 1e9)}})
	}
}

func (f *fixture) wire() {
	base := -1
	for _, g := range fakeGroups {
		for _, kem := range kemArms(g) {
			if kem == "circl-generic" {
				continue
			}
			id := f.arm("wire", results.Arm{Group: g.name, KEM: kem, Cert: "ecdsa-p256", Initial: 1252}, base, "group", 0)
			if g.name == "X25519" {
				base = id
			}
			for b := range f.blocks {
				f.trials = append(f.trials, results.Trial{Experiment: "wire", Arm: id, Block: b, Started: f.clock, Finished: f.clock,
					Scheduled: 1, Completed: 1, Values: f.ledger(g)})
				f.samples = append(f.samples, results.Sample{Experiment: "wire", Arm: id, Block: b, Intended: f.clock, Sent: f.clock, Completed: f.clock})
			}
		}
	}
}

func (f *fixture) ledger(g fakeGroup) map[string]float64 {
	grease := float64(f.rng.IntN(16))
	first, up, down := 1.0, 3.0, 3.0
	if g.hello > 1200 {
		first, up = 2, 4
	}
	if g.reply > 800 {
		down = 4
	}
	if f.rng.IntN(25) == 0 {
		up++
	}
	client, server := 1252*first+420+40*(up-first-2), 1252+1100+math.Max(0, g.reply-463)+float64(f.rng.IntN(4))
	return map[string]float64{"clienthello_bytes": g.hello - 8 + grease, "serverhello_bytes": g.reply,
		"client_initial_datagrams": first, "client_datagrams": up, "server_datagrams": down,
		"client_bytes": client, "server_bytes": server, "header_bytes_ipv4": 28 * (up + down),
		"certificate_bytes": 480, "hello_retry_requests": 0, "client_padding_bytes": 1252*first - g.hello - 80 - grease}
}

func (f *fixture) requests() {
	base, drifts := -1, f.drifts()
	for _, arm := range []results.Arm{{Group: "X25519"}, {Group: "X25519", AA: true}, {Group: "X25519MLKEM768", KEM: "go"}} {
		arm.Concurrency = 16
		kind, margin := "group", 0.02
		if arm.AA {
			kind = "aa"
		}
		id := f.arm("requests", arm, base, kind, margin)
		base = max(base, 0)
		if !arm.AA && !hybrid(arm) {
			base = id
		}
		for b := range f.blocks {
			start := f.clock
			for range f.perBlock {
				took := int64(2.1e6 * drifts[b] * (0.8 + 0.25*f.rng.ExpFloat64()))
				f.samples = append(f.samples, results.Sample{Experiment: "requests", Arm: id, Block: b, Intended: f.clock, Sent: f.clock + 900,
					First: f.clock + took/2 + 900, Completed: f.clock + took + 900, Down: 1024})
				f.clock += took
			}
			f.trials = append(f.trials, results.Trial{Experiment: "requests", Arm: id, Block: b, Started: start, Finished: f.clock + 900,
				Scheduled: f.perBlock, Completed: f.perBlock, Values: map[string]float64{"requests_per_second": 7400 / drifts[b] * f.noise(0.01),
					"edge_cpu": 121_000 * drifts[b] * f.noise(0.008), "connector_cpu": 98_000 * drifts[b] * f.noise(0.008)}})
		}
	}
}

func (f *fixture) goodput() {
	base, drifts := -1, f.drifts()
	for _, arm := range []results.Arm{{Group: "X25519"}, {Group: "X25519", AA: true}, {Group: "X25519MLKEM768", KEM: "go"}} {
		kind := "group"
		if arm.AA {
			kind = "aa"
		}
		id := f.arm("goodput", arm, base, kind, 0.02)
		if base < 0 {
			base = id
		}
		for b := range f.blocks {
			f.trials = append(f.trials, results.Trial{Experiment: "goodput", Arm: id, Block: b, Started: f.clock, Finished: f.clock + 1,
				Values: map[string]float64{"goodput_down": 2.1e9 / drifts[b] * f.noise(0.012), "goodput_up": 1.8e9 / drifts[b] * f.noise(0.012),
					"cpu_per_gb": 6.2e9 * drifts[b] * f.noise(0.01), "cpu_per_gb_down": 5.9e9 * drifts[b] * f.noise(0.01),
					"cpu_per_gb_up": 6.5e9 * drifts[b] * f.noise(0.01)}})
		}
	}
}

func (f *fixture) overhead() {
	drifts := f.drifts()
	for _, g := range []fakeGroup{fakeGroups[0], fakeGroups[4]} {
		kem := kemArms(g)[0]
		a := results.Arm{Group: g.name, KEM: kem, Cert: "ecdsa-p256", Concurrency: 8, Stack: "bare"}
		bare := f.arm("overhead", a, -1, "", 0)
		f.handshakes("overhead", bare, g, kem, 8, drifts, 1)
		a.Stack = "pqbench"
		id := f.arm("overhead", a, bare, "stack", 0)
		f.handshakes("overhead", id, g, kem, 8, drifts, 1.025)
	}
}
