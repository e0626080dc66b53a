package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"pqbench/bench"
	"pqbench/bench/lab"
	"pqbench/kex"
	"pqbench/results"
)

// Value is one number, by what it is of.
type Value struct {
	Arm    results.Arm `json:"arm"`
	Metric string      `json:"metric"`
	Value  float64     `json:"value"` // in the metric's unit; a mean over trials where they differ
}

// id tells values apart.
func (v Value) id() string { return v.Arm.String() + " " + v.Metric }

// Measured is what one build gives.
type Measured struct {
	Key  Key
	Arch string // GOARCH: what a compiler makes of the same source may allocate differently
	// Provider computed the KEMs. It shows in the allocations alone.
	Provider string
	// Lacking are the groups that this build's crypto/tls does not speak, by label.
	Lacking []string
	Commit  string // "+dirty" behind it when the tree was not clean
	Host    results.Host
	Values  []Value // in the order of the conditions
}

// ErrRace refuses a build with the race detector.
var ErrRace = bench.Misconfigured(errors.New("the gate needs a build without the race detector, which shuffles goroutines and allocates: make gate"))

// Measure makes all handshakes, within seconds, in worker processes. The caller has fixed the process's KEM provider. A
// handshake that fails is an error: no condition here is one that it may fail under.
func Measure(ctx context.Context) (Measured, error) {
	if Race {
		return Measured{}, ErrRace
	}
	versions, host := bench.Here()
	m := Measured{Key: keyOf(versions), Arch: host.Arch, Provider: string(kex.Fixed()), Commit: versions.Commit, Host: host}
	if versions.Dirty {
		m.Commit += "+dirty"
	}
	for _, g := range kex.Groups() {
		if g.InTLS(kex.Fixed()) != nil {
			m.Lacking = append(m.Lacking, g.Label())
		}
	}
	all := conditions()
	jobs := make([]lab.Job, len(all))
	for i, c := range all {
		jobs[i] = c.job
	}
	trials, err := lab.Trials(ctx, jobs)
	if err != nil {
		return m, err
	}
	for i, c := range all {
		if err := sound(trials[i]); err != nil {
			return m, fmt.Errorf("%s: %w", c.arm, err)
		}
		for _, v := range c.read(trials[i]) {
			v.Arm = c.arm
			m.Values = append(m.Values, v)
		}
	}
	return m, nil
}

// sound is an error when a trial has no result. A handshake that loses went to its end, too: QUIC's time-outs are far away.
func sound(trials []lab.Result) error {
	for i, t := range trials {
		if why := cmp.Or(t.Ended, t.Class); why != "" {
			return fmt.Errorf("trial %d failed: %s: %s", i, why, t.Detail)
		}
	}
	return nil
}

// mean of a number over trials. Sums of whole numbers below 2⁵³ are exact, so it has the same bits in every run.
func mean(metric string, trials []lab.Result, of func(lab.Result) float64) Value {
	sum := 0.0
	for _, t := range trials {
		sum += of(t)
	}
	return Value{Metric: metric, Value: sum / float64(len(trials))}
}

func handshakeTime(t lab.Result) float64 { return float64(t.Handshake) }
func roundTrips(t lab.Result) float64    { return float64(t.Explanation.Crossings) / 2 }

// messages are the sizes of what is said, and the flights it takes.
func messages(trials []lab.Result) []Value {
	return append([]Value{
		mean("clienthello_plain_bytes", trials, func(t lab.Result) float64 {
			return float64(t.Ledger.ClientHelloBytes - t.Ledger.ClientHelloGreaseBytes)
		}),
		mean("serverhello_bytes", trials, func(t lab.Result) float64 { return float64(t.Ledger.ServerHelloBytes) }),
		mean("client_share_bytes", trials, func(t lab.Result) float64 { return float64(t.Ledger.ClientShareBytes) }),
		mean("server_share_bytes", trials, func(t lab.Result) float64 { return float64(t.Ledger.ServerShareBytes) }),
		mean("server_finished_bytes", trials, func(t lab.Result) float64 { return float64(t.Ledger.ServerFinishedBytes) }),
		mean("client_initial_datagrams", trials, func(t lab.Result) float64 { return float64(t.Ledger.ClientInitialDatagrams) }),
		mean("server_flight_datagrams", trials, func(t lab.Result) float64 { return float64(t.Ledger.ServerFlightDatagrams) }),
	}, flights(trials)...)
}

// flights are datagrams and times.
func flights(trials []lab.Result) []Value {
	return []Value{
		mean("round_trips_mean", trials, roundTrips),
		mean("handshake_mean", trials, handshakeTime),
		mean("client_datagrams", trials, func(t lab.Result) float64 { return float64(t.Ledger.ClientDatagrams) }),
		mean("server_datagrams", trials, func(t lab.Result) float64 { return float64(t.Ledger.ServerDatagrams) }),
		mean("client_bytes", trials, func(t lab.Result) float64 { return float64(t.Ledger.ClientBytes) }),
		mean("client_datagrams_confirmed", trials, func(t lab.Result) float64 { return float64(t.Ledger.ConfirmedClientDatagrams) }),
		mean("server_datagrams_confirmed", trials, func(t lab.Result) float64 { return float64(t.Ledger.ConfirmedServerDatagrams) }),
		mean("client_bytes_confirmed", trials, func(t lab.Result) float64 { return float64(t.Ledger.ConfirmedClientBytes) }),
		mean("retries", trials, func(t lab.Result) float64 { return float64(t.Ledger.Retries) }),
		mean("hello_retry_requests", trials, func(t lab.Result) float64 { return float64(t.Ledger.HelloRetryRequests) }),
		mean("ptos", trials, func(t lab.Result) float64 { return float64(t.Ledger.PTOs) }),
	}
}

// second is what a HelloRetryRequest makes of a handshake.
func second(trials []lab.Result) []Value {
	return append([]Value{
		mean("hello_retry_request_bytes", trials, func(t lab.Result) float64 { return float64(t.Ledger.HelloRetryRequestBytes) }),
		mean("second_clienthello_plain_bytes", trials, func(t lab.Result) float64 {
			return float64(t.Ledger.SecondClientHelloBytes - t.Ledger.ClientHelloGreaseBytes) // it repeats the first one's
		}),
	}, flights(trials)...)
}

// losses is how handshakes get over a lossy path: the same losses in every run.
func losses(trials []lab.Result) []Value {
	return []Value{
		mean("handshake_mean", trials, handshakeTime),
		mean("round_trips_mean", trials, roundTrips),
		mean("client_datagrams", trials, func(t lab.Result) float64 { return float64(t.Datagrams[0]) }),
		mean("server_datagrams", trials, func(t lab.Result) float64 { return float64(t.Datagrams[1]) }),
		mean("lost_datagrams", trials, func(t lab.Result) float64 { return float64(t.Lost[0] + t.Lost[1]) }),
		mean("timers_run_out", trials, func(t lab.Result) float64 { return float64(t.Explanation.Waits) }),
	}
}

// registered is a whole tunnel's way up and its first request of 1 kB.
func registered(trials []lab.Result) []Value {
	last := func(t lab.Result) float64 {
		if len(t.Answers) == 0 {
			return 0
		}
		return float64(t.Answers[0].Last)
	}
	return []Value{
		mean("registered_mean", trials, func(t lab.Result) float64 { return float64(t.Registered) }),
		mean("last_byte_1kB", trials, last),
	}
}

// allocations are a median: once in a while a runtime timer or a map that grows adds some.
func allocations(trials []lab.Result) []Value {
	var all []float64
	for _, t := range trials {
		all = append(all, float64(t.Allocs))
	}
	slices.Sort(all)
	return []Value{{Metric: allocsMetric, Value: all[len(all)/2]}}
}

// allocsMetric is the only number with a tolerance.
const allocsMetric = "handshake_allocs"

// tolerance is how far the allocations may be from the baseline, as a share of it: repeated runs are within 0.2 %, and the
// least change of code that is worth a look, one allocation for each of a handshake's thirty frames, is 1.3 %.
const tolerance = 0.01
