package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"pqbench/results"
)

// A claim is a sentence of the announcement of post-quantum tunnels, held against what was measured here.
type claim struct {
	text, group string
	here        string // the numbers
	outcome     string
}

// The outcomes of a claim.
const (
	holds       = "holds"
	doesNotHold = "does not hold"
	notMeasured = "not measured"
	unclear     = "inconclusive"
)

// claims are the announcement's four for each of its groups, and the same for today's group: what was said of
// Kyber512's single Initial and Kyber768's two is asked of X25519MLKEM768 as of Kyber768, whose share is as long.
func claims(s results.Summary) []claim {
	l := lookup{s}
	var all []claim
	for _, g := range []struct {
		name      string
		datagrams float64
		text      string
	}{
		{kyber512, 1, "the ClientHello fits one Initial datagram"},
		{kyber768, 2, "the ClientHello needs two Initial datagrams"},
		{today, 2, "the ClientHello needs two Initial datagrams"},
	} {
		all = append(all, l.initialClaim(g.name, g.text, g.datagrams),
			l.kilobyteClaim(g.name, "about a kilobyte more each way, in messages", "clienthello_bytes", "serverhello_bytes"),
			l.kilobyteClaim(g.name, "about a kilobyte more each way, in UDP payload", "client_bytes", "server_bytes"),
			l.steadyClaim(g.name))
	}
	return all
}

// initialClaim asks every Initial size and certificate that was measured.
func (l lookup) initialClaim(group, text string, want float64) claim {
	c := claim{text: text, group: group, outcome: notMeasured}
	var yes, no []string
	for _, of := range l.ofGroup("wire", "client_initial_datagrams", group) {
		row := l.row("wire", "client_initial_datagrams", of.Arm)
		if row == nil {
			continue
		}
		text := fmt.Sprintf("%s %s", whole(*row.Value), plural(*row.Value, "datagram"))
		if row.Low != nil && row.High != nil && *row.High != *row.Low {
			text += fmt.Sprintf(" [%s–%s]", whole(*row.Low), whole(*row.High))
		}
		if hello, ok := l.value("wire", "clienthello_bytes", of.Arm); ok {
			text = fmt.Sprintf("ClientHello %s B in %s of %d B", whole(hello), text, of.Arm.Initial)
		}
		if *row.Value == want {
			yes = appendOnce(yes, text)
		} else {
			no = appendOnce(no, text)
		}
	}
	c.judge(yes, no)
	return c
}

// kilobyteClaim asks whether a direction's difference from the control rounds to one kilobyte.
func (l lookup) kilobyteClaim(group, text, up, down string) claim {
	c := claim{text: text, group: group, outcome: notMeasured}
	var yes, no []string
	for _, of := range l.ofGroup("wire", up, group) {
		more := func(metric string) (float64, bool) {
			arm, ok := l.value("wire", metric, of.Arm)
			base, okBase := l.value("wire", metric, of.Base)
			return arm - base, ok && okBase
		}
		client, ok := more(up)
		server, okServer := more(down)
		if !ok || !okServer {
			continue
		}
		text := fmt.Sprintf("%s B from the client, %s B from the server, %s B together", signed(client, 0), signed(server, 0), signed(client+server, 0))
		if math.Round(client/1000) == 1 && math.Round(server/1000) == 1 {
			yes = appendOnce(yes, text)
		} else {
			no = appendOnce(no, text)
		}
	}
	c.judge(yes, no)
	return c
}

// judge gives the outcome of the arms that say yes and those that say no. One number of each is enough: the tables
// have the others.
func (c *claim) judge(yes, no []string) {
	switch {
	case len(yes) > 0 && len(no) > 0:
		c.outcome = "holds partly"
		c.here = yes[0] + "; but " + no[0]
	case len(yes) > 0:
		c.outcome, c.here = holds, yes[0]
	case len(no) > 0:
		c.outcome, c.here = doesNotHold, no[0]
	}
}

// steadyMetrics are what "no difference once established" is about.
var steadyMetrics = []struct{ experiment, metric, short string }{
	{"requests", "requests_per_second", "requests/s"}, {"requests", "service_p50", "service time"},
	{"requests", "edge_cpu", "edge CPU"}, {"requests", "connector_cpu", "connector CPU"},
	{"goodput", "goodput_down", "download"}, {"goodput", "goodput_up", "upload"}, {"goodput", "cpu_per_gb", "CPU per GB"},
}

// A steadyState is what was found of a group once its tunnels stand, one text for each metric.
type steadyState struct {
	equal, different, open []string
	margin                 float64
}

// steady takes the preferred provider of the group: how the key was agreed on cannot matter any more.
func (l lookup) steady(group string) steadyState {
	var st steadyState
	for _, of := range steadyMetrics {
		all := l.ofGroup(of.experiment, of.metric, group)
		for _, found := range all {
			if found.Arm.KEM != all[0].Arm.KEM {
				continue
			}
			text := of.short + " " + bare(effect(found))
			switch found.Verdict {
			case results.VerdictEquivalent:
				st.equal = append(st.equal, text)
			case results.VerdictHigher, results.VerdictLower:
				st.different = append(st.different, text)
			default:
				st.open = append(st.open, text)
			}
			st.margin = max(st.margin, found.Margin)
		}
	}
	return st
}

// steadyClaim holds when every metric is equivalent within the margin, and fails when one is different.
func (l lookup) steadyClaim(group string) claim {
	c := claim{text: "once established, no difference", group: group, outcome: notMeasured}
	st := l.steady(group)
	var parts []string
	part := func(what string, texts []string) {
		if len(texts) > 0 {
			parts = append(parts, what+": "+strings.Join(texts, ", "))
		}
	}
	part("different", st.different)
	part("undecided", st.open)
	part(fmt.Sprintf("equal within ±%s %%", whole(100*st.margin)), st.equal)
	c.here = strings.Join(parts, "; ")
	switch {
	case len(parts) == 0:
	case len(st.different) > 0:
		c.outcome = doesNotHold
	case len(st.open) > 0:
		c.outcome = unclear
	default:
		c.outcome = holds
	}
	return c
}

// bare is an effect without its sign of uncertainty, where words say it.
func bare(effect string) string { return strings.TrimSuffix(strings.TrimLeft(effect, "~?≈ ("), ")") }

// claimsTable is ok when anything of it was measured.
func claimsTable(s results.Summary) (t table, ok bool) {
	t = table{Title: "What the announcement of post-quantum tunnels said, and what holds here", Labels: 4,
		Head: []string{"group", "claim", "outcome", "here"}}
	for _, c := range claims(s) {
		ok = ok || c.outcome != notMeasured
		m := plain
		switch c.outcome {
		case holds:
			m = better
		case doesNotHold:
			m = worse
		}
		t.Rows = append(t.Rows, []cell{{Text: c.group}, {Text: c.text}, {c.outcome, m}, {Text: c.here}})
	}
	t.Notes = []string{"about a kilobyte: the difference from the classical control rounds to 1 kB (500 to 1499 B)",
		"messages are the ClientHello and the ServerHello; UDP payload is all of the handshake's datagrams, padding included"}
	return t, ok
}

func appendOnce(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

func plural(n float64, of string) string {
	if n == 1 {
		return of
	}
	return of + "s"
}
