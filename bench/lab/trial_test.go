package lab

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/results"
)

// trials runs so many trials of a cell, as a worker does.
func trials(t *testing.T, job Job, n int) (all []Result) {
	s := &setting{}
	if job.Cell.Cert == "" {
		job.Cell.Cert = "ecdsa-p256"
	}
	if job.Cell.Accept == "" {
		job.Cell.Accept = "all"
	}
	if job.Cell.Loss == "" {
		job.Cell.Loss = "0"
	}
	_, err := s.authority(job.Cell.Cert)
	require.NoError(t, err)
	for len(all) < n {
		synctest.Test(t, func(t *testing.T) { all = append(all, s.run(t, job, uint64(len(all)))...) })
	}
	return all
}

// The parts of every handshake's time add up to the whole, whatever the path does to it.
func TestEveryDelayIsExplained(t *testing.T) {
	for name, c := range map[string]Cell{
		"loss":   {RTT: 100 * time.Millisecond, Loss: "10%"},
		"bursts": {RTT: 20 * time.Millisecond, Loss: "gilbert-elliott(0.05,0.3)"},
		"rate":   {RTT: 20 * time.Millisecond, Loss: "5%", Rate: 1e6},
		"jitter": {RTT: 50 * time.Millisecond, Loss: "2%", Jitter: 10 * time.Millisecond, Reorder: 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			c.Offer = []string{"X25519MLKEM768"}
			waited, completed := 0, 0
			for i, r := range trials(t, Job{Cell: c, Seed: 7}, 60) {
				if r.Class != "" {
					continue
				}
				completed++
				e := r.Explanation
				require.Equal(t, r.Handshake, e.Sum(), "trial %d: %+v", i, e)
				require.GreaterOrEqual(t, e.Crossings, 2, "trial %d", i)
				if e.Waits > 0 {
					waited++
				}
			}
			assert.Greater(t, completed, 50)
			assert.Positive(t, waited, "some handshakes waited for a timer")
		})
	}
}

// Without loss a handshake is one round trip and serialisation; a HelloRetryRequest makes it two.
func TestHandshakesOfAnIdlePath(t *testing.T) {
	const rtt = 100 * time.Millisecond
	for _, tc := range []struct {
		name      string
		cell      Cell
		crossings int
		datagrams [2]int
	}{
		{"X25519", Cell{Offer: []string{"X25519"}}, 2, [2]int{2, 1}},
		{"X25519MLKEM768", Cell{Offer: []string{"X25519MLKEM768"}}, 2, [2]int{4, 3}},
		{"HelloRetryRequest", Cell{Offer: []string{"X25519MLKEM768", "P-256"}, Accept: "P-256"}, 4, [2]int{0, 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.cell.RTT = rtt
			for _, r := range trials(t, Job{Cell: tc.cell}, 5) {
				require.Empty(t, r.Class, r.Detail)
				require.Equal(t, tc.crossings, r.Explanation.Crossings)
				require.Equal(t, time.Duration(tc.crossings)*rtt/2, r.Explanation.Propagation)
				require.Less(t, r.Handshake-r.Explanation.Propagation, time.Microsecond)
				require.Equal(t, tc.crossings == 4, r.Retried)
				if tc.datagrams != [2]int{} {
					require.Equal(t, tc.datagrams, r.Datagrams)
				}
			}
		})
	}
}

// The two ways of a path may differ.
func TestAsymmetricPaths(t *testing.T) {
	cell := Cell{Offer: []string{"X25519"}, RTT: 40 * time.Millisecond, Down: &Way{Delay: Span(80 * time.Millisecond), Loss: "100%"}}
	for _, r := range trials(t, Job{Cell: cell}, 1) {
		assert.NotEmpty(t, r.Class)
		assert.Zero(t, r.Lost[0])
		assert.Positive(t, r.Lost[1])
	}
	cell.Down.Loss = ""
	for _, r := range trials(t, Job{Cell: cell}, 1) {
		assert.Equal(t, 100*time.Millisecond, r.Explanation.Propagation)
	}
}

// The same seed gives the same nanoseconds, whatever else the process has done.
func TestTrialsAreTheSameInEveryRun(t *testing.T) {
	cell := Cell{Offer: []string{"X25519MLKEM768"}, RTT: 100 * time.Millisecond, Loss: "10%"}
	type exact struct {
		handshake time.Duration
		datagrams [2]int
		class     string
	}
	of := func(all []Result) (out []exact) {
		for _, r := range all {
			out = append(out, exact{r.Handshake, r.Datagrams, r.Class})
		}
		return out
	}
	first := of(trials(t, Job{Cell: cell, Seed: 3}, 100))
	assert.Equal(t, first, of(trials(t, Job{Cell: cell, Seed: 3}, 100)))
	assert.NotEqual(t, first, of(trials(t, Job{Cell: cell, Seed: 4}, 100)), "another seed loses other datagrams")

	// Under loss this holds for workers alone, see exact_test.go.
	cell.Loss = "0"
	requests := func() (answers []Answer) {
		for _, r := range trials(t, Job{Cell: cell, Seed: 3, Requests: []int{1000}}, 30) {
			answers = append(answers, r.Answers...)
		}
		return answers
	}
	assert.Equal(t, requests(), requests(), "a first request of 1 kB")
}

// A first request takes one round trip from edge to connector and back; a new tunnel two more.
func TestFirstRequests(t *testing.T) {
	const rtt = 100 * time.Millisecond
	for _, r := range trials(t, Job{Cell: Cell{Offer: []string{"X25519"}, RTT: rtt}, Requests: []int{1000, 100_000}}, 3) {
		require.Empty(t, r.Class)
		require.InDelta(t, 2*rtt, r.Registered, float64(time.Microsecond))
		require.Len(t, r.Answers, 2)
		require.InDelta(t, rtt, r.Answers[0].First, float64(time.Microsecond))
		require.GreaterOrEqual(t, r.Answers[1].Last, 2*rtt, "100 kB are more than an initial window")
	}
}

// A round trip more without any other reason is a stall; no certificate of the lab's is long enough for one.
func TestStalls(t *testing.T) {
	for name, tc := range map[string]struct {
		r    Result
		want bool
	}{
		"one round trip":    {Result{Explanation: Explanation{Crossings: 2}}, false},
		"a round trip more": {Result{Explanation: Explanation{Crossings: 4}}, true},
		"HelloRetryRequest": {Result{Explanation: Explanation{Crossings: 4}, Retried: true}, false},
		"a loss":            {Result{Explanation: Explanation{Crossings: 4}, Lost: [2]int{1, 0}}, false},
		"a timer":           {Result{Explanation: Explanation{Crossings: 4, Waits: 1}}, false},
	} {
		assert.Equal(t, tc.want, tc.r.stalled(), name)
	}
	for _, cert := range []string{"ecdsa-p256", "rsa-2048", "chain3"} {
		for _, r := range trials(t, Job{Cell: Cell{Offer: []string{"X25519"}, RTT: 100 * time.Millisecond, Cert: cert}}, 2) {
			assert.False(t, r.Stalled, cert)
		}
	}
}

// What was lost is told by its packets, and a client whose only Initial was lost probes.
func TestLossesAndProbes(t *testing.T) {
	lost, probed := 0, 0
	for _, r := range trials(t, Job{Cell: Cell{Offer: []string{"X25519"}, RTT: 20 * time.Millisecond, Loss: "20%"}}, 40) {
		assert.LessOrEqual(t, r.LostInitial, r.Lost[0]+r.Lost[1])
		assert.GreaterOrEqual(t, r.LostInitial+r.LostHandshake+r.LostOneRTT, r.Lost[0]+r.Lost[1])
		lost += r.Lost[0] + r.Lost[1]
		probed += r.Probes[0]
		if r.Lost == [2]int{} {
			assert.Equal(t, [2]int{}, r.Probes, "%+v", r)
		}
	}
	assert.Positive(t, lost)
	assert.Positive(t, probed)
}

// What cannot connect is a result with its class, and the same one in every trial.
func TestFailuresAreResults(t *testing.T) {
	for name, tc := range map[string]struct {
		cell  Cell
		class string
	}{
		"blocked":       {Cell{Middlebox: "block-udp"}, results.ClassIdle},
		"split hello":   {Cell{Middlebox: "drop-split-client-hello"}, results.ClassIdle},
		"refused":       {Cell{Accept: "classical"}, results.ClassCrypto},
		"all datagrams": {Cell{Loss: "100%"}, results.ClassIdle},
	} {
		t.Run(name, func(t *testing.T) {
			tc.cell.Offer, tc.cell.RTT = []string{"X25519MLKEM768"}, 20*time.Millisecond
			for _, r := range trials(t, Job{Cell: tc.cell}, 2) {
				assert.Equal(t, tc.class, r.Class, r.Detail)
				assert.Positive(t, r.Handshake)
				assert.Empty(t, r.Group)
			}
			for _, r := range trials(t, Job{Cell: tc.cell, Requests: []int{1000}}, 1) {
				assert.Equal(t, tc.class, r.Class, "of a tunnel, too: %s", r.Detail)
				assert.Zero(t, r.Registered)
			}
		})
	}
}
