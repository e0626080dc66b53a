package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

// addPeers adds our connector beside a real cloudflared, which takes twice the CPU.
func (f *fixture) addPeers() {
	f.m.Experiments = append(f.m.Experiments, results.Experiment{Name: "requests", Blocks: f.blocks, Done: f.blocks})
	base := -1
	for _, stack := range []string{"cloudflared", "pqbench"} {
		id := f.arm("requests", results.Arm{Group: today, KEM: "go", Concurrency: 50, Stack: stack}, base, "stack", 0)
		cpu := 60e3
		if base < 0 {
			base, cpu = id, 120e3
		}
		for b := range f.blocks {
			f.trials = append(f.trials, results.Trial{Experiment: "requests", Arm: id, Block: b,
				Values: map[string]float64{"connector_cpu": cpu * f.noise(0.01), "requests_per_second": 7000 * f.noise(0.01)}})
		}
	}
}

func TestOurConnectorBesideACloudflared(t *testing.T) {
	f := newFixture(16, 0)
	f.addPeers()
	s := f.summary()
	sentences := answer(s)
	require.Len(t, sentences, 1, "a run of connectors has nothing to say of handshakes: %q", sentences)
	assert.Regexp(t, `^Our connector beside a real cloudflared: CPU per request \d\d\.\d µs instead of 1\d\d\.?\d* µs \(−(49|50|51)\.\d % \[`, sentences[0])
	assert.Contains(t, names(f.run().figures(s)), "beside-cloudflared")
}

func names(figures []figure) []string {
	var all []string
	for _, f := range figures {
		all = append(all, f.Name)
	}
	return all
}

// addPolicies adds three meetings: one that connects, one that does after a HelloRetryRequest, and a refusal.
func (f *fixture) addPolicies() {
	f.m.Experiments = append(f.m.Experiments, results.Experiment{Name: policy, Blocks: f.blocks, Done: f.blocks})
	for i, of := range []struct {
		arm           results.Arm
		group, detail string
		trips         float64
	}{
		{results.Arm{Group: "secp256r1", Policy: "classical", Accept: "all"}, "secp256r1", "", 1},
		{results.Arm{Group: today + "+secp256r1", KEM: "go", Policy: "prefer", Accept: "classical"}, "secp256r1", "", 2},
		{results.Arm{Group: today, KEM: "go", Policy: "strict", Accept: "classical"}, "", "CRYPTO_ERROR 0x128 (remote): tls: handshake failure", 1},
	} {
		id := f.arm(policy, of.arm, min(i, 1)-1, policy, 0)
		for b := range f.blocks {
			s := results.Sample{Experiment: policy, Arm: id, Block: b, Completed: 1e6, Group: of.group, Detail: of.detail}
			trial := results.Trial{Experiment: policy, Arm: id, Block: b, Finished: 1e6, Scheduled: 1, Completed: 1, Values: map[string]float64{
				"attempt_p50": 1e6, "total_cpu": 1e6, "client_cpu": 5e5, "server_cpu": 5e5, "client_bytes": 2504, "server_bytes": 1252,
				"round_trips": of.trips, "hello_retry_requests": of.trips - 1}}
			if of.detail != "" {
				s.Class, trial.Completed, trial.Failed = results.ClassCrypto, 0, 1
			}
			f.samples, f.trials = append(f.samples, s), append(f.trials, trial)
		}
	}
}

func TestPoliciesHaveOutcomes(t *testing.T) {
	f := newFixture(8, 0)
	f.addPolicies()
	s := f.summary()
	var got []string
	for _, o := range s.Outcomes {
		got = append(got, o.Text)
	}
	assert.Equal(t, []string{"secp256r1", "secp256r1 after a HelloRetryRequest", "refused, 0x128"}, got)
	assert.Equal(t, []string{"Of 3 combinations 1 connect in one round trip, 1 after a HelloRetryRequest, 1 are refused."}, answer(s))
	assert.NotContains(t, strings.Join(s.Warnings, "\n"), "did not succeed", "a refusal is an outcome")
	assert.Contains(t, names(f.run().figures(s)), "policies")

	// A time-out is not.
	f.samples[len(f.samples)-1].Class = results.ClassTimeout
	assert.Contains(t, strings.Join(f.summary().Warnings, "\n"), "policy: 1 of 24 did not succeed (1 timeout)")
}
