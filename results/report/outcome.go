package report

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"pqbench/results"
)

// policy is the experiment whose question is how an attempt ends.
const policy = "policy"

func hasOutcome(experiment string) bool { return experiment == policy || experiment == middleboxes }

// outcomes are those of every arm of the experiments that are about them.
func (r *run) outcomes() []results.Outcome {
	var all []results.Outcome
	for i := range r.arms {
		if a := &r.arms[i]; hasOutcome(a.Experiment) && len(a.samples) > 0 {
			all = append(all, results.Outcome{Experiment: a.Experiment, Arm: a.Arm, Text: a.outcome()})
		}
	}
	return all
}

var cryptoError = regexp.MustCompile(`CRYPTO_ERROR (0x[0-9a-f]+)`)

// outcome is that of an arm's first sample: a run ends when others differ from it.
func (a *armRecords) outcome() string {
	block := slices.Min(slices.Collect(maps.Keys(a.samples)))
	s := a.samples[block][0]
	switch code := cryptoError.FindStringSubmatch(s.Detail); {
	case s.Class == "":
		text := s.Group
		if a.trials[block].Values["hello_retry_requests"] > 0 {
			text += retried
		}
		if a.Arm.Resumed && a.trials[block].Values["resumed_share"] == 0 {
			text += ", not resumed"
		}
		if a.trials[block].Values["unregistered"] > 0 {
			text += noTunnel + a.message(s)
		}
		return text
	case code != nil:
		return fmt.Sprintf("refused, %s", code[1]) + a.message(s)
	}
	return "failed, " + s.Class + a.message(s)
}

// retried is said of a handshake that took a round trip more, for a group that both know.
const retried = " after a HelloRetryRequest"

// noTunnel is said of an offer whose handshakes succeed and whose tunnels never register.
const noTunnel = ", but no tunnel"

// message is what the connector says, where an operator looks for it.
func (a *armRecords) message(s results.Sample) string {
	if a.Experiment != middleboxes || s.Detail == "" {
		return ""
	}
	text := s.Detail
	if at := cryptoError.FindStringIndex(text); at != nil { // which is told already
		text = strings.TrimPrefix(strings.TrimPrefix(text[at[1]:], " (remote)"), ": ")
	}
	return " (" + text + ")"
}

// outcome is what the summary says of an arm.
func (b *builder) outcome(a results.Arm) string {
	i := slices.IndexFunc(b.s.Outcomes, func(o results.Outcome) bool { return o.Experiment == b.experiment && o.Arm == a })
	if i < 0 {
		return ""
	}
	return b.s.Outcomes[i].Text
}

// ticket says with what a connector comes.
func ticket(a results.Arm) string {
	switch {
	case a.Resumed:
		return "ticket"
	case a.Policy != "" && a.Middlebox == "":
		return "none"
	}
	return ""
}
