package lab

// reproducible are the metrics that the same seed and versions give to the nanosecond, on every machine: all of the
// handshake, but for the bytes, of which a signature's length is random, and a first request of 1 kB. Of larger ones a few in a
// thousand depend on the order in which goroutines run at one instant.
var reproducible = []string{
	"handshake_mean", "handshake_p50", "handshake_p90", "handshake_p99", "delayed", "round_trips_mean", "timers_run_out",
	"in_propagation", "in_serialisation", "in_queueing", "in_jitter", "in_timers",
	"client_datagrams", "server_datagrams", "lost_datagrams", "lost_initial", "lost_handshake", "lost_1rtt",
	"client_ptos", "server_ptos", "stalled", "hello_retry_requests",
	"registered_mean", "first_byte_1kB", "last_byte_1kB",
}

// exact are the metrics of an experiment that are the same in every run: with a rate on any of its paths none is, since
// there a byte is time; and with costs of computing none is, either, since those are another machine's elsewhere.
func exact(cells []Cell) []string {
	for _, c := range cells {
		p, err := c.path()
		if err != nil || p.Up.Rate != 0 || p.Down.Rate != 0 || c.Cost != nil {
			return nil
		}
	}
	return reproducible
}
