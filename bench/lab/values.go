package lab

import (
	"fmt"
	"time"

	"pqbench/results"
)

// record is a trial in the vocabulary of the results.
func record(x Result) (results.Sample, results.Trial) {
	if x.Ended != "" {
		return results.Sample{Class: results.ClassOther, Detail: x.Ended}, results.Trial{Scheduled: 1, Failed: 1, Values: map[string]float64{}}
	}
	took := int64(x.Handshake)
	s := results.Sample{Completed: took, Class: x.Class, Detail: x.Detail, Group: x.Group}
	t := results.Trial{Finished: took, Scheduled: 1, Values: map[string]float64{
		"client_datagrams": float64(x.Datagrams[0]), "server_datagrams": float64(x.Datagrams[1]),
		"client_bytes": float64(x.Bytes[0]), "server_bytes": float64(x.Bytes[1]),
		"lost_datagrams": float64(x.Lost[0] + x.Lost[1]), "handshake_mean": float64(x.Handshake),
		"lost_initial": float64(x.LostInitial), "lost_handshake": float64(x.LostHandshake), "lost_1rtt": float64(x.LostOneRTT),
		"client_ptos": float64(x.Probes[0]), "server_ptos": float64(x.Probes[1]),
	}}
	if x.Class != "" {
		t.Failed = 1
		return s, t
	}
	t.Completed = 1
	e := x.Explanation
	for name, v := range map[string]time.Duration{"in_propagation": e.Propagation, "in_serialisation": e.Serialisation, "in_queueing": e.Queueing,
		"in_jitter": e.Jitter, "in_timers": e.Timers} {
		t.Values[name] = float64(v)
	}
	if e.Computing > 0 {
		t.Values["in_computing"], t.Values["in_core_queue"] = float64(e.Computing), float64(e.Cores)
	}
	t.Values["round_trips_mean"] = float64(e.Crossings) / 2
	t.Values["timers_run_out"] = float64(e.Waits)
	t.Values["stalled"] = oneIf(x.Stalled)
	t.Values["delayed"] = oneIf(e.Crossings > 2 || e.Waits > 0)
	t.Values["hello_retry_requests"] = oneIf(x.Retried)
	return s, t
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// answered adds what a whole tunnel and its first requests took. What did not come about has no value.
func answered(values map[string]float64, x Result) {
	if x.Registered == 0 {
		return
	}
	values["registered_mean"] = float64(x.Registered)
	for _, a := range x.Answers {
		if a.Last > 0 {
			values["first_byte_"+sizeName(a.Size)] = float64(a.First)
			values["last_byte_"+sizeName(a.Size)] = float64(a.Last)
		}
	}
}

// silenceSize is what a tunnel is asked for after a silence, bytes.
const silenceSize = 1000

// afterSilence adds how a tunnel that was left alone answered.
func afterSilence(values map[string]float64, x Result) {
	values["answered_after_silence"] = 0
	values["connections_lost"] = float64(max(0, x.Registrations-1))
	if len(x.Answers) == 1 && x.Answers[0].Last > 0 {
		values["answered_after_silence"] = 1
		values["answer_after_silence"] = float64(x.Answers[0].Last)
	}
}

// sizeName is a part of a metric's name: 1kB, 100kB, 1MB.
func sizeName(n int) string {
	switch {
	case n >= 1e6 && n%1e6 == 0:
		return fmt.Sprintf("%dMB", n/1e6)
	case n >= 1e3 && n%1e3 == 0:
		return fmt.Sprintf("%dkB", n/1e3)
	}
	return fmt.Sprintf("%dB", n)
}
