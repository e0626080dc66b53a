package results

import "fmt"

// Metric is what a number means: its unit, and which direction is the better one.
type Metric struct {
	Name       string
	Experiment string // the experiment it belongs to; "" for several
	Unit       string // "ns", "B", "datagrams", "1/s", "bit/s", "ns/GB", "allocs", "count"
	Better     string // "lower", "higher", or "" for a plain fact
	Title      string // for a table's head and a plot's axis, without unit
	// Exact metrics do not vary by noise, only by the protocol's own dice; a distribution is shown, not an interval.
	Exact bool
	// Mean metrics are averaged over the trials, whose distribution is wide or two-valued, where others take the median.
	Mean bool
	// Censored metrics are times that a trial waited for: one without it waited in vain, and counts as longer than all.
	Censored bool
}

// Metrics are all the metrics there are, in the order in which tables show them.
func Metrics() []Metric { return metrics }

// MetricByName finds a metric; ok is false for an unknown name.
func MetricByName(name string) (m Metric, ok bool) {
	for _, m := range metrics {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}

var metrics = []Metric{
	{Name: "keygen", Experiment: "kex", Unit: "ns", Better: "lower", Title: "KEM key generation"},
	{Name: "encapsulate", Experiment: "kex", Unit: "ns", Better: "lower", Title: "KEM encapsulation"},
	{Name: "decapsulate", Experiment: "kex", Unit: "ns", Better: "lower", Title: "KEM decapsulation"},
	{Name: "client", Experiment: "kex", Unit: "ns", Better: "lower", Title: "client's side of the group"},
	{Name: "server", Experiment: "kex", Unit: "ns", Better: "lower", Title: "server's side of the group"},

	{Name: "handshake_p50", Unit: "ns", Better: "lower", Title: "handshake time, median"},
	{Name: "handshake_p90", Unit: "ns", Better: "lower", Title: "handshake time, 90th percentile"},
	{Name: "handshake_p99", Unit: "ns", Better: "lower", Title: "handshake time, 99th percentile"},
	{Name: "since_initial_p50", Unit: "ns", Better: "lower", Title: "handshake time since the first Initial, median"},
	{Name: "client_cpu", Unit: "ns", Better: "lower", Title: "CPU per handshake, client (connector)"},
	{Name: "server_cpu", Unit: "ns", Better: "lower", Title: "CPU per handshake, server (edge)"},
	{Name: "total_cpu", Unit: "ns", Better: "lower", Title: "CPU per handshake, both sides"},
	{Name: "client_allocs", Unit: "allocs", Better: "lower", Title: "allocations per handshake, client"},
	{Name: "server_allocs", Unit: "allocs", Better: "lower", Title: "allocations per handshake, server"},
	{Name: "client_alloc_bytes", Unit: "B", Better: "lower", Title: "bytes allocated per handshake, client"},
	{Name: "server_alloc_bytes", Unit: "B", Better: "lower", Title: "bytes allocated per handshake, server"},
	{Name: "client_peak_memory", Unit: "B", Better: "lower", Title: "peak memory, client"},
	{Name: "server_peak_memory", Unit: "B", Better: "lower", Title: "peak memory, server"},
	{Name: "handshakes_per_second", Unit: "1/s", Better: "higher", Title: "handshakes completed (closed loop)"},
	{Name: "connection_up_p50", Unit: "ns", Better: "lower", Title: "first Initial to registered, at the edge, median"},
	{Name: "registration_p50", Unit: "ns", Better: "lower", Title: "registration after the handshake, median"},

	{Name: "clienthello_bytes", Experiment: "wire", Unit: "B", Better: "lower", Title: "ClientHello", Exact: true},
	{Name: "clienthello_grease_bytes", Experiment: "wire", Unit: "B", Title: "of the ClientHello, random GREASE parameter", Exact: true},
	{Name: "serverhello_bytes", Experiment: "wire", Unit: "B", Better: "lower", Title: "ServerHello", Exact: true},
	{Name: "client_share_bytes", Experiment: "wire", Unit: "B", Better: "lower", Title: "client's key share", Exact: true},
	{Name: "server_share_bytes", Experiment: "wire", Unit: "B", Better: "lower", Title: "server's key share", Exact: true},
	{Name: "client_initial_datagrams", Experiment: "wire", Unit: "datagrams", Better: "lower", Title: "client's first flight", Exact: true},
	{Name: "client_datagrams", Experiment: "wire", Unit: "datagrams", Better: "lower", Title: "client's datagrams until Finished", Exact: true},
	{Name: "server_datagrams", Experiment: "wire", Unit: "datagrams", Better: "lower", Title: "server's datagrams until Finished", Exact: true},
	{Name: "client_bytes", Experiment: "wire", Unit: "B", Better: "lower", Title: "client's UDP payload until Finished", Exact: true},
	{Name: "server_bytes", Experiment: "wire", Unit: "B", Better: "lower", Title: "server's UDP payload until Finished", Exact: true},
	{Name: "header_bytes_ipv4", Experiment: "wire", Unit: "B", Better: "lower", Title: "IPv4 and UDP headers, both ways", Exact: true},
	{Name: "client_ack_only_datagrams", Experiment: "wire", Unit: "datagrams", Better: "lower", Title: "of the client's, acknowledgement alone", Exact: true},
	{Name: "client_padding_bytes", Experiment: "wire", Unit: "B", Better: "lower", Title: "padding, client", Exact: true},
	{Name: "server_padding_bytes", Experiment: "wire", Unit: "B", Better: "lower", Title: "padding, server", Exact: true},
	{Name: "client_datagrams_confirmed", Experiment: "wire", Unit: "datagrams", Better: "lower", Title: "client's datagrams until confirmation", Exact: true},
	{Name: "server_datagrams_confirmed", Experiment: "wire", Unit: "datagrams", Better: "lower", Title: "server's datagrams until confirmation", Exact: true},
	{Name: "client_bytes_confirmed", Experiment: "wire", Unit: "B", Better: "lower", Title: "client's UDP payload until confirmation", Exact: true},
	{Name: "server_bytes_confirmed", Experiment: "wire", Unit: "B", Better: "lower", Title: "server's UDP payload until confirmation", Exact: true},
	{Name: "certificate_bytes", Experiment: "wire", Unit: "B", Better: "lower", Title: "Certificate message", Exact: true},
	{Name: "hello_retry_requests", Experiment: "wire", Unit: "count", Better: "lower", Title: "HelloRetryRequest", Exact: true},
	{Name: "retries", Experiment: "wire", Unit: "count", Better: "lower", Title: "Retry", Exact: true},
	{Name: "ptos", Experiment: "wire", Unit: "count", Better: "lower", Title: "probe time-outs", Exact: true},

	{Name: "clienthello_plain_bytes", Experiment: "gate", Unit: "B", Better: "lower", Title: "ClientHello less its random GREASE parameter", Exact: true},
	{Name: "second_clienthello_plain_bytes", Experiment: "gate", Unit: "B", Better: "lower", Title: "second ClientHello less its random GREASE parameter", Exact: true},
	{Name: "hello_retry_request_bytes", Experiment: "gate", Unit: "B", Better: "lower", Title: "HelloRetryRequest message", Exact: true},
	{Name: "server_finished_bytes", Experiment: "gate", Unit: "B", Better: "lower", Title: "server's Finished", Exact: true},
	{Name: "server_flight_datagrams", Experiment: "gate", Unit: "datagrams", Better: "lower", Title: "server's first flight", Exact: true},
	{Name: "not_compared", Experiment: "gate", Unit: "count", Title: "numbers of the baseline that were not compared"},
	{Name: "handshake_allocs", Experiment: "gate", Unit: "allocs", Better: "lower", Title: "allocations per handshake, both ends"},

	{Name: "failed_share", Unit: "share", Better: "lower", Title: "failed"},
	{Name: "failed_rounds", Experiment: "compare", Unit: "count", Better: "lower", Title: "rounds that failed, and were made again"},

	{Name: "requests_per_second", Experiment: "requests", Unit: "1/s", Better: "higher", Title: "requests (closed loop)"},
	{Name: "service_p50", Experiment: "requests", Unit: "ns", Better: "lower", Title: "service time, median"},
	{Name: "service_p90", Experiment: "requests", Unit: "ns", Better: "lower", Title: "service time, 90th percentile"},
	{Name: "service_p99", Experiment: "requests", Unit: "ns", Better: "lower", Title: "service time, 99th percentile"},
	{Name: "edge_cpu", Experiment: "requests", Unit: "ns", Better: "lower", Title: "CPU per request, edge"},
	{Name: "connector_cpu", Experiment: "requests", Unit: "ns", Better: "lower", Title: "CPU per request, connector"},

	{Name: "offered_rate", Experiment: "rate", Unit: "1/s", Title: "offered"},
	{Name: "achieved_rate", Experiment: "rate", Unit: "1/s", Better: "higher", Title: "completed in time"},
	{Name: "latency_p50", Experiment: "rate", Unit: "ns", Better: "lower", Title: "latency from the intended instant, median"},
	{Name: "latency_p90", Experiment: "rate", Unit: "ns", Better: "lower", Title: "latency from the intended instant, 90th percentile"},
	{Name: "latency_p99", Experiment: "rate", Unit: "ns", Better: "lower", Title: "latency from the intended instant, 99th percentile"},
	{Name: "latency_p999", Experiment: "rate", Unit: "ns", Better: "lower", Title: "latency from the intended instant, 99.9th percentile"},
	{Name: "sent_p50", Experiment: "rate", Unit: "ns", Better: "lower", Title: "time since it was sent, median"},
	{Name: "sent_p99", Experiment: "rate", Unit: "ns", Better: "lower", Title: "time since it was sent, 99th percentile"},
	{Name: "lateness_p50", Experiment: "rate", Unit: "ns", Better: "lower", Title: "lateness (sent − intended), median"},
	{Name: "lateness_p99", Experiment: "rate", Unit: "ns", Better: "lower", Title: "lateness (sent − intended), 99th percentile"},
	{Name: "completed_share", Experiment: "rate", Unit: "share", Better: "higher", Title: "completed of what was offered", Mean: true},
	{Name: "in_flight_limit", Experiment: "rate", Unit: "count", Title: "units that may be in flight"},
	{Name: "dropped_share", Experiment: "rate", Unit: "share", Better: "lower", Title: "dropped: too many in flight", Mean: true},
	{Name: "generator_cpu_share", Experiment: "rate", Unit: "share", Better: "lower", Title: "CPU of the generator, of the cores that it may use"},
	{Name: "edge_cpu_share", Experiment: "rate", Unit: "share", Better: "lower", Title: "CPU of the edge, of the cores that it may use"},
	{Name: "shared_cpu_share", Experiment: "rate", Unit: "share", Better: "lower", Title: "CPU of all parts, of the cores that they share"},
	{Name: "generator_cpu_per_unit", Experiment: "rate", Unit: "ns", Better: "lower", Title: "CPU per unit of load, generator"},
	{Name: "edge_cpu_per_unit", Experiment: "rate", Unit: "ns", Better: "lower", Title: "CPU per unit of load, edge"},
	{Name: "calibration_completed_share", Experiment: "rate", Unit: "share", Better: "higher", Title: "completed at an edge that does the least possible", Mean: true},
	{Name: "calibration_p99", Experiment: "rate", Unit: "ns", Better: "lower", Title: "latency at an edge that does the least possible, 99th percentile"},
	{Name: "calibration_lateness_p99", Experiment: "rate", Unit: "ns", Better: "lower", Title: "lateness at an edge that does the least possible, 99th percentile"},

	{Name: "knee_rate", Experiment: "knee", Unit: "1/s", Better: "higher", Title: "knee: the highest rate within the bounds"},
	{Name: "p50_at_90", Experiment: "knee", Unit: "ns", Better: "lower", Title: "latency at 90 % of the knee, median"},
	{Name: "p99_at_90", Experiment: "knee", Unit: "ns", Better: "lower", Title: "latency at 90 % of the knee, 99th percentile"},
	{Name: "p50_at_50", Experiment: "knee", Unit: "ns", Better: "lower", Title: "latency at 50 % of the knee, median"},
	{Name: "p99_at_50", Experiment: "knee", Unit: "ns", Better: "lower", Title: "latency at 50 % of the knee, 99th percentile"},
	{Name: "p50_at_10", Experiment: "knee", Unit: "ns", Better: "lower", Title: "latency at 10 % of the knee, median"},
	{Name: "p99_at_10", Experiment: "knee", Unit: "ns", Better: "lower", Title: "latency at 10 % of the knee, 99th percentile"},
	{Name: "sent_p50_at_90", Experiment: "knee", Unit: "ns", Better: "lower", Title: "time since it was sent at 90 % of the knee, median"},
	{Name: "sent_p99_at_90", Experiment: "knee", Unit: "ns", Better: "lower", Title: "time since it was sent at 90 % of the knee, 99th percentile"},
	{Name: "sent_p50_at_50", Experiment: "knee", Unit: "ns", Better: "lower", Title: "time since it was sent at 50 % of the knee, median"},
	{Name: "sent_p99_at_50", Experiment: "knee", Unit: "ns", Better: "lower", Title: "time since it was sent at 50 % of the knee, 99th percentile"},
	{Name: "sent_p50_at_10", Experiment: "knee", Unit: "ns", Better: "lower", Title: "time since it was sent at 10 % of the knee, median"},
	{Name: "sent_p99_at_10", Experiment: "knee", Unit: "ns", Better: "lower", Title: "time since it was sent at 10 % of the knee, 99th percentile"},
	{Name: "lateness_p99_at_90", Experiment: "knee", Unit: "ns", Better: "lower", Title: "lateness at 90 % of the knee, 99th percentile"},
	{Name: "lateness_p99_at_50", Experiment: "knee", Unit: "ns", Better: "lower", Title: "lateness at 50 % of the knee, 99th percentile"},
	{Name: "lateness_p99_at_10", Experiment: "knee", Unit: "ns", Better: "lower", Title: "lateness at 10 % of the knee, 99th percentile"},
	{Name: "knee_verified", Experiment: "knee", Unit: "share", Better: "higher", Title: "searches whose knee passed again", Mean: true},
	{Name: "calibration_passed", Experiment: "knee", Unit: "share", Better: "higher", Title: "searches whose next rate an edge that does the least kept up with", Mean: true},

	{Name: "attempt_p50", Experiment: "policy", Unit: "ns", Better: "lower", Title: "until complete or refused, median"},
	{Name: "round_trips", Experiment: "policy", Unit: "count", Better: "lower", Title: "round trips until complete or refused", Exact: true},
	{Name: "resumed_share", Experiment: "policy", Unit: "count", Title: "share of handshakes that resumed", Exact: true},

	{Name: "handshake_mean", Experiment: "paths", Unit: "ns", Better: "lower", Title: "handshake time, mean", Mean: true},
	{Name: "delayed", Experiment: "paths", Unit: "share", Better: "lower", Title: "share delayed beyond one round trip", Mean: true},
	{Name: "in_propagation", Experiment: "paths", Unit: "ns", Better: "lower", Title: "of the handshake: propagation", Mean: true},
	{Name: "in_serialisation", Experiment: "paths", Unit: "ns", Better: "lower", Title: "of the handshake: serialisation", Mean: true},
	{Name: "in_queueing", Experiment: "paths", Unit: "ns", Better: "lower", Title: "of the handshake: queueing", Mean: true},
	{Name: "in_jitter", Experiment: "paths", Unit: "ns", Better: "lower", Title: "of the handshake: jitter", Mean: true},
	{Name: "in_computing", Experiment: "paths", Unit: "ns", Better: "lower", Title: "of the handshake: computing", Mean: true},
	{Name: "in_core_queue", Experiment: "paths", Unit: "ns", Better: "lower", Title: "of the handshake: waiting for a core of the server", Mean: true},
	{Name: "in_timers", Experiment: "paths", Unit: "ns", Better: "lower", Title: "of the handshake: timers", Mean: true},
	{Name: "round_trips_mean", Experiment: "paths", Unit: "count", Better: "lower", Title: "round trips until complete, mean", Mean: true},
	{Name: "timers_run_out", Experiment: "paths", Unit: "count", Better: "lower", Title: "timers that ran out, mean", Mean: true},
	{Name: "lost_datagrams", Experiment: "paths", Unit: "datagrams", Better: "lower", Title: "datagrams lost until complete, mean", Mean: true},
	{Name: "lost_initial", Experiment: "paths", Unit: "datagrams", Better: "lower", Title: "of these, with an Initial packet", Mean: true},
	{Name: "lost_handshake", Experiment: "paths", Unit: "datagrams", Better: "lower", Title: "of these, with a Handshake packet", Mean: true},
	{Name: "lost_1rtt", Experiment: "paths", Unit: "datagrams", Better: "lower", Title: "of these, with a 1-RTT packet", Mean: true},
	{Name: "client_ptos", Experiment: "paths", Unit: "count", Better: "lower", Title: "probe time-outs of the client, mean", Mean: true},
	{Name: "server_ptos", Experiment: "paths", Unit: "count", Better: "lower", Title: "probe time-outs of the server, mean", Mean: true},
	{Name: "stalled", Experiment: "paths", Unit: "share", Better: "lower", Title: "share stalled by the anti-amplification limit", Mean: true},
	{Name: "registered_mean", Experiment: "paths", Unit: "ns", Better: "lower", Title: "dial to registered, mean", Mean: true},
	{Name: "first_byte_1kB", Experiment: "paths", Unit: "ns", Better: "lower", Title: "first byte of a first 1 kB request, mean", Mean: true},
	{Name: "last_byte_1kB", Experiment: "paths", Unit: "ns", Better: "lower", Title: "last byte of a first 1 kB request, mean", Mean: true},
	{Name: "first_byte_100kB", Experiment: "paths", Unit: "ns", Better: "lower", Title: "first byte of a first 100 kB request, mean", Mean: true},
	{Name: "last_byte_100kB", Experiment: "paths", Unit: "ns", Better: "lower", Title: "last byte of a first 100 kB request, mean", Mean: true},
	{Name: "first_byte_1MB", Experiment: "paths", Unit: "ns", Better: "lower", Title: "first byte of a first 1 MB request, mean", Mean: true},
	{Name: "last_byte_1MB", Experiment: "paths", Unit: "ns", Better: "lower", Title: "last byte of a first 1 MB request, mean", Mean: true},

	{Name: "answered_after_silence", Experiment: "silence", Unit: "share", Better: "higher", Title: "share of tunnels that answer after the silence", Mean: true},
	{Name: "answer_after_silence", Experiment: "silence", Unit: "ns", Better: "lower", Title: "last byte of the answer, of those that come, mean", Mean: true},
	{Name: "connections_lost", Experiment: "silence", Unit: "count", Better: "lower", Title: "connections lost meanwhile and made again, mean", Mean: true},

	{Name: "connector_memory", Experiment: "idle", Unit: "B", Better: "lower", Title: "memory, all connector processes"},
	{Name: "connector_resident", Experiment: "idle", Unit: "B", Better: "lower", Title: "resident memory, all connector processes, shared pages charged to each"},
	{Name: "connector_memory_per_tunnel", Experiment: "idle", Unit: "B", Better: "lower", Title: "memory per tunnel, connector"},
	{Name: "edge_memory_per_tunnel", Experiment: "idle", Unit: "B", Better: "lower", Title: "memory per tunnel, edge"},
	{Name: "connector_idle_cpu", Experiment: "idle", Unit: "ns", Better: "lower", Title: "CPU per tunnel and second, connector"},
	{Name: "edge_idle_cpu", Experiment: "idle", Unit: "ns", Better: "lower", Title: "CPU per tunnel and second, edge"},

	{Name: "both_rss_per_connection", Experiment: "fleet", Unit: "B", Better: "lower", Title: "memory per connection, both ends"},
	{Name: "both_rss_per_tunnel", Experiment: "fleet", Unit: "B", Better: "lower", Title: "memory per tunnel, both ends"},
	{Name: "connector_rss_per_connection", Experiment: "fleet", Unit: "B", Better: "lower", Title: "memory per connection, connector"},
	{Name: "edge_rss_per_connection", Experiment: "fleet", Unit: "B", Better: "lower", Title: "memory per connection, edge"},
	{Name: "connector_rss_per_tunnel", Experiment: "fleet", Unit: "B", Better: "lower", Title: "memory per tunnel, connector"},
	{Name: "edge_rss_per_tunnel", Experiment: "fleet", Unit: "B", Better: "lower", Title: "memory per tunnel, edge"},
	{Name: "connector_rss_fixed", Experiment: "fleet", Unit: "B", Better: "lower", Title: "memory without a tunnel, connector"},
	{Name: "edge_rss_fixed", Experiment: "fleet", Unit: "B", Better: "lower", Title: "memory without a tunnel, edge"},
	{Name: "both_live_per_connection", Experiment: "fleet", Unit: "B", Better: "lower", Title: "live memory per connection, both ends"},
	{Name: "connector_live_per_tunnel", Experiment: "fleet", Unit: "B", Better: "lower", Title: "live memory per tunnel, connector"},
	{Name: "edge_live_per_tunnel", Experiment: "fleet", Unit: "B", Better: "lower", Title: "live memory per tunnel, edge"},
	{Name: "both_rss", Experiment: "fleet", Unit: "B", Better: "lower", Title: "resident memory, both ends"},
	{Name: "connector_rss", Experiment: "fleet", Unit: "B", Better: "lower", Title: "resident memory, connector process"},
	{Name: "edge_rss", Experiment: "fleet", Unit: "B", Better: "lower", Title: "resident memory, edge process"},
	{Name: "both_live", Experiment: "fleet", Unit: "B", Better: "lower", Title: "live heap and stacks, both ends"},
	{Name: "connector_live", Experiment: "fleet", Unit: "B", Better: "lower", Title: "live heap and stacks, connector process"},
	{Name: "edge_live", Experiment: "fleet", Unit: "B", Better: "lower", Title: "live heap and stacks, edge process"},
	{Name: "connector_cpu_per_1000", Experiment: "fleet", Unit: "share", Better: "lower", Title: "idle CPU of 1,000 tunnels, connector, of a core"},
	{Name: "edge_cpu_per_1000", Experiment: "fleet", Unit: "share", Better: "lower", Title: "idle CPU of 1,000 tunnels, edge, of a core"},
	{Name: "client_keepalive_datagrams", Experiment: "fleet", Unit: "1/s", Better: "lower", Title: "keep-alive datagrams per tunnel, connector"},
	{Name: "server_keepalive_datagrams", Experiment: "fleet", Unit: "1/s", Better: "lower", Title: "keep-alive datagrams per tunnel, edge"},
	{Name: "client_keepalive_bytes", Experiment: "fleet", Unit: "B/s", Better: "lower", Title: "keep-alive UDP payload per tunnel, connector"},
	{Name: "server_keepalive_bytes", Experiment: "fleet", Unit: "B/s", Better: "lower", Title: "keep-alive UDP payload per tunnel, edge"},
	{Name: "connector_goroutines", Experiment: "fleet", Unit: "count", Better: "lower", Title: "goroutines, connector process"},
	{Name: "edge_goroutines", Experiment: "fleet", Unit: "count", Better: "lower", Title: "goroutines, edge process"},
	{Name: "connections_per_tunnel", Experiment: "fleet", Unit: "count", Title: "connections of each tunnel"},
	{Name: "edge_ramp_cpu", Experiment: "fleet", Unit: "ns", Better: "lower", Title: "CPU until all were registered, edge"},
	{Name: "connector_ramp_cpu", Experiment: "fleet", Unit: "ns", Better: "lower", Title: "CPU until all were registered, connector"},
	{Name: "ramp_time", Experiment: "fleet", Unit: "ns", Better: "lower", Title: "first dial to all registered"},
	{Name: "lost_connections", Unit: "count", Title: "connections lost"},

	{Name: "recover_50", Experiment: "storm", Unit: "ns", Better: "lower", Title: "until half of the lost connections are back", Censored: true},
	{Name: "recover_99", Experiment: "storm", Unit: "ns", Better: "lower", Title: "until 99 % of the lost connections are back", Censored: true},
	{Name: "recover_100", Experiment: "storm", Unit: "ns", Better: "lower", Title: "until all lost connections are back", Censored: true},
	{Name: "peak_rate", Experiment: "storm", Unit: "1/s", Title: "most handshakes within a second"},
	{Name: "queue_peak", Experiment: "storm", Unit: "count", Better: "lower", Title: "most handshakes in progress"},
	{Name: "dials", Experiment: "storm", Unit: "count", Better: "lower", Title: "dials, mean", Mean: true},
	{Name: "failed_dials", Experiment: "storm", Unit: "count", Better: "lower", Title: "failed dials, mean", Mean: true},
	{Name: "failed_timeout", Experiment: "storm", Unit: "count", Better: "lower", Title: "dials that timed out, mean", Mean: true},
	{Name: "failed_refused", Experiment: "storm", Unit: "count", Better: "lower", Title: "dials that were refused, mean", Mean: true},
	{Name: "failed_crypto", Experiment: "storm", Unit: "count", Better: "lower", Title: "dials that failed by a TLS alert, mean", Mean: true},
	{Name: "failed_idle", Experiment: "storm", Unit: "count", Better: "lower", Title: "dials that failed by an idle time-out, mean", Mean: true},
	{Name: "failed_application", Experiment: "storm", Unit: "count", Better: "lower", Title: "dials that were closed, mean", Mean: true},
	{Name: "failed_unfinished", Experiment: "storm", Unit: "count", Better: "lower", Title: "dials under way at the end, mean", Mean: true},
	{Name: "failed_other", Experiment: "storm", Unit: "count", Better: "lower", Title: "dials that failed otherwise, mean", Mean: true},
	{Name: "unregistered", Experiment: "storm", Unit: "count", Better: "lower", Title: "dials that succeeded without coming to a registration, mean", Mean: true},
	{Name: "lost_again", Experiment: "storm", Unit: "count", Better: "lower", Title: "connections lost again after they were back, mean", Mean: true},
	{Name: "edge_storm_cpu", Experiment: "storm", Unit: "ns", Better: "lower", Title: "CPU until all are back, edge"},
	{Name: "connector_storm_cpu", Experiment: "storm", Unit: "ns", Better: "lower", Title: "CPU until all are back, connector"},
	{Name: "connector_return_cpu", Experiment: "storm", Unit: "ns", Better: "lower", Title: "CPU from the edge's return until all are back, connector"},
	{Name: "client_storm_bytes", Experiment: "storm", Unit: "B", Better: "lower", Title: "UDP payload until all are back, connector"},
	{Name: "server_storm_bytes", Experiment: "storm", Unit: "B", Better: "lower", Title: "UDP payload until all are back, edge"},
	{Name: "client_storm_datagrams", Experiment: "storm", Unit: "datagrams", Better: "lower", Title: "datagrams until all are back, connector"},
	{Name: "server_storm_datagrams", Experiment: "storm", Unit: "datagrams", Better: "lower", Title: "datagrams until all are back, edge"},
	{Name: "initials_refused", Experiment: "storm", Unit: "count", Better: "lower", Title: "Initials that the edge refused, mean: a first flight of two is refused twice", Mean: true},
	{Name: "retry_packets", Experiment: "storm", Unit: "count", Better: "lower", Title: "Retry packets of the edge, mean: one for each Initial of a first flight", Mean: true},
	{Name: "requests_sent", Experiment: "storm", Unit: "count", Title: "requests meanwhile, mean", Mean: true},
	{Name: "requests_lost", Experiment: "storm", Unit: "count", Better: "lower", Title: "requests lost meanwhile, mean", Mean: true},
	{Name: "requests_dropped", Experiment: "storm", Unit: "count", Better: "lower", Title: "requests that no visitor was free for, mean", Mean: true},
	{Name: "requests_in_flight", Experiment: "storm", Unit: "count", Title: "requests in flight at the stop, mean", Mean: true},
	{Name: "in_flight_lost", Experiment: "storm", Unit: "count", Better: "lower", Title: "of these, lost, mean", Mean: true},
	{Name: "requests_p50", Experiment: "storm", Unit: "ns", Better: "lower", Title: "latency of requests meanwhile, median"},
	{Name: "requests_p99", Experiment: "storm", Unit: "ns", Better: "lower", Title: "latency of requests meanwhile, 99th percentile"},
	{Name: "requests_lateness_p99", Experiment: "storm", Unit: "ns", Better: "lower", Title: "lateness of requests meanwhile, 99th percentile"},
	{Name: "connector_cpu_peak", Experiment: "storm", Unit: "share", Title: "CPU in the busiest second, connectors, of all cores"},
	{Name: "edge_cpu_peak", Experiment: "storm", Unit: "share", Title: "CPU in the busiest second, edge, of all cores"},
	{Name: "host_cpu_peak", Experiment: "storm", Unit: "share", Title: "CPU in the busiest second, whole host"},
	{Name: "outage", Experiment: "storm", Unit: "ns", Title: "outage"},
	{Name: "returned_connections", Experiment: "storm", Unit: "count", Title: "connections back at the end"},

	{Name: "goodput_down", Experiment: "goodput", Unit: "bit/s", Better: "higher", Title: "goodput, download"},
	{Name: "goodput_up", Experiment: "goodput", Unit: "bit/s", Better: "higher", Title: "goodput, upload"},
	{Name: "cpu_per_gb", Experiment: "goodput", Unit: "ns/GB", Better: "lower", Title: "CPU per GB, edge and connector, both ways"},
	{Name: "connector_cpu_per_gb", Experiment: "goodput", Unit: "ns/GB", Better: "lower", Title: "CPU per GB, connector, both ways"},
	{Name: "cpu_per_gb_down", Experiment: "goodput", Unit: "ns/GB", Better: "lower", Title: "CPU per GB, download"},
	{Name: "cpu_per_gb_up", Experiment: "goodput", Unit: "ns/GB", Better: "lower", Title: "CPU per GB, upload"},
}

// BelowKnee are the shares of a knee, in percent, at which latency is measured again, in the order of the measuring.
var BelowKnee = []int{90, 50, 10}

// AtKnee is the name of a metric at such a share.
func AtKnee(name string, percent int) string { return fmt.Sprintf("%s_at_%d", name, percent) }
