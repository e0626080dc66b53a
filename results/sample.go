package results

// Sample is one handshake or request, successful or not. Times are nanoseconds since the run's origin, on one
// monotonic clock of the process that sent it: Intended ≤ Sent ≤ First ≤ Completed where they apply.
type Sample struct {
	Experiment string `json:"exp"`
	Arm        int    `json:"arm"`   // index into Manifest.Arms
	Block      int    `json:"block"` // the interleaved round it belongs to
	Intended   int64  `json:"intended"`
	Sent       int64  `json:"sent"`
	First      int64  `json:"first,omitempty"` // first byte of the answer; 0 where there is none
	Completed  int64  `json:"completed"`       // success or failure; a failed sample is censored here
	// Class is empty for a success, otherwise the kind of failure (see Classes).
	Class  string `json:"class,omitempty"`
	Detail string `json:"detail,omitempty"` // the error's text, for the report
	// Group is the negotiated named group (its label), asserted on every handshake; empty for requests.
	Group string `json:"group,omitempty"`
	// SinceInitial is the handshake time counted from the first datagram sent instead of the dial, ns; 0 when not known.
	SinceInitial int64 `json:"since_initial,omitempty"`
	Down         int64 `json:"down,omitempty"` // body bytes received
	Up           int64 `json:"up,omitempty"`   // body bytes sent
}

// The classes of failure. A failed sample is censored, never retried within itself and never left out of the
// denominator.
const (
	ClassTimeout     = "timeout"
	ClassCrypto      = "crypto"  // CRYPTO_ERROR: a TLS alert; the alert's name is in Detail
	ClassRefused     = "refused" // nobody listens, or the peer refused the connection
	ClassIdle        = "idle"
	ClassApplication = "application" // application close, HTTP status outside 2xx, stream reset
	ClassBody        = "body"        // an answer whose body is not what was asked for
	ClassDropped     = "dropped"     // was scheduled and could not be started
	ClassUnfinished  = "unfinished"  // was under way when the measurement ended
	ClassOther       = "other"
)

// Trial is one arm within one block: what was counted, and the values that belong to the trial as a whole (CPU time,
// allocations, rates, bytes). Comparisons between arms are made between trials of the same block.
type Trial struct {
	Experiment string `json:"exp"`
	Arm        int    `json:"arm"`
	Block      int    `json:"block"`
	Order      int    `json:"order"` // position within the block's random order
	Started    int64  `json:"started"`
	Finished   int64  `json:"finished"`
	// Scheduled = Completed + Failed + Dropped, checked when a run ends. Zero where nothing is counted (kex).
	Scheduled int `json:"scheduled,omitempty"`
	Completed int `json:"completed,omitempty"`
	Failed    int `json:"failed,omitempty"`
	Dropped   int `json:"dropped,omitempty"`
	// Values holds the trial's value of each metric (names and units in Metrics).
	Values map[string]float64 `json:"values,omitempty"`
	// Negotiated counts the completed handshakes by named group, where the choice was a foreign server's.
	Negotiated map[string]int `json:"negotiated,omitempty"`
	// Series is the trial over time, where its course matters.
	Series *Series `json:"series,omitempty"`
	// Seed fixed the dice of what was measured (a storm's waits), where it has some.
	Seed uint64 `json:"seed,omitempty"`
	// Probes are the steps of a search, in order.
	Probes []Probe `json:"probes,omitempty"`
}

// Series are values over time, one for each step since Start, by name. In a storm: "handshakes" and "failed" that ended
// in the step, "in_progress" and "back" (connections registered again) at its end.
type Series struct {
	Start  int64                `json:"start"` // ns since the run's origin
	Step   int64                `json:"step"`  // ns
	Values map[string][]float64 `json:"values"`
}

// Probe is a step of a search: a rate that was offered, and what became of it. Its samples are not kept.
type Probe struct {
	Rate  float64 `json:"rate"`  // a second
	Stage string  `json:"stage"` // of the search, or the share of the knee at which latency was measured again
	Pass  bool    `json:"pass"`  // it stayed within the bounds
	// MaxP99 is the bound of P99, ns; 0 where it is not known.
	MaxP99 float64 `json:"max_p99,omitempty"`
	// Scheduled = Completed + Failed + Dropped.
	Scheduled int `json:"scheduled"`
	Completed int `json:"completed"`
	Failed    int `json:"failed,omitempty"`
	Dropped   int `json:"dropped,omitempty"`
	// P50 and P99 are latencies from the intended instant, ns; nil where they lie among the failures, or too few
	// samples lie beyond. SentP50 and SentP99 are since it was sent, Lateness is its own 99th percentile.
	P50      *float64 `json:"p50,omitempty"`
	P99      *float64 `json:"p99,omitempty"`
	SentP50  *float64 `json:"sent_p50,omitempty"`
	SentP99  *float64 `json:"sent_p99,omitempty"`
	Lateness *float64 `json:"lateness_p99,omitempty"`
	// GeneratorCPU and EdgeCPU are shares of the cores that each may use, SharedCPU is that of all parts where they share
	// them; 0 where they are not known.
	SharedCPU    float64 `json:"shared_cpu_share,omitempty"`
	GeneratorCPU float64 `json:"generator_cpu_share,omitempty"`
	EdgeCPU      float64 `json:"edge_cpu_share,omitempty"`
}

// Record is a line of samples.jsonl.gz: exactly one of its fields is set.
type Record struct {
	Sample *Sample `json:"sample,omitempty"`
	Trial  *Trial  `json:"trial,omitempty"`
}
