package report

import (
	"fmt"
	"strings"

	"pqbench/results"
)

// The experiments that hold fleets.
const (
	fleet = "fleet"
	storm = "storm"
)

// timersText is a tunnel's timers in words.
func timersText(timers string) string {
	keepAlive, idle, _ := strings.Cut(timers, "/")
	return fmt.Sprintf("keep-alive %s, idle time-out %s", keepAlive, idle)
}

// outageText is an outage in words: "the edge closes, and is back after 2s".
func outageText(outage string) string {
	ends := map[string]string{"close": "closes", "kill": "is killed"}
	who := "the edge"
	if rest, ok := strings.CutPrefix(outage, "colo "); ok {
		who, outage = "one of two data centers", rest
	}
	how, after, _ := strings.Cut(outage, " ")
	return fmt.Sprintf("%s %s, and is back after %s", who, ends[how], after)
}

// admissionText is what the edge does above its limit, in words.
func admissionText(admission string) string {
	kind, limit, _ := strings.Cut(admission, "-")
	switch kind {
	case "retry":
		return "Retry above " + limit + " in progress"
	case "cap":
		return "refused above " + limit + " in progress"
	}
	return "no admission control"
}

// fleetSentence is what an idle tunnel takes, or, where fleets had one size alone, what the whole of it takes; "" without any.
func (l lookup) fleetSentence() string {
	if text := l.tunnelSentence(); text != "" {
		return text
	}
	var parts []string
	timers := ""
	for _, r := range l.s.Rows {
		if r.Experiment != fleet || r.Metric != "connector_rss" || r.Value == nil || r.Arm.AA {
			continue
		}
		if edge := l.row(fleet, "edge_rss", r.Arm); edge != nil {
			timers = r.Arm.Timers
			parts = append(parts, fmt.Sprintf("%d of %s %s at the connectors and %s at the edge", r.Arm.Tunnels, tunnelsOf(r.Arm), inMB(&r), inMB(edge)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Idle tunnels take, the processes' own memory included: %s (%s). What one takes is the slope over several sizes.", strings.Join(parts, "; "), timersText(timers))
}

func inMB(r *results.Row) string { return rounded(*r.Value, r.Low, r.High, 1e6) + " MB" }

// tunnelsOf says which tunnels an arm holds: of a mixed fleet not all offer its group.
func tunnelsOf(a results.Arm) string {
	if a.Share != "" {
		return fmt.Sprintf("which %s offer %s,", a.Share, groupLabel(a))
	}
	return groupLabel(a)
}

// tunnelSentence is of lines through several sizes, a hybrid's where there is one that all tunnels offer.
func (l lookup) tunnelSentence() string {
	var best *results.Row
	rank := func(r *results.Row) int {
		switch {
		case r == nil:
			return 0
		case r.Arm.Share != "":
			return 1
		case !hybrid(r.Arm):
			return 2
		}
		return 3
	}
	for i, r := range l.s.Rows {
		if r.Experiment == fleet && r.Metric == "connector_rss_per_tunnel" && r.Value != nil && rank(&l.s.Rows[i]) > rank(best) {
			best = &l.s.Rows[i]
		}
	}
	if best == nil {
		return ""
	}
	edge := l.row(fleet, "edge_rss_per_tunnel", best.Arm)
	if edge == nil {
		return ""
	}
	kB := func(r *results.Row) string { return rounded(*r.Value, r.Low, r.High, 1e3) + " kB" }
	who := "An idle tunnel with " + groupLabel(best.Arm)
	if best.Arm.Share != "" {
		who = fmt.Sprintf("An idle tunnel of a fleet of which %s offer %s", best.Arm.Share, groupLabel(best.Arm))
	}
	text := fmt.Sprintf("%s takes %s at the connector and %s at the edge", who, kB(best), kB(edge))
	for _, c := range l.s.Comparisons {
		if c.Experiment == fleet && c.Metric == "both_rss_per_tunnel" && c.Arm == best.Arm && c.Kind == "group" {
			text += fmt.Sprintf("; against %s that is %s, both ends together", groupLabel(c.Base), found(c))
		}
	}
	return text + fmt.Sprintf(" (%s).", timersText(best.Arm.Timers))
}

// stormSentence is how long a fleet takes to return, the hybrid beside the classical control where there are both; "" without a
// storm.
func (l lookup) stormSentence() string {
	for _, c := range l.s.Comparisons {
		if c.Experiment != storm || c.Metric != "recover_99" || c.Kind != "group" || c.Ratio == nil || c.Arm.Admission != "none" {
			continue
		}
		text := fmt.Sprintf("After an outage 99 %% of %d tunnels' connections are back within %s", c.Arm.Tunnels, l.against(c, ""))
		text += " (" + found(c) + ")"
		if cpu := l.stormCPU(c.Arm, c.Base); cpu != "" {
			text += ", " + cpu
		}
		return text + "; how long it takes is the law's doing as long as the edge keeps up."
	}
	var parts []string
	for _, r := range l.s.Rows {
		if r.Experiment != storm || r.Metric != "recover_99" || r.Arm.AA {
			continue
		}
		text := "not within the time that was watched"
		if r.Value != nil {
			text = "within " + rounded(*r.Value, r.Low, r.High, 1e9) + " s"
		}
		parts = append(parts, fmt.Sprintf("%s for %d of %s (%s)", text, r.Arm.Tunnels, strings.TrimSuffix(tunnelsOf(r.Arm), ","), admissionText(r.Arm.Admission)))
	}
	if len(parts) == 0 {
		return ""
	}
	return "After an outage 99 % of the tunnels' connections are back " + strings.Join(parts, "; ") + "."
}

// stormCPU is what the edge spends on a storm, beside the base.
func (l lookup) stormCPU(arm, base results.Arm) string {
	for _, c := range l.s.Comparisons {
		if c.Experiment == storm && c.Metric == "edge_storm_cpu" && c.Kind == "group" && c.Arm == arm && c.Base == base && c.Ratio != nil {
			return fmt.Sprintf("and the edge spends %s of CPU (%s)", l.values(c), found(c))
		}
	}
	return ""
}
