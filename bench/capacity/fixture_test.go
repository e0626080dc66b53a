package capacity

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pqbench/results"
)

// cost values of the made-up runs: per group, every block has them times 1 + spread·(block−middle).
type made struct {
	experiment string
	arm        results.Arm
	values     map[string]float64
}

const madeBlocks = 9

// folder writes a run folder. spread 0 makes all blocks alike.
func folder(t *testing.T, spread float64, blocks int, change func(*results.Manifest), arms ...made) string {
	t.Helper()
	m := results.Manifest{Schema: results.Schema, Plan: "made", Started: time.Unix(0, 0), Complete: true,
		Host: results.Host{OS: "linux", Arch: "amd64", CPU: "Test CPU", Cores: 2}}
	for _, a := range arms {
		m.Arms = append(m.Arms, results.ArmOf{Experiment: a.experiment, Arm: a.arm})
	}
	if change != nil {
		change(&m)
	}
	w, err := results.Create(t.TempDir(), "made", m)
	require.NoError(t, err)
	for i, a := range arms {
		for b := range blocks {
			values := map[string]float64{}
			for name, v := range a.values {
				if values[name] = v; name != perTunnel { // which is not measured
					values[name] *= 1 + spread*float64(b-blocks/2)
				}
			}
			require.NoError(t, w.Write(results.Record{Trial: &results.Trial{Experiment: a.experiment, Arm: i, Block: b, Values: values}}))
		}
	}
	dir, err := w.Finish(m)
	require.NoError(t, err)
	return dir
}

// costs of a whole run: handshakes of 500 µs classical and 600 µs hybrid, requests of 100 µs, 4 s/GB, 100 µs more
// with the registration, 200 KiB and 100 µs/s a tunnel
// beside 30 MiB and 5 ms/s of a process without any.
func all() (arms []made) {
	for i, group := range []string{"X25519", "X25519MLKEM768"} {
		kem := []string{"", "go"}[i]
		arm := results.Arm{Group: group, KEM: kem}
		several, one := arm, arm
		several.Concurrency, one.Concurrency = 8, 1
		arms = append(arms,
			made{"handshake", one, map[string]float64{"server_cpu": 9e9}},
			made{"handshake", several, map[string]float64{"server_cpu": 500e3 + float64(i)*100e3, "client_cpu": 700e3}},
			made{"requests", arm, map[string]float64{"edge_cpu": 100e3}},
			made{"goodput", arm, map[string]float64{"cpu_per_gb": 7e9, "connector_cpu_per_gb": 3e9}},
			made{"wire", arm, map[string]float64{"client_bytes_confirmed": 2000 + 1000*float64(i), "server_bytes_confirmed": 1000, "client_datagrams_confirmed": 4, "server_datagrams_confirmed": 3,
				"client_initial_datagrams": 1 + float64(i), "server_datagrams": 2}},
		)
		for _, size := range []int{50, 250} {
			fleet := arm
			fleet.Tunnels, fleet.Timers = size, "1s/5s"
			arms = append(arms, made{"fleet", fleet, map[string]float64{
				"edge_rss":          float64(30<<20 + size*200<<10),
				"edge_cpu_per_1000": (0.005 + float64(size)*100e-6) / float64(size) * 1000, "connector_cpu_per_1000": 0.1,
				"connections_per_tunnel": 4, "connector_ramp_cpu": 1e9 + float64(size)*4*800e3 + 0.1*float64(size)/1000*1e9*2/2,
				"edge_ramp_cpu": 1e9 + float64(size)*4*(600e3+float64(i)*100e3) + (0.005+float64(size)*100e-6)*1e9*2/2, "ramp_time": 2e9,
				"client_keepalive_bytes": 100, "server_keepalive_bytes": 110, "client_keepalive_datagrams": 4, "server_keepalive_datagrams": 5,
			}})
		}
	}
	return arms
}

// without leaves an experiment out.
func without(arms []made, experiment string) (out []made) {
	for _, a := range arms {
		if a.experiment != experiment {
			out = append(out, a)
		}
	}
	return out
}

func target() Target {
	t := DefaultTarget()
	t.Tunnels, t.RPS, t.Egress = 20_000, 40_000, 8e9
	t.Cores, t.Memory, t.NIC = 8, 4<<30, 10e9
	return t
}

// blockwise is a folder in which an arm that stands there several times has a block for each.
func blockwise(t *testing.T, change func(*results.Manifest), arms ...made) string {
	t.Helper()
	m := results.Manifest{Schema: results.Schema, Plan: "made", Started: time.Unix(0, 0), Complete: true,
		Host: results.Host{OS: "linux", Arch: "amd64", CPU: "Test CPU", Cores: 2}}
	of, blocks := make([]int, len(arms)), map[int]int{}
	for i, a := range arms {
		arm := results.ArmOf{Experiment: a.experiment, Arm: a.arm}
		if of[i] = slices.Index(m.Arms, arm); of[i] < 0 {
			of[i], m.Arms = len(m.Arms), append(m.Arms, arm)
		}
	}
	change(&m)
	w, err := results.Create(t.TempDir(), "made", m)
	require.NoError(t, err)
	for i, a := range arms {
		require.NoError(t, w.Write(results.Record{Trial: &results.Trial{Experiment: a.experiment, Arm: of[i], Block: blocks[of[i]], Values: a.values}}))
		blocks[of[i]]++
	}
	dir, err := w.Finish(m)
	require.NoError(t, err)
	return dir
}
