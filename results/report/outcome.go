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
		switch a := &r.arms[i]; {
		case hasOutcome(a.Experiment) && len(a.samples) > 0:
			all = append(all, results.Outcome{Experiment: a.Experiment, Arm: a.Arm, Text: a.outcome()})
		case a.foreign():
			all = append(all, results.Outcome{Experiment: a.Experiment, Arm: a.Arm, Text: shares(a.negotiated())})
		}
	}
	return all
}

// foreign tells an arm whose handshakes were with a server of the user's own, which chose the group.
func (a *armRecords) foreign() bool {
	for _, t := range a.trials {
		if t.Negotiated != nil {
			return true
		}
	}
	return false
}

// negotiated counts its completed handshakes by group.
func (a *armRecords) negotiated() map[string]int {
	all := map[string]int{}
	for _, t := range a.trials {
		for group, n := range t.Negotiated {
			all[group] += n
		}
	}
	return all
}

// shares are "secp256r1", or "X25519MLKEM768 97.0 %, secp256r1 3.0 %"; "none" where nothing was complete.
func shares(of map[string]int) string {
	groups, all := slices.Sorted(maps.Keys(of)), 0
	for _, n := range of {
		all += n
	}
	slices.SortStableFunc(groups, func(a, b string) int { return of[b] - of[a] })
	switch len(groups) {
	case 0:
		return "none"
	case 1:
		return groups[0]
	}
	var parts []string
	for _, g := range groups {
		parts = append(parts, fmt.Sprintf("%s %.1f %%", g, 100*float64(of[g])/float64(all)))
	}
	return strings.Join(parts, ", ")
}

// promised is the group that an offer is called by: its first.
func promised(a results.Arm) string {
	first, _, _ := strings.Cut(a.Group, "+")
	return first
}

// otherGroups warn of arms that a foreign server answered with another group than the one that they are called by.
func (r *run) otherGroups() (warnings []string) {
	for i := range r.arms {
		a := &r.arms[i]
		of, others := a.negotiated(), 0
		for group, n := range of {
			if group != promised(a.Arm) {
				others += n
			}
		}
		if others > 0 {
			warnings = append(warnings, fmt.Sprintf("%s, %s: %d handshakes negotiated another group, because the server chose it (%s): these numbers are not those of %s",
				a.Experiment, factors(a.Arm), others, shares(of), promised(a.Arm)))
		}
	}
	return warnings
}

// target is the address of the server that an experiment was aimed at; empty for a local edge.
func target(m results.Manifest, experiment string) string {
	for _, e := range m.Experiments {
		if e.Name == experiment && e.Target != "" {
			return e.Target
		}
	}
	return ""
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

func (b *builder) outcomeHead() string {
	if hasOutcome(b.experiment) {
		return "outcome"
	}
	return "negotiated"
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
