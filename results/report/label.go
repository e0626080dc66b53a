package report

import (
	"fmt"
	"strings"

	"pqbench/results"
)

// groupLabel names an arm's offer. Two groups of one name are told apart by their codepoint, and the control's second
// appearance says what it is.
func groupLabel(a results.Arm) string {
	label := a.Group
	if a.Codepoint != "" {
		label += " (" + a.Codepoint + ")"
	}
	if a.AA {
		label += " again (A/A)"
	}
	return label
}

// armLabel names an arm within its section: what the section has in common is left out.
func armLabel(a results.Arm) string {
	label := groupLabel(a)
	if a.KEM != "" {
		label += ", " + a.KEM
	}
	if a.Policy != "" {
		label += fmt.Sprintf(", %s, edge accepts %s", a.Policy, a.Accept)
	}
	if a.Middlebox != "" {
		label += ", " + a.Middlebox
	}
	if a.Loss != "" {
		label += ", " + a.Loss + " lost"
	}
	if a.Resumed {
		label += ", resumed"
	}
	if a.Share != "" {
		label += ", " + a.Share + " of the tunnels"
	}
	if a.Admission != "" {
		label += ", " + admissionText(a.Admission)
	}
	for _, part := range []string{a.Arrivals, a.Phase, a.Rate} {
		if part != "" {
			label += ", " + part
		}
	}
	if a.EdgeCores != 0 {
		label += fmt.Sprintf(", %d edge cores", a.EdgeCores)
	}
	if a.Stack != "" {
		label = a.Stack + ", " + label
	}
	return label
}

// A section is the part of an experiment whose arms share all factors but group, KEM and stack: a table of its own.
type section struct {
	cert        string
	initial     int
	concurrency int
	tunnels     int
	path        string
	load        string
	timers      string
	outage      string
	silence     string
}

func sectionOf(a results.Arm) section {
	return section{a.Cert, a.Initial, a.Concurrency, a.Tunnels, a.Path, a.Load, a.Timers, a.Outage, a.Silence}
}

// String is the factors in words: "ecdsa-p256 certificate, 1252 B Initials, 8 in flight".
func (s section) String() string {
	var parts []string
	if s.load != "" {
		parts = append(parts, s.load)
	}
	if s.cert != "" {
		parts = append(parts, s.cert+" certificate")
	}
	if s.initial != 0 {
		parts = append(parts, fmt.Sprintf("%d B Initials", s.initial))
	}
	if s.path != "" {
		parts = append(parts, "path "+s.path)
	}
	if s.tunnels != 0 {
		parts = append(parts, fmt.Sprintf("%d tunnels", s.tunnels))
	}
	if s.timers != "" && s.tunnels == 0 {
		parts = append(parts, "a line through the sizes")
	}
	if s.timers != "" {
		parts = append(parts, timersText(s.timers))
	}
	if s.silence != "" {
		parts = append(parts, "alone for "+s.silence)
	}
	if s.outage != "" {
		parts = append(parts, outageText(s.outage))
	}
	if s.concurrency == 1 {
		parts = append(parts, "one at a time")
	} else if s.concurrency > 1 {
		parts = append(parts, fmt.Sprintf("%d in flight", s.concurrency))
	}
	return strings.Join(parts, ", ")
}

// factors is a whole arm in words.
func factors(a results.Arm) string {
	if of := sectionOf(a).String(); of != "" {
		return armLabel(a) + ", " + of
	}
	return armLabel(a)
}

// titleOf is a metric's title, or its name where this version does not know it.
func titleOf(metric string) string {
	if m, ok := results.MetricByName(metric); ok && m.Title != "" {
		return m.Title
	}
	return metric
}

// hybrid tells a post-quantum offer from a classical one: only a KEM has a provider.
func hybrid(a results.Arm) bool { return a.KEM != "" }

// providers are the KEM providers in the order of preference for comparing groups: what real deployments run. Go's own
// is what crypto/tls uses, CIRCL with assembly what the Draft00 groups were deployed with.
var providers = []string{"go", "circl-asm", "circl-generic"}

// preferred is the rank of an arm's provider, the lower the better.
func preferred(a results.Arm) int {
	for i, p := range providers {
		if a.KEM == p {
			return i
		}
	}
	return len(providers)
}
