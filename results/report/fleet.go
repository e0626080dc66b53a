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

// fleetSentence is what an idle tunnel takes; "" where no fleet was held at several sizes.
func (l lookup) fleetSentence() string {
	var best *results.Row
	for i, r := range l.s.Rows {
		if r.Experiment == fleet && r.Metric == "connector_rss_per_tunnel" && r.Value != nil && (best == nil || hybrid(r.Arm) && !hybrid(best.Arm)) {
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
	text := fmt.Sprintf("An idle tunnel with %s takes %s at the connector and %s at the edge", groupLabel(best.Arm), kB(best), kB(edge))
	for _, c := range l.s.Comparisons {
		if c.Experiment == fleet && c.Metric == "both_rss_per_tunnel" && c.Arm == best.Arm && c.Kind == "group" {
			text += fmt.Sprintf(", %s both together than with %s", found(c), groupLabel(c.Base))
		}
	}
	return text + fmt.Sprintf(" (%s).", timersText(best.Arm.Timers))
}

// stormSentence is how long a fleet takes to return; "" without a storm.
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
	return ""
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
