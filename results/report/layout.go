package report

// A layout is the columns of an experiment's tables.
type layout struct {
	experiment, title string
	main              []column // printed everywhere
	more              []column // only in the report, folded away
	// kinds are the comparisons shown beside the values, the preferred first.
	kinds []string
	// kem are the metrics that providers are compared in, in a table of their own.
	kem []string
}

// A column is a metric, and whether its difference from the base stands beside it.
type column struct {
	metric string
	head   string
	effect bool
}

var layouts = []layout{
	{experiment: "kex", title: "Key agreement alone", kinds: []string{"group", "aa"},
		main: []column{{"keygen", "keygen", false}, {"encapsulate", "encaps", false}, {"decapsulate", "decaps", false},
			{"client", "client", true}, {"server", "server", true}},
		kem: []string{"keygen", "encapsulate", "decapsulate", "client", "server"}},
	{experiment: "handshake", title: "Handshake", kinds: []string{"group", "aa"},
		main: []column{{"handshake_p50", "time p50", true}, {"handshake_p99", "p99", false}, {"client_cpu", "client CPU", false},
			{"server_cpu", "server CPU", false}, {"total_cpu", "both CPU", true}},
		more: []column{{"handshake_p90", "time p90", false}, {"since_initial_p50", "since Initial p50", false},
			{"registration_p50", "registration p50", false}, {"handshakes_per_second", "handshakes", false},
			{"client_allocs", "client allocs", false}, {"server_allocs", "server allocs", false},
			{"client_alloc_bytes", "client alloc", false}, {"server_alloc_bytes", "server alloc", false}},
		kem: []string{"handshake_p50", "client_cpu", "server_cpu", "total_cpu"}},
	{experiment: "wire", title: "Wire", kinds: []string{"group"},
		main: []column{{"clienthello_bytes", "ClientHello", true}, {"serverhello_bytes", "ServerHello", true},
			{"client_initial_datagrams", "first flight", false},
			{"client_datagrams", "client sent", false}, {"server_datagrams", "server sent", false},
			{"client_bytes", "client UDP", true}, {"server_bytes", "server UDP", true}, {"header_bytes_ipv4", "IP+UDP headers", false}},
		more: []column{{"client_share_bytes", "client share", false}, {"server_share_bytes", "server share", false},
			{"certificate_bytes", "Certificate", false},
			{"client_padding_bytes", "client padding", false}, {"server_padding_bytes", "server padding", false},
			{"client_datagrams_confirmed", "client sent, confirmed", false}, {"server_datagrams_confirmed", "server sent, confirmed", false},
			{"client_bytes_confirmed", "client UDP, confirmed", false}, {"server_bytes_confirmed", "server UDP, confirmed", false},
			{"hello_retry_requests", "HelloRetryRequests", false}, {"retries", "Retries", false}, {"ptos", "probe time-outs", false}}},
	{experiment: "requests", title: "Requests through the tunnel", kinds: []string{"group", "stack", "aa"},
		main: []column{{"requests_per_second", "requests", true}, {"service_p50", "service p50", true}, {"service_p99", "p99", false},
			{"edge_cpu", "edge CPU", true}, {"connector_cpu", "connector CPU", true}},
		more: []column{{"service_p90", "service p90", false}, {"connection_up_p50", "connection up p50", true}}},
	{experiment: "goodput", title: "Goodput through the tunnel", kinds: []string{"group", "stack", "aa"},
		main: []column{{"goodput_down", "down", true}, {"goodput_up", "up", true}, {"cpu_per_gb", "CPU", true}, {"connector_cpu_per_gb", "connector CPU", true}},
		more: []column{{"cpu_per_gb_down", "CPU, down", false}, {"cpu_per_gb_up", "CPU, up", false}}},
	{experiment: policy, title: "Who connects with whom, and what it costs", kinds: []string{policy},
		main: []column{{"round_trips", "round trips", false}, {"attempt_p50", "time p50", true}, {"total_cpu", "both CPU", true},
			{"clienthello_bytes", "ClientHello", false}, {"client_bytes", "client UDP", true}, {"server_bytes", "server UDP", true}},
		more: []column{{"client_datagrams", "client sent", false}, {"server_datagrams", "server sent", false},
			{"client_cpu", "client CPU", true}, {"server_cpu", "server CPU", true}, {"resumed_share", "resumed", false}}},
	{experiment: paths, title: "Handshakes over a path", kinds: []string{"group"},
		main: []column{{"handshake_mean", "time, mean", true}, {"handshake_p50", "p50", false}, {"handshake_p90", "p90", false}, {"handshake_p99", "p99", false},
			{"delayed", "delayed", false}, {"in_timers", "in timers", false}, {"client_datagrams", "client sent", false}},
		more: []column{{"in_propagation", "in propagation", false}, {"in_timers", "in timers", false}, {"in_serialisation", "in serialisation", false},
			{"in_queueing", "in queueing", false}, {"in_jitter", "in jitter", false},
			{"in_computing", "in computing", false}, {"in_core_queue", "waiting for a core", false}, {"round_trips_mean", "round trips", false},
			{"timers_run_out", "timers", false}, {"lost_datagrams", "lost", false}, {"lost_initial", "lost Initials", false},
			{"lost_handshake", "lost Handshakes", false}, {"lost_1rtt", "lost 1-RTTs", false}, {"client_ptos", "client PTOs", false}, {"server_ptos", "server PTOs", false},
			{"stalled", "stalled", false}, {"hello_retry_requests", "HelloRetryRequests", false}, {"server_datagrams", "server sent", false},
			{"client_bytes", "client UDP", true}, {"server_bytes", "server UDP", true}, {"registered_mean", "registered", true},
			{"first_byte_1kB", "1 kB, first byte", true}, {"last_byte_1kB", "1 kB, last byte", true}, {"first_byte_100kB", "100 kB, first byte", true},
			{"last_byte_100kB", "100 kB, last byte", true}, {"first_byte_1MB", "1 MB, first byte", true}, {"last_byte_1MB", "1 MB, last byte", true}}},
	{experiment: middleboxes, title: "Who connects through which middlebox", kinds: []string{"group"},
		main: []column{{"handshake_mean", "time", false}, {"registered_mean", "registered", false}, {"last_byte_1kB", "1 kB, last byte", false},
			{"client_datagrams", "client sent", false}, {"server_datagrams", "server sent", false}, {"client_bytes", "client UDP", false}}},
	{experiment: rate, title: "Load at a rate", kinds: []string{"group", "aa"},
		main: []column{{"offered_rate", "offered", false}, {"achieved_rate", "completed", false}, {"latency_p50", "latency p50", true}, {"latency_p90", "p90", false},
			{"latency_p99", "p99", false}, {"latency_p999", "p99.9", false}, {"lateness_p99", "lateness p99", false}, {"dropped_share", "dropped", false},
			{"generator_cpu_share", "generator CPU", false}, {"edge_cpu_share", "edge CPU", false}},
		more: []column{{"sent_p50", "since sent p50", false}, {"sent_p99", "since sent p99", false}, {"lateness_p50", "lateness p50", false},
			{"edge_cpu_per_unit", "edge CPU per unit", true}, {"generator_cpu_per_unit", "generator CPU per unit", false}, {"shared_cpu_share", "CPU of all", false},
			{"calibration_completed_share", "at the least edge: completed", false}, {"calibration_p99", "p99 there", false}, {"calibration_lateness_p99", "lateness p99 there", false}}},
	{experiment: fleet, title: "Fleets of idle tunnels", kinds: []string{"group"},
		main: []column{{"both_rss_per_connection", "per connection, both ends", true}, {"connector_rss_per_tunnel", "per tunnel, connector", true}, {"edge_rss_per_tunnel", "edge", true},
			{"connector_rss_fixed", "without tunnels, connector", false}, {"edge_rss_fixed", "edge", false}, {"both_live_per_connection", "live per connection", true},
			{"connector_rss", "connector RSS", true}, {"edge_rss", "edge RSS", true}, {"connector_cpu_per_1000", "connector CPU per 1,000", true}, {"edge_cpu_per_1000", "edge CPU per 1,000", true},
			{"client_keepalive_datagrams", "client sent per tunnel", false}, {"server_keepalive_datagrams", "server", false},
			{"client_keepalive_bytes", "client UDP per tunnel", false}, {"server_keepalive_bytes", "server", false}},
		more: []column{{"connector_live_per_tunnel", "live per tunnel, connector", true}, {"edge_live_per_tunnel", "edge", true}, {"connector_live", "connector live", false}, {"edge_live", "edge live", false},
			{"connector_goroutines", "connector goroutines", false}, {"edge_goroutines", "edge goroutines", false}, {"ramp_time", "coming up", false}, {"lost_connections", "lost", false}}},
	{experiment: storm, title: "A fleet comes back", kinds: []string{"group"},
		main: []column{{"recover_50", "50 % back", true}, {"recover_99", "99 %", true}, {"recover_100", "all", true}, {"peak_rate", "peak", true}, {"queue_peak", "in progress, peak", false},
			{"dials", "dials", false}, {"failed_dials", "failed", false}, {"turned_away", "turned away", false}, {"storm_retries", "Retries", false},
			{"edge_storm_cpu", "edge CPU", true}, {"connector_storm_cpu", "connector CPU", true}, {"client_storm_bytes", "client UDP", true}, {"server_storm_bytes", "server UDP", true},
			{"requests_sent", "requests", false}, {"requests_lost", "lost", false}},
		more: []column{{"lost_connections", "connections lost", false}, {"outage", "outage", false}, {"failed_timeout", "timed out", false}, {"failed_refused", "refused", false}, {"failed_crypto", "alerts", false},
			{"failed_idle", "idle", false}, {"failed_application", "closed", false}, {"failed_unfinished", "unfinished", false}, {"failed_other", "other", false},
			{"client_storm_datagrams", "client sent", false}, {"server_storm_datagrams", "server sent", false},
			{"requests_in_flight", "requests in flight at the stop", false}, {"in_flight_lost", "of these lost", false}}},
	{experiment: kneeSearch, title: "The knee", kinds: []string{"group", "aa"},
		main: []column{{"knee_rate", "knee", true}, {"p50_at_90", "at 90 %: p50", false}, {"p99_at_90", "p99", false}, {"p50_at_50", "at 50 %: p50", false},
			{"p99_at_50", "p99", false}, {"p50_at_10", "at 10 %: p50", false}, {"p99_at_10", "p99", false}, {"generator_cpu_share", "generator CPU", false},
			{"edge_cpu_share", "edge CPU", false}},
		more: []column{{"lateness_p99_at_90", "lateness p99 at 90 %", false}, {"lateness_p99_at_50", "at 50 %", false}, {"lateness_p99_at_10", "at 10 %", false},
			{"shared_cpu_share", "CPU of all", false}, {"knee_verified", "verified", false}, {"calibration_passed", "least edge goes on", false}}},
	{experiment: silence, title: "Tunnels that were left alone, and then asked for 1 kB", kinds: []string{"group"},
		main: []column{{"answered_after_silence", "answered", false}, {"answer_after_silence", "answer", false}, {"connections_lost", "connections lost", false}}},
	{experiment: "idle", title: "Tunnels that stand idle", kinds: []string{"group", "stack", "aa"},
		main: []column{{"connector_memory", "connector memory", false}, {"connector_resident", "RSS", false}, {"connector_memory_per_tunnel", "per tunnel", true}, {"connector_idle_cpu", "connector CPU per tunnel and s", true},
			{"edge_memory_per_tunnel", "edge memory per tunnel", false}, {"edge_idle_cpu", "edge CPU per tunnel and s", false}},
		more: []column{{"connection_up_p50", "connection up p50", true}}},
	{experiment: "overhead", title: "The harness against a bare dial loop", kinds: []string{"stack", "group", "aa"},
		main: []column{{"handshakes_per_second", "handshakes", true}, {"handshake_p50", "time p50", true}, {"client_cpu", "client CPU", true}, {"server_cpu", "server CPU", true},
			{"total_cpu", "both CPU", true}},
		more: []column{{"handshake_p99", "time p99", false},
			{"client_allocs", "client allocs", false}, {"server_allocs", "server allocs", false}}},
}
