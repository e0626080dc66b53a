package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pqbench/bench/role"
	"pqbench/kex"
	"pqbench/results"
	"pqbench/tunnel/edge"
)

// policyArms are the arms of a policy experiment: what the connector insists on, what the edge accepts, with a session
// ticket or without, for each hybrid; a classical connector once for all hybrids.
func (e *Experiment) policyArms() (arms []arm, skipped []string) {
	for i, o := range e.Groups {
		for _, p := range e.providersOf(o) {
			if err := o.inTLS(p); err != nil {
				skipped = append(skipped, err.Error())
				continue
			}
			for _, policy := range e.Policies {
				if kex.Policy(policy) == kex.Classical && (i > 0 || p != e.providersOf(o)[0]) {
					continue
				}
				offered, err := kex.Policy(policy).Groups(o[0])
				if err != nil {
					skipped = append(skipped, err.Error())
					continue
				}
				arms = append(arms, e.policyArm(policy, offered, p)...)
			}
		}
	}
	return arms, unique(skipped)
}

func (e *Experiment) policyArm(policy Policy, offer Offer, p kex.Provider) (arms []arm) {
	for _, accept := range e.Accepts {
		for _, resumed := range e.Resumed {
			a := arm{Arm: offer.arm(p), offer: offer, provider: p, note: note(offer, p)}
			a.Cert, a.Policy, a.Accept, a.Resumed = string(e.Certs[0]), string(policy), accept.label(), resumed
			arms = append(arms, a)
		}
	}
	return arms
}

// label joins a list with "+", as an offer's: names of arms hold no comma.
func (a Accept) label() string {
	return strings.Join(strings.FieldsFunc(string(a), func(r rune) bool { return r == ',' || r == ' ' }), "+")
}

// comparesPolicies holds every arm against a classical connector at an edge that accepts all, without a ticket.
func (e *Experiment) comparesPolicies(a, b arm) string {
	if b.Policy == string(kex.Classical) && b.Accept == edge.AcceptAll && !b.Resumed {
		return "policy"
	}
	return ""
}

// policy attempts handshakes between connectors and edges of different minds: who connects with what, who is refused,
// and what either costs. A refusal is an outcome here; a handshake that fails in another way than its neighbours ends the run.
func (r *runner) policy(ctx context.Context, p part) error {
	return r.overPairs(ctx, p, func(ctx context.Context, ps *pairs, pr *pair, a arm, t *results.Trial) ([]results.Sample, error) {
		args := role.AttemptArgs{HandshakeArgs: ps.args(pr, a, p.Count)}
		if a.Resumed {
			issuer := ps.listener(a)
			issuer.accept = edge.AcceptAll
			args.Issuer = pr.listeners[issuer]
		}
		var before, after role.Drained
		if err := pr.edge.Call(ctx, "Rest", drain, &before); err != nil {
			return nil, err
		}
		var reply role.AttemptsReply
		if err := pr.load.Call(ctx, "Attempts", args, &reply); err != nil {
			return nil, err
		}
		if err := pr.edge.Call(ctx, "Drain", role.DrainArgs{Timeout: drain}, &after); err != nil {
			return nil, err
		}
		t.Started, t.Finished = reply.Started, reply.Finished
		tally(t, reply.Samples, reply.Scheduled, reply.Dropped)
		t.Values = attemptValues(reply, after.Usage.Sub(before.Usage))
		return reply.Samples, sameOutcome(a, reply.Samples)
	})
}

// attemptValues are an attempt's time and CPU by the untapped ones, and its bytes and round trips by the tapped one.
func attemptValues(reply role.AttemptsReply, server role.Usage) map[string]float64 {
	var took []time.Duration
	for _, s := range reply.Samples {
		took = append(took, time.Duration(s.Completed-s.Intended))
	}
	l, n := reply.Ledger, float64(len(reply.Samples))
	values := map[string]float64{
		"attempt_p50": median(took), "client_cpu": float64(reply.Usage.CPU) / n,
		// The tapped attempt and the ticket's issue are the edge's, too: it cannot tell whose they were.
		"server_cpu":        float64(server.CPU) / (n + float64(reply.Others)),
		"resumed_share":     float64(reply.Resumed) / n,
		"clienthello_bytes": float64(l.ClientHelloBytes), "client_bytes": float64(l.ClientBytes), "server_bytes": float64(l.ServerBytes),
		"client_datagrams": float64(l.ClientDatagrams), "server_datagrams": float64(l.ServerDatagrams),
		"hello_retry_requests": float64(l.HelloRetryRequests),
		"round_trips":          float64(1 + l.HelloRetryRequests + l.Retries),
	}
	values["total_cpu"] = values["client_cpu"] + values["server_cpu"]
	return values
}

// sameOutcome is an error when some attempts of an arm ended differently from others: an outcome that depends on
// chance is not one to put in a table.
func sameOutcome(a arm, samples []results.Sample) error {
	outcome := func(s results.Sample) string { return cmp.Or(s.Class, s.Group) }
	if i := slices.IndexFunc(samples, func(s results.Sample) bool { return outcome(s) != outcome(samples[0]) }); i > 0 {
		return fmt.Errorf("%s: one attempt ended with %s %s, another with %s %s", a.Arm,
			outcome(samples[0]), samples[0].Detail, outcome(samples[i]), samples[i].Detail)
	}
	return nil
}
