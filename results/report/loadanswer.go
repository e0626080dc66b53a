package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"pqbench/results"
)

// kneeSentence says what the edge keeps up with, classical and post-quantum; "" where no knee was searched for.
func (l lookup) kneeSentence() string {
	var parts []string
	for _, r := range l.s.Rows {
		if r.Experiment != kneeSearch || r.Metric != "knee_rate" || r.Value == nil || r.Arm.AA {
			continue
		}
		if *r.Value == 0 {
			parts = append(parts, armOfLoad(r.Arm)+" at no rate that was tried")
			continue
		}
		text := fmt.Sprintf("%s%s %s/s", armOfLoad(r.Arm), l.chosen(r), rounded(*r.Value, r.Low, r.High, 1))
		if c := l.comparisons(func(c results.Comparison) bool {
			return c.Experiment == kneeSearch && c.Metric == "knee_rate" && c.Arm == r.Arm && c.Kind == "group" && c.Ratio != nil
		}); len(c) > 0 {
			text += fmt.Sprintf(" (%s)", found(c[0]))
		}
		if l.bound(kneeSearch, r.Arm) {
			text = strings.Replace(text, r.Arm.Load+" ", r.Arm.Load+" at least ", 1) + ", where the generator was the limit"
		}
		if share, ok := l.value(kneeSearch, "knee_verified", r.Arm); ok && share < 1 {
			text += fmt.Sprintf(", not verified in %.0f %% of the searches", 100*(1-share))
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return ""
	}
	return "The highest rate within the bounds: " + strings.Join(parts, "; ") + "."
}

// armOfLoad names an arm by what it drives and its group.
func armOfLoad(a results.Arm) string {
	text := a.Group
	if a.KEM != "" {
		text += " (" + a.KEM + ")"
	}
	if a.EdgeCores > 0 {
		text += ", " + counted(a.EdgeCores, "edge core")
	}
	return text + ", " + a.Load
}

// rateSentences are, for handshakes and for requests, the latency at the highest rate whose result the generator did not
// limit, and how many it did; none where no load was offered.
func (l lookup) rateSentences() (sentences []string) {
	for _, load := range []string{"handshakes", "requests"} {
		if text := l.rateSentence(load); text != "" {
			sentences = append(sentences, text)
		}
	}
	return sentences
}

func (l lookup) rateSentence(load string) string {
	var rows []results.Row
	limited, all := 0, 0
	for _, r := range l.s.Rows {
		if r.Experiment != rate || r.Metric != "latency_p50" || r.Arm.AA || r.Arm.Arrivals == closedLoop || r.Arm.Load != load {
			continue
		}
		all++
		switch {
		case l.bound(rate, r.Arm):
			limited++
		case r.Value != nil:
			rows = append(rows, r)
		}
	}
	if all == 0 {
		return ""
	}
	var text string
	if len(rows) > 0 {
		most := slices.MaxFunc(rows, func(a, b results.Row) int { return cmp.Compare(l.offered(a), l.offered(b)) }).Arm
		rows = slices.DeleteFunc(rows, func(r results.Row) bool {
			return r.Arm.Rate != most.Rate || r.Arm.Phase != most.Phase || r.Arm.EdgeCores != most.EdgeCores
		})
		var parts []string
		for _, r := range rows {
			parts = append(parts, fmt.Sprintf("%s%s %s", groupWithKEM(r.Arm), l.chosen(r), l.percentiles(r)))
		}
		offered := "the instants of the trace"
		if most.Rate != "" {
			offered = most.Rate
		}
		text = fmt.Sprintf("With %s of %s on offer, latency from the intended instant: %s. ", offered, load, strings.Join(parts, "; "))
	}
	return text + fmt.Sprintf("The load generator was the limit of %d of %d results.", limited, all)
}

// offered is the rate of a row's arm; 0 for a burst, which has none.
func (l lookup) offered(r results.Row) float64 {
	v, _ := l.value(rate, "offered_rate", r.Arm)
	return v
}

// closedSentence is how fast closed loops went; "" without one. They say nothing about load.
func (l lookup) closedSentence() string {
	var parts []string
	for _, r := range l.s.Rows {
		if r.Experiment != rate || r.Metric != "achieved_rate" || r.Arm.Arrivals != closedLoop || r.Arm.AA || r.Value == nil {
			continue
		}
		text := fmt.Sprintf("%s%s %s %s/s with %s", groupWithKEM(r.Arm), l.chosen(r), rounded(*r.Value, r.Low, r.High, 1), r.Arm.Load, flight(r.Arm.Concurrency))
		if l.bound(rate, r.Arm) {
			text += " (generator-bound)"
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return ""
	}
	return "Closed loop, which tells how fast it can go and nothing about latency under load: " + strings.Join(parts, "; ") + "."
}

// chosen is what a foreign server chose, where that is not what the arm is called by.
func (l lookup) chosen(r results.Row) string {
	for _, o := range l.s.Outcomes {
		if o.Experiment == r.Experiment && o.Arm == r.Arm && o.Text != promised(r.Arm) {
			return fmt.Sprintf(" (negotiated: %s)", o.Text)
		}
	}
	return ""
}

func groupWithKEM(a results.Arm) string {
	if a.KEM == "" {
		return a.Group
	}
	return a.Group + " (" + a.KEM + ")"
}

// percentiles are "p50 1.20 ms, p99 3.1 ms", as far as they are known.
func (l lookup) percentiles(p50 results.Row) string {
	var parts []string
	for _, of := range []struct{ metric, name string }{{"latency_p50", "p50"}, {"latency_p99", "p99"}, {"latency_p999", "p99.9"}} {
		if r := l.row(rate, of.metric, p50.Arm); r != nil {
			s := scaleFor(results.Metric{Unit: "ns"}, []float64{*r.Value})
			parts = append(parts, fmt.Sprintf("%s %s %s", of.name, rounded(*r.Value, r.Low, r.High, s.divisor), s.unit))
		}
	}
	return strings.Join(parts, ", ")
}

// bound tells whether the generator limited an arm's result.
func (l lookup) bound(experiment string, a results.Arm) bool {
	return slices.ContainsFunc(l.s.Generators, func(g results.Generator) bool { return g.Experiment == experiment && g.Arm == a && g.Bound })
}
