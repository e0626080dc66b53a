package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"pqbench/results"
)

// The experiments of the lab, in virtual time.
const (
	paths       = "paths"
	middleboxes = "middleboxes"
	silence     = "silence"
)

// networkTime stands wherever a virtual time is shown.
const networkTime = "network time only: computing takes none"

// timesOf says what virtual times are made of.
func timesOf(computing string) string {
	if computing == "" {
		return networkTime
	}
	return "network time and the CPU time that run " + computing + " measured"
}

// pathsSentence is what the hybrid of today costs on the paths that were measured: the range of its penalty, and which
// part of the time makes it.
func (l lookup) pathsSentence() string {
	found := l.comparisons(func(c results.Comparison) bool {
		return c.Experiment == paths && c.Metric == "handshake_mean" && c.Arm.Group == today && c.Ratio != nil && c.Low != nil
	})
	if len(found) == 0 {
		return ""
	}
	byRatio := func(a, b results.Comparison) int { return cmp.Compare(*a.Ratio, *b.Ratio) }
	with := func(verdict string) []results.Comparison {
		return slices.DeleteFunc(slices.Clone(found), func(c results.Comparison) bool { return c.Verdict != verdict })
	}
	higher, lower := with(results.VerdictHigher), with(results.VerdictLower)
	text := fmt.Sprintf("In virtual time (%s) the mean handshake with %s takes longer than with %s on %d of %d paths", timesOf(l.s.Computing), today,
		groupLabel(found[0].Base), len(higher), len(found))
	if len(higher) > 0 {
		worst := slices.MaxFunc(higher, byRatio)
		text += fmt.Sprintf(": by up to %s (%s)", bare(effect(worst)), pathLabel(worst.Arm))
		if cause := l.cause(worst); cause != "" {
			text += ", most of it " + cause
		}
	}
	if len(lower) > 0 {
		best := slices.MinFunc(lower, byRatio)
		text += fmt.Sprintf("; and less on %d: %s (%s)", len(lower), bare(effect(best)), pathLabel(best.Arm))
	}
	return text + "."
}

// A timePart is a part of a handshake's time.
type timePart struct{ metric, name string }

// explained are the parts of a handshake's time, in the order of their bars.
var explained = []timePart{
	{"in_propagation", "propagation"}, {"in_timers", "timers"}, {"in_serialisation", "serialisation"},
	{"in_queueing", "queueing"}, {"in_jitter", "jitter"}, {"in_computing", "computing"}, {"in_core_queue", "waiting for a core"},
}

// cause is the part of the time that differs most between an arm and its base.
func (l lookup) cause(c results.Comparison) string {
	name, most := "", 0.0
	for _, part := range explained {
		arm, ok := l.value(c.Experiment, part.metric, c.Arm)
		base, also := l.value(c.Experiment, part.metric, c.Base)
		if ok && also && arm-base > most {
			name, most = part.name, arm-base
		}
	}
	return name
}

// pathLabel is a path in words: "100ms round trip, 5% lost each way", "28ms round trip with 1Mbit, 1% up, 2% down lost".
func pathLabel(a results.Arm) string {
	text := a.Path
	rtt, more, found := strings.Cut(a.Path, "+")
	if _, err := time.ParseDuration(rtt); err == nil { // and not a profile's name
		text = rtt + " round trip"
		if found {
			text += " with " + strings.ReplaceAll(more, "+", ", ")
		}
	}
	switch {
	case strings.Contains(a.Loss, " up, "):
		text += ", " + a.Loss + " lost"
	case a.Loss != "":
		text += ", " + a.Loss + " lost each way"
	}
	return text + aside(a)
}

// aside is what an arm of the lab has besides group, path and loss: ", rsa-chain5 certificate, 200 clients at once".
func aside(a results.Arm) (text string) {
	if a.Cert != "" {
		text += ", " + a.Cert + " certificate"
	}
	if a.Concurrency > 1 {
		text += fmt.Sprintf(", %d clients at once", a.Concurrency)
	}
	return text
}

// middleboxSentence counts who of those that connect without a middlebox, or else of all, connect through which.
func (l lookup) middleboxSentence() string {
	var boxes []string
	through, can := map[string]map[results.Arm]bool{}, map[results.Arm]bool{}
	for _, o := range l.s.Outcomes {
		if o.Experiment != middleboxes {
			continue
		}
		box, offer := o.Arm.Middlebox, without(o.Arm)
		if through[box] == nil {
			boxes, through[box] = append(boxes, box), map[results.Arm]bool{}
		}
		can[offer] = true
		if connects(o.Text) {
			through[box][offer] = true
		}
	}
	of := "offers"
	if free, ok := through[none]; ok {
		of, can = "offers that connect without a middlebox", free
	}
	var parts []string
	for _, box := range boxes {
		n := 0
		for offer := range through[box] {
			if can[offer] {
				n++
			}
		}
		if box != none {
			parts = append(parts, fmt.Sprintf("%s %d", box, n))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Of %d %s connect through each of these: %s.", len(can), of, strings.Join(parts, ", "))
}

func connects(outcome string) bool {
	return !strings.HasPrefix(outcome, "refused") && !strings.HasPrefix(outcome, "failed") && !strings.Contains(outcome, noTunnel)
}

// silenceSentence is how late tunnels answer that were left alone: for each pair of timers behind the worst middlebox.
func (l lookup) silenceSentence() string {
	var timers []string
	worst := map[string]results.Row{}
	for _, r := range l.s.Rows {
		if r.Experiment != silence || r.Metric != "answer_after_silence" || r.Value == nil {
			continue
		}
		appendIndex(&timers, r.Arm.Timers)
		if w := worst[r.Arm.Timers]; w.Value == nil || *r.Value > *w.Value {
			worst[r.Arm.Timers] = r
		}
	}
	var parts []string
	for _, t := range timers {
		keepAlive, _, _ := strings.Cut(t, "/")
		parts = append(parts, fmt.Sprintf("with keep-alives every %s within %s ms (%s)", keepAlive, fixed(*worst[t].Value/1e6, 0), worst[t].Arm.Middlebox))
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Tunnels that were left alone for %s answer, behind the middlebox that delays them most, %s.", worst[timers[0]].Arm.Silence, strings.Join(parts, ", "))
}
