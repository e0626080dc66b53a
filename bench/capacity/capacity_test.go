package capacity

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pqbench/results"
)

// Costs are read as they were written: of the arm with the most in flight, the edge's part alone, per tunnel by the slope.
func TestReadCosts(t *testing.T) {
	want := target()
	m, err := Read([]string{folder(t, 0, madeBlocks, nil, all()...)}, &want)
	require.NoError(t, err)
	require.Empty(t, m.Warnings)
	c := &m.Costs[1]
	require.Equal(t, "go", c.Provider)
	for name, value := range map[string]float64{
		edgeHandshake: 600e3, reconnection: 700e3, peerReconnection: 800e3, peerHandshake: 700e3, request: 100e3, gigabyte: 4e9, heldMemory: 50 << 10, upkeep: 25e3,
		keepAliveIn: (100 + 4*28) / 4, keepAliveOut: (110 + 5*28) / 4.0, clientBytes: 3000 + 4*28, serverBytes: 1000 + 3*28, clientFlight: 2, serverFlight: 2,
	} {
		require.NotNil(t, c.cost(name), name)
		require.InEpsilon(t, value, c.cost(name).Value, 1e-6, name)
		require.Equal(t, madeBlocks, c.cost(name).Blocks, name)
	}
	require.Empty(t, c.Missing)
}

// Hosts are what arithmetic says.
func TestHostsByDimension(t *testing.T) {
	want := target()
	m, err := Read([]string{folder(t, 0, madeBlocks, nil, all()...)}, &want)
	require.NoError(t, err)
	const rate = 10_000
	a := want.answer(&m.Costs[1], rates{rate}, 1)
	steady := 40_000*100e-6 + 1.0*4 + 20_000*100e-6 // requests, 8 Gbit/s = 1 GB/s, upkeep
	for i, hosts := range []float64{
		steady / (8 * 0.7),
		(rate*700e-6 + steady) / 8,
		20_000 * 200 * 1024 / (4 * float64(1<<30) * 0.7),
		(8e9*(1+tunnelOverhead) + 8*(100+4*28)*20_000) / (10e9 * 0.7),
		(8e9*(1+tunnelOverhead) + 8*(100+4*28)*20_000 + 8*rate*(3000+4*28)) / 10e9,
	} {
		require.InEpsilon(t, hosts, a.Dimensions[i].Hosts.Value, 1e-6, a.Dimensions[i].Name)
		require.InEpsilon(t, hosts, a.Dimensions[i].Hosts.Low, 1e-6, "costs without spread have no interval")
		require.Equal(t, dimensions[i].name == dimStorm, a.Dimensions[i].Binds > 0.99, a.Dimensions[i].Name)
	}
	require.Equal(t, dimStorm, a.Binding)
	require.Equal(t, 3.0, a.Hosts.Value)

	want.Memory = 1 << 30
	a = want.answer(&m.Costs[1], rates{rate}, 1)
	require.Equal(t, dimMemory, a.Binding, "a host with less memory")
}

// Draws are of whole blocks, the same for all groups: what a block does to both cancels in their difference.
func TestIntervalsCarry(t *testing.T) {
	want := target()
	m, err := Read([]string{folder(t, 0.02, madeBlocks, nil, all()...)}, &want)
	require.NoError(t, err)
	classical, hybrid := want.answer(&m.Costs[0], rates{20_000}, 1), want.answer(&m.Costs[1], rates{20_000}, 1)
	storm := classical.Dimensions[1].Hosts
	require.Less(t, storm.Low, storm.Value*0.99)
	require.Greater(t, storm.High, storm.Value*1.01)
	for i := range classical.drawn {
		require.GreaterOrEqual(t, hybrid.drawn[i], classical.drawn[i], "draw %d", i)
	}
	require.GreaterOrEqual(t, Difference(&classical, &hybrid).Low, 0.0)
	again := want.answer(&m.Costs[0], rates{20_000}, 1)
	require.Equal(t, classical, again)
}

// A cost that nobody measured refuses its dimension, and nothing else.
func TestMissingCostsRefuse(t *testing.T) {
	for experiment, refused := range map[string][]string{
		"handshake": nil, // fleets say what a reconnection costs
		"requests":  {dimSteady, dimStorm},
		"goodput":   {dimSteady, dimStorm},
		"fleet":     {dimSteady, dimStorm, dimMemory, dimNetwork, dimSurge},
		"wire":      {dimSurge},
	} {
		t.Run(experiment, func(t *testing.T) {
			want := target()
			m, err := Read([]string{folder(t, 0, madeBlocks, nil, without(all(), experiment)...)}, &want)
			require.NoError(t, err)
			a := want.answer(&m.Costs[0], rates{10_000}, 1)
			require.Equal(t, refused, a.refused())
			if experiment == "handshake" {
				return
			}
			for _, d := range a.Dimensions {
				if d.Refused != "" {
					require.Contains(t, d.Refused, "no run has experiment "+experiment)
					require.Zero(t, d.Hosts)
				}
				if d.AtLeast != "" { // what the other costs make is a lower bound
					require.Contains(t, d.AtLeast, "no run has experiment "+experiment)
					require.Positive(t, d.Hosts.Value)
				}
			}
			require.Equal(t, "at least ", a.bound())
			// What was not asked for needs no cost.
			want.RPS, want.Egress = 0, 0
			if experiment == "requests" || experiment == "goodput" {
				a := want.answer(&m.Costs[0], rates{10_000}, 1)
				require.Empty(t, a.refused())
			}
		})
	}
	want := target()
	want.KeepAlive, want.Idle = 15*time.Second, time.Minute
	m, err := Read([]string{folder(t, 0, madeBlocks, nil, all()...)}, &want)
	require.NoError(t, err)
	require.Contains(t, m.Costs[0].Missing[upkeep], "other timers than the target's")
	require.NotContains(t, m.Costs[0].Missing, heldMemory)
}

// A fleet that took no more memory than a smaller one tells nothing of a tunnel, least of all that it takes none.
func TestALineThatFallsIsNoCost(t *testing.T) {
	want := target()
	arms := all()
	for i, a := range arms {
		if a.experiment == "fleet" && a.arm.Group == "X25519" {
			arms[i].values["edge_rss"] = float64(30<<20 - a.arm.Tunnels*10<<10)
		}
	}
	falls := folder(t, 0, 1, nil, arms...)
	m, err := Read([]string{falls}, &want)
	require.NoError(t, err)
	require.Contains(t, m.Costs[0].Missing[heldMemory], "did not take more than smaller ones")
	require.NotContains(t, m.Costs[1].Missing, heldMemory)
	a := want.answer(&m.Costs[0], rates{10_000}, 1)
	require.Equal(t, []string{dimMemory}, a.refused())

	// Another run has it.
	m, err = Read([]string{falls, folder(t, 0, madeBlocks, nil, all()...)}, &want)
	require.NoError(t, err)
	require.Empty(t, m.Costs[0].Missing)
	require.InEpsilon(t, 50<<10, m.Costs[0].cost(heldMemory).Value, 1e-9)
}

// Folders add up; what differs between them is said.
func TestReadSeveralRuns(t *testing.T) {
	want := target()
	arms := all()
	one := folder(t, 0, madeBlocks, nil, without(arms, "fleet")...)
	two := folder(t, 0, 3, func(m *results.Manifest) {
		m.Started, m.Host.CPU, m.Complete, m.Reason = time.Unix(60, 0), "Other CPU", false, "interrupted"
	}, arms...)
	m, err := Read([]string{one, two}, &want)
	require.NoError(t, err)
	require.Empty(t, m.Costs[0].Missing)
	require.Equal(t, filepath.Base(one), m.Costs[0].cost(edgeHandshake).Run, "the first that has it")
	require.Equal(t, filepath.Base(two), m.Costs[0].cost(heldMemory).Run)
	text := strings.Join(m.Warnings, "\n")
	require.Contains(t, text, "hosts differ")
	require.Contains(t, text, "is not complete: interrupted")
	require.Contains(t, text, "3 blocks are too few for an interval")
	require.True(t, math.IsNaN(m.Costs[0].cost(heldMemory).Low))

	require.NotContains(t, text, "do not have all costs from the same run")
	half := slices.DeleteFunc(slices.Clone(arms), func(a made) bool { return a.arm.Group == "X25519" && a.experiment == "requests" })
	m, err = Read([]string{folder(t, 0, madeBlocks, nil, half...), two}, &want)
	require.NoError(t, err)
	require.Contains(t, strings.Join(m.Warnings, "\n"), "do not have all costs from the same run (request)")

	_, err = Read([]string{t.TempDir()}, &want)
	require.ErrorContains(t, err, "not a run folder")
	_, err = Read([]string{folder(t, 0, 1, nil, made{"kex", results.Arm{Group: "X25519"}, map[string]float64{"client": 1}})}, &want)
	require.ErrorContains(t, err, "hold no cost of X25519, X25519MLKEM768")
}

// The whole way, small: the storm is back in time on the hosts found, the report says it, and the same folders give the
// same bytes.
func TestComputeAndWrite(t *testing.T) {
	want := target()
	want.Tunnels = 400
	m, err := Read([]string{folder(t, 0.01, madeBlocks, nil, all()...)}, &want)
	require.NoError(t, err)
	dirs := [2]string{t.TempDir(), t.TempDir()}
	for i := range dirs {
		p, err := Compute(t.Context(), want, m)
		require.NoError(t, err)
		for _, a := range p.Answers {
			require.Positive(t, a.Rate)
			after, ok := a.Storm.Result.Recovered(want.RecoverShare)
			require.True(t, ok)
			require.LessOrEqual(t, after, want.Recover)
		}
		require.Less(t, p.Answers[0].Law.High, want.Recover)
		require.NoError(t, p.Write(dirs[i]))
	}
	for _, name := range []string{MarkdownFile, JSONFile, "plots/capacity-hosts.svg", "plots/capacity-hosts.png", "plots/capacity-storm.svg", "plots/capacity-storm.png"} {
		one, err := os.ReadFile(filepath.Join(dirs[0], name))
		require.NoError(t, err)
		two, err := os.ReadFile(filepath.Join(dirs[1], name))
		require.NoError(t, err)
		require.True(t, bytes.Equal(one, two), name)
	}
	text, err := os.ReadFile(filepath.Join(dirs[0], JSONFile))
	require.NoError(t, err)
	var r record
	require.NoError(t, json.Unmarshal(text, &r))
	require.Equal(t, 400, r.Target.Tunnels)
	require.NotNil(t, r.Groups[1].Plan)
	require.GreaterOrEqual(t, float64(*r.Groups[1].Plan), r.Groups[1].Hosts.Value)
}

// No edge is fast enough for what the connectors' own waits do not allow.
func TestLawIsTheLimit(t *testing.T) {
	want := target()
	want.Tunnels, want.Recover = 2000, 5*time.Second
	m, err := Read([]string{folder(t, 0, madeBlocks, nil, all()...)}, &want)
	require.NoError(t, err)
	p, err := Compute(t.Context(), want, m)
	require.NoError(t, err)
	require.Greater(t, p.Answers[0].Law.Low, want.Recover)
	require.True(t, p.Answers[0].impossible())
	var text bytes.Buffer
	require.NoError(t, p.WriteText(&text))
	require.Contains(t, text.String(), "X25519: no number of hosts. The connectors' own waits")
}

func TestFields(t *testing.T) {
	good := map[string]string{"tunnels": "1_000_000", "rps": "200000/s", "egress": "40Gbit", "recover-within": "90s", "recover-share": "99.9%", "outage": "0",
		"cores-per-host": "32", "memory-per-host": "128GiB", "nic": "100Gbit", "headroom": "20 %", "connections": "2", "keepalive": "15s", "idle": "60s", "rtt": "80ms",
		"loss": "0.5%", "group": "X25519, X25519MLKEM768"}
	require.Len(t, good, len(fields), "a field without a case here")
	got := DefaultTarget()
	for name, text := range good {
		require.NoError(t, got.Set(name, text), name)
	}
	require.NoError(t, got.Check())
	require.InDelta(t, 0.999, got.RecoverShare, 1e-12)
	got.RecoverShare = 0.999
	require.Equal(t, Target{Tunnels: 1_000_000, Connections: 2, RPS: 200_000, Egress: 40e9, Recover: 90 * time.Second, RecoverShare: 0.999, Cores: 32,
		Memory: 128 << 30, NIC: 100e9, Headroom: 0.2, KeepAlive: 15 * time.Second, Idle: time.Minute, RTT: 80 * time.Millisecond, Loss: 0.005,
		Groups: []string{"X25519", "X25519MLKEM768"}, Seed: 1}, got)
	for name, texts := range map[string][]string{
		"tunnels": {"-5", "0", "1.5", "many", "99999999999"}, "connections": {"0", "17"}, "rps": {"-1", "NaN", "Inf", "x"}, "egress": {"-1Gbit", "1GB"},
		"recover-within": {"0s", "60", "-1s"}, "recover-share": {"101%", "0.99"}, "outage": {"-1s"}, "cores-per-host": {"0"}, "memory-per-host": {"64", "0", "x"},
		"nic": {"0", "x"}, "headroom": {"120%", "-1%", "30"}, "keepalive": {"0"}, "idle": {"0"}, "rtt": {"-1ms", "1h"}, "loss": {"100%", "-1%"}, "group": {"", "X25519,"},
	} {
		for _, text := range texts {
			got := DefaultTarget()
			require.ErrorContains(t, got.Set(name, text), name+": ", "%s %q", name, text)
		}
	}
	for name, change := range map[string]func(*Target){
		"say how many":     func(t *Target) { t.Tunnels = 0 },
		"given up":         func(t *Target) { t.KeepAlive = t.Idle },
		"unknown group":    func(t *Target) { t.Groups = []string{"X25591"} },
		"is named twice":   func(t *Target) { t.Groups = []string{"X25519", "x25519"} },
		"name at least on": func(t *Target) { t.Groups = nil },
	} {
		bad := target()
		change(&bad)
		require.ErrorContains(t, bad.Check(), name)
	}
}

func TestTargetFile(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"unknown":  {"tunnels: 5\nrpss: 7\n", `line 2: unknown field "rpss" (did you mean "rps"?)`},
		"twice":    {"tunnels: 5\ntunnels: 6\n", "line 2: tunnels: stands there twice"},
		"bad":      {"headroom: 120%\n", `line 1: headroom: "120%"`},
		"nested":   {"tunnels:\n  of: 5\n", "line 1: want a value"},
		"empty":    {"", "want fields and values"},
		"no yaml":  {"a: [", "yaml"},
		"sequence": {"- 5\n", "want fields and values"},
	} {
		t.Run(name, func(t *testing.T) {
			got := DefaultTarget()
			require.ErrorContains(t, got.parse([]byte(test.text)), test.want)
		})
	}
	got := DefaultTarget()
	require.NoError(t, got.parse([]byte("tunnels: 1000\ngroup: [X25519, SecP384r1MLKEM1024]\n")))
	require.Equal(t, []string{"X25519", "SecP384r1MLKEM1024"}, got.Groups)
}

// Whatever a file holds, what comes of it is in range.
func FuzzTargetFile(f *testing.F) {
	f.Add([]byte("tunnels: 1000000\nrps: 200000\negress: 40Gbit\nheadroom: 30%\n"))
	f.Add([]byte("group: [X25519]\nrtt: 80ms\nloss: 1%\n"))
	f.Add([]byte("tunnels: {a: b}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got := DefaultTarget()
		if got.parse(text) != nil || got.Check() != nil {
			return
		}
		require.True(t, got.Tunnels > 0 && got.Tunnels <= maxTunnels)
		require.True(t, got.Headroom >= 0 && got.Headroom < 1 && got.Loss >= 0 && got.Loss < 1)
		require.True(t, got.RPS >= 0 && got.Egress >= 0 && got.NIC > 0 && got.Memory > 0 && got.Recover > 0 && got.RecoverShare > 0 && got.RecoverShare <= 1)
		require.NotEmpty(t, got.Groups)
	})
}

func TestNumbers(t *testing.T) {
	for want, got := range map[string]string{
		"0": figures(0, 3), "1.23": figures(1.234, 3), "−4": figures(-4, 3), "151,000": figures(151234, 3), "9,999,000": figures(9_999_000.4, 4),
		"0.0123": figures(0.01234, 3), "99 %": percent(0.99), "99.9 %": percent(0.999), "1,234,567": count(1234567), "never": after(0, false), "28.6 s": after(28600*time.Millisecond, true),
	} {
		require.Equal(t, want, got)
	}
}

// What a connection holds and takes goes with the target's connections, not with the fleet's that was measured.
func TestCostsGoWithConnections(t *testing.T) {
	want := target()
	want.RPS, want.Egress = 0, 0
	m, err := Read([]string{folder(t, 0, madeBlocks, nil, all()...)}, &want)
	require.NoError(t, err)
	four := want.answer(&m.Costs[1], rates{10_000}, 1)
	want.Connections = 1
	require.Contains(t, m.perConnection(1), "from fleets of 4 connections a tunnel. What a tunnel holds beside them is spread over them: for the target's 1")
	require.NotContains(t, m.perConnection(4), "off")
	one := want.answer(&m.Costs[1], rates{10_000}, 1)
	for i, d := range four.Dimensions {
		switch d.Name {
		case dimSteady, dimMemory, dimNetwork:
			require.InEpsilon(t, d.Need.Value/4, one.Dimensions[i].Need.Value, 1e-9, d.Name)
		default: // the rate is an argument here
			require.Less(t, one.Dimensions[i].Need.Value, d.Need.Value, d.Name)
		}
	}
}

// Upkeep is that of a further connection between the two largest fleets, and how far it is carried is said.
func TestUpkeepBends(t *testing.T) {
	want := target()
	want.RPS, want.Egress = 0, 0
	arms := all()
	const size = 1000
	for _, a := range arms {
		if a.experiment != "fleet" || a.arm.Tunnels != 250 {
			continue
		}
		more := made{a.experiment, a.arm, maps.Clone(a.values)}
		more.arm.Tunnels = size
		const whole = 0.005 + 250*100e-6 + (size-250)*20e-6 // a fifth of what smaller fleets take for each further one
		more.values["edge_cpu_per_1000"] = whole / size * 1000
		more.values["edge_rss"] = float64(30<<20 + size*200<<10)
		arms = append(arms, more)
	}
	m, err := Read([]string{folder(t, 0, madeBlocks, nil, arms...)}, &want)
	require.NoError(t, err)
	c := &m.Costs[0]
	require.InEpsilon(t, 5e3, c.cost(upkeep).Value, 1e-6, "20 µs of four connections")
	require.InEpsilon(t, 50<<10, c.cost(heldMemory).Value, 1e-6)
	require.Equal(t, []float64{200, 1000, 4000}, c.Bend.Sizes)
	require.InEpsilon(t, 25e3, c.Bend.Each[0], 1e-6)
	a := want.answer(c, rates{10_000}, 1)
	require.Contains(t, want.extrapolatedUpkeep(c, &a), "X25519: 100 % of the cores in normal operation are the upkeep of idle connections, which is carried from fleets of up to 4000 connections to")
	require.Contains(t, want.extrapolatedUpkeep(c, &a), "a further connection takes 5.00 µs between the two largest fleets, which is what counts, and 25.0 µs between the two smallest: it falls")

	m, err = Read([]string{folder(t, 0, madeBlocks, nil, all()...)}, &want)
	require.NoError(t, err)
	require.Contains(t, want.extrapolatedUpkeep(&m.Costs[0], &a), "two sizes cannot show")
	want.Tunnels = 100
	a = want.answer(&m.Costs[0], rates{10_000}, 1)
	require.Empty(t, want.extrapolatedUpkeep(&m.Costs[0], &a), "no more than was measured")
}
