package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pqbench/bench"
	"pqbench/bench/capacity"
	"pqbench/kex"
)

// What is measured for a target is what the target has.
func TestCostPlan(t *testing.T) {
	target := capacity.DefaultTarget()
	usual, err := costPlan(&target)
	require.NoError(t, err)
	builtin, err := bench.OpenPlan("capacity")
	require.NoError(t, err)
	require.Equal(t, builtin.Text(), usual.Text())

	target.Groups = []string{"secp256r1", "X25519MLKEM768"}
	target.KeepAlive, target.Idle, target.Connections = 15*time.Second, time.Minute, 2
	other, err := costPlan(&target)
	require.NoError(t, err)
	for _, e := range other.Experiments {
		require.Equal(t, "secp256r1", e.Groups[0].Label())
		require.Equal(t, "secp256r1", e.Control.Label())
		require.Equal(t, []bench.Provider{bench.Provider(kex.Go)}, e.Providers)
		if e.Run == "fleet" || e.Run == "storm" {
			require.Equal(t, "15s/1m", e.Timers[0].String())
			require.Equal(t, 2, e.Conns)
		}
		if e.Run == "fleet" {
			require.Equal(t, 30*time.Second, time.Duration(e.Time))
		}
	}

	target.Groups[1] = "X25519Kyber512Draft00"
	kyber, err := costPlan(&target)
	require.NoError(t, err)
	require.Equal(t, []bench.Provider{bench.Provider(kex.CIRCLAsm)}, kyber.Experiments[0].Providers)
}
