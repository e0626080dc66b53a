package bench

import (
	"context"

	"pqbench/bench/role"
	"pqbench/results"
	"pqbench/wire"
)

// wire keeps the ledger of handshakes, one for each arm in a block.
func (r *runner) wire(ctx context.Context, p part) error {
	return r.overPairs(ctx, p, func(ctx context.Context, ps *pairs, pr *pair, a arm, t *results.Trial) ([]results.Sample, error) {
		var reply role.WireReply
		if err := pr.load.Call(ctx, "Wire", ps.args(pr, a, 1), &reply); err != nil {
			return nil, err
		}
		s := &reply.Sample
		t.Started, t.Finished = s.Sent, s.Completed
		if s.Class == "" {
			t.Values = entries(reply.Ledger)
			s.SinceInitial = s.Completed - reply.FirstSent
			t.Values["since_initial_p50"] = float64(s.SinceInitial)
		}
		samples := []results.Sample{*s}
		tally(t, samples, 1, 0)
		return samples, nil
	})
}

// entries are a ledger's values by the names of the metrics.
func entries(l wire.Ledger) map[string]float64 {
	values := map[string]float64{
		"clienthello_bytes": float64(l.ClientHelloBytes), "serverhello_bytes": float64(l.ServerHelloBytes),
		"client_share_bytes": float64(l.ClientShareBytes), "server_share_bytes": float64(l.ServerShareBytes),
		"clienthello_grease_bytes": float64(l.ClientHelloGreaseBytes), "client_ack_only_datagrams": float64(l.ClientAckOnlyDatagrams),
		"client_initial_datagrams": float64(l.ClientInitialDatagrams),
		"client_datagrams":         float64(l.ClientDatagrams), "server_datagrams": float64(l.ServerDatagrams),
		"client_bytes": float64(l.ClientBytes), "server_bytes": float64(l.ServerBytes),
		"header_bytes_ipv4":    float64(l.HeaderBytes4),
		"client_padding_bytes": float64(l.ClientPaddingBytes), "server_padding_bytes": float64(l.ServerPaddingBytes),
		"certificate_bytes": float64(l.CertificateBytes), "hello_retry_requests": float64(l.HelloRetryRequests),
		"retries": float64(l.Retries), "ptos": float64(l.PTOs),
	}
	if l.Confirmed {
		values["client_datagrams_confirmed"] = float64(l.ConfirmedClientDatagrams)
		values["server_datagrams_confirmed"] = float64(l.ConfirmedServerDatagrams)
		values["client_bytes_confirmed"] = float64(l.ConfirmedClientBytes)
		values["server_bytes_confirmed"] = float64(l.ConfirmedServerBytes)
	}
	return values
}
