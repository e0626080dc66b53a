package report

import (
	"fmt"
	"strings"
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
	how, after, _ := strings.Cut(outage, " ")
	if how == "colo" {
		return fmt.Sprintf("one of two data centers %s for good", ends[after])
	}
	return fmt.Sprintf("the edge %s, and is back after %s", ends[how], after)
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
