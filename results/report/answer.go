package report

import (
	"fmt"
	"slices"
	"strings"

	"pqbench/results"
)

// answer is the report in three sentences: what a post-quantum handshake costs in time and CPU, what on the wire, and
// whether anything differs once the tunnel stands, with what assembly is worth where that was measured.
func answer(s results.Summary) []string {
	l := lookup{s}
	last := l.steadySentence()
	if assembly := l.assembly(); assembly != "" {
		last += "; assembly " + assembly
	}
	sentences := []string{l.handshakeSentence(), l.wireSentence(), last + "."}
	// A run of connectors beside each other, or of policies, has a question of its own.
	own := []string{l.besideSentence(), l.policySentence(), l.pathsSentence(), l.flipSentence(), l.middleboxSentence(), l.silenceSentence(), l.kneeSentence()}
	own = append(append(own, l.rateSentences()...), l.closedSentence(), l.fleetSentence(), l.stormSentence())
	own = slices.DeleteFunc(own, func(s string) bool { return s == "" })
	if len(s.Rows) == 0 {
		return []string{"Nothing was measured to its end."}
	}
	if len(own) > 0 || !l.asked("handshake", "wire", "requests", "goodput", "kex") {
		sentences = slices.DeleteFunc(sentences, func(s string) bool { return strings.HasSuffix(s, "was not measured in this run.") })
	}
	return append(own, sentences...)
}

// asked reports whether the run has rows of one of the experiments.
func (l lookup) asked(experiments ...string) bool {
	return slices.ContainsFunc(l.s.Rows, func(r results.Row) bool { return slices.Contains(experiments, r.Experiment) })
}

// policySentence counts how the policies' attempts ended; "" where there were none.
func (l lookup) policySentence() string {
	var plain, retried, refused, other int
	of := slices.DeleteFunc(slices.Clone(l.s.Outcomes), func(o results.Outcome) bool { return o.Experiment != policy })
	for _, o := range of {
		switch trips, _ := l.value(o.Experiment, "round_trips", o.Arm); {
		case strings.HasPrefix(o.Text, "refused"):
			refused++
		case strings.HasPrefix(o.Text, "failed"):
			other++
		case trips > 1:
			retried++
		default:
			plain++
		}
	}
	if len(of) == 0 {
		return ""
	}
	text := fmt.Sprintf("Of %d combinations %d connect in one round trip, %d after a HelloRetryRequest, %d are refused", len(of), plain, retried, refused)
	if other > 0 {
		text += fmt.Sprintf(" and %d fail otherwise", other)
	}
	return text + "."
}

// besideSentence holds our connector against a real cloudflared, metric by metric; "" where there was none.
func (l lookup) besideSentence() string {
	var parts []string
	for _, of := range []struct{ experiment, metric, what string }{
		{"requests", "connector_cpu", "CPU per request"}, {"requests", "requests_per_second", "requests"},
		{"goodput", "goodput_down", "download"}, {"goodput", "goodput_up", "upload"}, {"goodput", "connector_cpu_per_gb", "CPU per GB"},
		{"idle", "connector_memory_per_tunnel", "memory per tunnel"},
	} {
		for _, c := range l.comparisons(func(c results.Comparison) bool {
			return c.Experiment == of.experiment && c.Metric == of.metric && c.Kind == "stack" && c.Base.Stack == cloudflared && c.Arm.Stack == ours && c.Ratio != nil
		}) {
			parts = append(parts, fmt.Sprintf("%s %s (%s)", of.what, l.values(c), found(c)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "Our connector beside a real cloudflared: " + strings.Join(parts, "; ") + "."
}

// values are "58 µs instead of 115 µs".
func (l lookup) values(c results.Comparison) string {
	arm, base := l.row(c.Experiment, c.Metric, c.Arm), l.row(c.Experiment, c.Metric, c.Base)
	if arm == nil || base == nil {
		return bare(effect(c))
	}
	metric, _ := results.MetricByName(c.Metric)
	s := scaleFor(metric, []float64{*arm.Value, *base.Value})
	return fmt.Sprintf("%s %s instead of %s %s", rounded(*arm.Value, arm.Low, arm.High, s.divisor), s.unit,
		rounded(*base.Value, base.Low, base.High, s.divisor), s.unit)
}

// handshakeSentence takes the time one at a time, and the CPU with several in flight: two processes that wake each
// other for every packet would cost half as much again.
func (l lookup) handshakeSentence() string {
	group := l.hero("handshake")
	times := l.ofGroup("handshake", "handshake_p50", group)
	cpus := l.ofGroup("handshake", "total_cpu", group)
	if group == "" || len(times)+len(cpus) == 0 {
		return "What a post-quantum handshake costs in time and CPU was not measured in this run."
	}
	var parts []string
	if c := extreme(times, fewer); c != nil {
		parts = append(parts, fmt.Sprintf("takes %s (%s; %s)", l.against(*c, ""), found(*c), sectionOf(c.Arm)))
	}
	if c := extreme(cpus, more); c != nil {
		parts = append(parts, fmt.Sprintf("costs %s (%s%s; %s)", l.against(*c, " of CPU on both sides together"), found(*c), l.shares(*c), sectionOf(c.Arm)))
	}
	return fmt.Sprintf("A handshake with %s %s.", group, strings.Join(parts, " and "))
}

func fewer(a, b results.Arm) bool { return a.Concurrency < b.Concurrency }
func more(a, b results.Arm) bool  { return a.Concurrency > b.Concurrency }

// extreme is the comparison with the preferred provider whose arm comes first; nil when there is none.
func extreme(of []results.Comparison, first func(a, b results.Arm) bool) *results.Comparison {
	var best *results.Comparison
	for i, c := range of {
		if best == nil || preferred(c.Arm) == preferred(best.Arm) && first(c.Arm, best.Arm) {
			best = &of[i]
		}
	}
	return best
}

// against is "1.44 ms instead of 1.15 ms with X25519". What is counted goes behind the first number.
func (l lookup) against(c results.Comparison, of string) string {
	arm, base := l.row(c.Experiment, c.Metric, c.Arm), l.row(c.Experiment, c.Metric, c.Base)
	if arm == nil || base == nil {
		return fmt.Sprintf("%s%s compared with %s", bare(effect(c)), of, groupLabel(c.Base)) // too few samples to print either
	}
	metric, _ := results.MetricByName(c.Metric)
	s := scaleFor(metric, []float64{*arm.Value, *base.Value})
	return fmt.Sprintf("%s %s%s instead of %s %s with %s", rounded(*arm.Value, arm.Low, arm.High, s.divisor), s.unit, of,
		rounded(*base.Value, base.Low, base.High, s.divisor), s.unit, groupLabel(c.Base))
}

// found is an effect and what to think of it.
func found(c results.Comparison) string {
	switch c.Verdict {
	case results.VerdictEquivalent:
		return bare(effect(c)) + ", equal within the margin"
	case results.VerdictInconclusive:
		if untested(c) {
			return bare(effect(c)) + ", of too few blocks to tell it from noise"
		}
		if unproven(c) {
			return bare(effect(c)) + ", not significant once corrected for the number of comparisons"
		}
		return bare(effect(c)) + ", no difference found"
	}
	return effect(c)
}

// shares is how the difference in CPU divides between the two sides.
func (l lookup) shares(c results.Comparison) string {
	var parts []string
	for _, side := range []struct{ metric, name string }{{"client_cpu", "connector"}, {"server_cpu", "edge"}} {
		arm, ok := l.value(c.Experiment, side.metric, c.Arm)
		base, okBase := l.value(c.Experiment, side.metric, c.Base)
		if !ok || !okBase {
			return ""
		}
		parts = append(parts, fmt.Sprintf("%s µs at the %s", signed((arm-base)/1000, 0), side.name))
	}
	return "; " + strings.Join(parts, ", ")
}

func (l lookup) wireSentence() string {
	group := l.hero("wire")
	found := l.ofGroup("wire", "clienthello_bytes", group)
	if group == "" || len(found) == 0 {
		return "What it costs in bytes and datagrams was not measured in this run."
	}
	c := found[0]
	difference := func(metric string) float64 {
		arm, _ := l.value("wire", metric, c.Arm)
		base, _ := l.value("wire", metric, c.Base)
		return arm - base
	}
	first, _ := l.value("wire", "client_initial_datagrams", c.Arm)
	firstBase, _ := l.value("wire", "client_initial_datagrams", c.Base)
	return fmt.Sprintf("On the wire %s lengthens the ClientHello by %s B and the ServerHello by %s B over %s, with padding that is %s B more UDP payload "+
		"from the client and %s B more from the server until the handshake is complete, and the client's first flight takes %s %s instead of %s.",
		group, whole(difference("clienthello_bytes")), whole(difference("serverhello_bytes")), groupLabel(c.Base),
		whole(difference("client_bytes")), whole(difference("server_bytes")),
		whole(first), plural(first, "datagram"), whole(firstBase))
}

func (l lookup) steadySentence() string {
	group := l.hero("requests")
	if group == "" {
		group = l.hero("goodput")
	}
	st := l.steady(group)
	n := len(st.equal) + len(st.open) + len(st.different)
	within := fmt.Sprintf("%d of %d metrics are equal within ±%s %%", len(st.equal), n, whole(100*st.margin))
	switch {
	case group == "" || n == 0:
		return "Whether anything differs once the tunnel stands was not measured in this run"
	case len(st.different) > 0:
		return fmt.Sprintf("Once the tunnel stands there is a difference: %s (%s)", strings.Join(st.different, ", "), within)
	case len(st.open) > 0:
		return fmt.Sprintf("Once the tunnel stands no difference was found, but this run cannot show that there is none: %s, "+
			"and the intervals of these are too wide to say: %s", within, strings.Join(st.open, ", "))
	}
	return fmt.Sprintf("Once the tunnel stands there is no difference: %s (%s)", within, strings.Join(st.equal, ", "))
}

// assembly compares CIRCL with assembly and without, from the bare operations to the handshake.
func (l lookup) assembly() string {
	pick := func(experiment, metric, group string) *results.Comparison {
		found := l.comparisons(func(c results.Comparison) bool {
			return c.Experiment == experiment && c.Metric == metric && c.Kind == "kem" && c.Arm.KEM == "circl-asm" &&
				c.Base.KEM == "circl-generic" && c.Ratio != nil && (group == "" || c.Arm.Group == group)
		})
		return extreme(found, more)
	}
	group := kyber768
	if pick("kex", "keygen", group) == nil && pick("handshake", "total_cpu", group) == nil {
		group = ""
	}
	var times []string
	for _, op := range []struct{ metric, name string }{{"keygen", "key generation"}, {"encapsulate", "encapsulation"}, {"decapsulate", "decapsulation"}} {
		if c := pick("kex", op.metric, group); c != nil && *c.Ratio > 0 {
			group = c.Arm.Group
			times = append(times, fmt.Sprintf("%s (%s)", fixed(1 / *c.Ratio, 1), op.name))
		}
	}
	cpu := pick("handshake", "total_cpu", group)
	switch {
	case len(times) == 0 && cpu == nil:
		return ""
	case cpu == nil:
		return fmt.Sprintf("runs the KEM of %s %s times as fast", group, strings.Join(times, ", "))
	}
	change := fmt.Sprintf("changes the CPU of a whole handshake by %s", found(*cpu))
	if len(times) == 0 {
		return fmt.Sprintf("%s (%s)", change, groupLabel(cpu.Arm))
	}
	return fmt.Sprintf("runs the KEM of %s %s times as fast and %s", group, strings.Join(times, ", "), change)
}
