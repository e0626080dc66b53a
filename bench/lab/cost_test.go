package lab

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/bench"
	"pqbench/results"
)

// measured writes a run folder with the arithmetic and the handshakes of two groups.
func measured(t *testing.T, virtual bool) string {
	m := results.Manifest{Schema: results.Schema, Plan: "cpu", Complete: true, Virtual: virtual}
	var records []results.Record
	add := func(experiment string, a results.Arm, values ...map[string]float64) {
		for block, v := range values {
			records = append(records, results.Record{Trial: &results.Trial{Experiment: experiment, Arm: len(m.Arms), Block: block, Values: v}})
		}
		m.Arms = append(m.Arms, results.ArmOf{Experiment: experiment, Arm: a})
	}
	cpu := func(client, server float64) map[string]float64 {
		return map[string]float64{"client_cpu": client, "server_cpu": server}
	}
	hybrid := results.Arm{Group: "X25519MLKEM768", KEM: "go"}
	add("kex", results.Arm{Group: "X25519"}, map[string]float64{"client": 60e3}, map[string]float64{"client": 62e3}, map[string]float64{"client": 900e3})
	add("kex", hybrid, map[string]float64{"client": 160e3, "keygen": 40e3, "decapsulate": 60e3})
	alone := results.Arm{Group: "X25519", Concurrency: 1, Cert: "ecdsa-p256"}
	add("handshake", alone, cpu(9e6, 9e6))
	alone.Concurrency = 8
	add("handshake", alone, cpu(400e3, 500e3))
	alone.Cert = "rsa-2048"
	add("handshake", alone, cpu(8e6, 8e6))
	hybrid.Concurrency = 8
	add("handshake", hybrid, cpu(500e3, 600e3))
	w, err := results.Create(t.TempDir(), "cpu", m)
	require.NoError(t, err)
	for _, r := range records {
		require.NoError(t, w.Write(r))
	}
	dir, err := w.Finish(m)
	require.NoError(t, err)
	return dir
}

func TestReadCosts(t *testing.T) {
	c, err := ReadCosts(measured(t, false), "ecdsa-p256")
	require.NoError(t, err)
	us := func(n int) bench.Duration { return bench.Duration(time.Duration(n) * time.Microsecond) }
	assert.Equal(t, map[string]Cost{
		"X25519":         {Share: us(31), Server: us(500), Client: us(369)},
		"X25519MLKEM768": {Share: us(40 + 30), Server: us(600), Client: us(430)},
	}, c.Groups, "medians; the most in flight; half of a Diffie-Hellman key's work before the first datagram")

	_, err = ReadCosts(measured(t, true), "ecdsa-p256")
	require.ErrorContains(t, err, "virtual time")
	_, err = ReadCosts(measured(t, false), "ed25519")
	require.NoError(t, err, "an arm without a kind of certificate has any")
	_, err = ReadCosts(t.TempDir(), "ecdsa-p256")
	require.Error(t, err)
}
