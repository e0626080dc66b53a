package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"pqbench/results"
)

// A published figure is a median handshake time of a paper, TCP and TLS with the arithmetic of its machines, ms.
type published struct {
	source            string
	path, loss        string // of the lab's cell with the same network
	classical, hybrid string // the lab's groups nearest to theirs
	theirs            string // what they measured, the classical one first
	before, after     float64
}

const (
	conextSource = "Sosnowski et al., CoNEXT 2023"
	paquinSource = "Paquin et al., 2020"
)

var literature = []published{
	{conextSource, "conext-loss", "", "X25519", kyber768, "X25519, kyber768", 2.03, 2.29},
	{conextSource, "conext-rate", "", "X25519", kyber768, "X25519, kyber768", 14.11, 22.56},
	{conextSource, "conext-delay", "", "X25519", kyber768, "X25519, kyber768", 1002.19, 1002.44},
	{conextSource, "5g", "", "X25519", kyber768, "X25519, kyber768", 46.20, 46.46},
	{paquinSource, "5.6ms", "0%", "secp256r1", kyber512, "P-256, p256_kyber512", 12.10, 12.14},
	{paquinSource, "195.7ms", "5%", "secp256r1", kyber512, "P-256, p256_kyber512", 393, 393},
	{paquinSource, "195.7ms", "20%", "secp256r1", kyber512, "P-256, p256_kyber512", 994, 1014},
}

// literatureTable is what papers measured under conditions that the run has, too, beside the run. It is not ok when
// there is none.
func literatureTable(s results.Summary) (t table, ok bool) {
	l := lookup{s}
	t = table{Title: "Beside published figures, medians", Labels: 3,
		Head: []string{"source", "path", "their groups", "theirs ms", "added", "here ms", "added"}}
	for _, p := range literature {
		ours := func(group string) (float64, bool) {
			return l.value(paths, "handshake_p50", results.Arm{Group: group, Path: p.path, Loss: p.loss})
		}
		before, had := ours(p.classical)
		after, has := ours(p.hybrid)
		if !had || !has {
			continue
		}
		before, after = before/1e6, after/1e6
		path := strings.TrimSuffix(p.path+", "+p.loss, ", ")
		t.Rows = append(t.Rows, []cell{{Text: p.source}, {Text: path}, {Text: p.theirs},
			{Text: fmt.Sprintf("%s, %s", fixed(p.before, 2), fixed(p.after, 2))}, {Text: signed(p.after-p.before, 2)},
			{Text: fmt.Sprintf("%s, %s", fixed(before, 2), fixed(after, 2))}, {Text: signed(after-before, 2)}})
	}
	t.Notes = []string{"theirs: TCP and TLS 1.3 with the arithmetic of their machines; Paquin et al. count the round trip of TCP, too",
		"here: QUIC, network time only; X25519Kyber768Draft00 for their kyber768, X25519Kyber512Draft00 for their p256_kyber512"}
	return t, len(t.Rows) > 0
}

// flipSentence says whether the penalty of today's hybrid under loss changes its sign with the round trip, and which part
// of the time makes it. Both differences have passed the test that is corrected for all paths.
func (l lookup) flipSentence() string {
	found := l.comparisons(func(c results.Comparison) bool {
		lost, ok := share(c.Arm.Loss)
		return c.Experiment == paths && c.Metric == "handshake_mean" && c.Arm.Group == today && ok && lost > 0 && c.Ratio != nil && c.Low != nil
	})
	found = slices.DeleteFunc(found, func(c results.Comparison) bool { return !sameSetting(c.Arm, found[0].Arm) })
	for _, loss := range distinctLoss(found) {
		var lower, higher *results.Comparison
		for i := range found {
			c := &found[i]
			if c.Arm.Loss != loss {
				continue
			}
			if c.Verdict == results.VerdictLower && lower == nil {
				lower = c
			}
			if c.Verdict == results.VerdictHigher && lower != nil && higher == nil {
				higher = c
			}
		}
		if lower != nil && higher != nil {
			return fmt.Sprintf("The penalty changes its sign with the round trip. Near by (%s): %s; %s. Far away (%s): %s; %s. Both differences hold after correction for all paths.",
				pathLabel(lower.Arm), bare(effect(*lower)), l.parts(*lower), pathLabel(higher.Arm), bare(effect(*higher)), l.parts(*higher))
		}
	}
	if len(found) > 1 && len(distinctLoss(found)) < len(found) {
		return "Whether the penalty under loss changes its sign with the round trip this run does not show."
	}
	return ""
}

func distinctLoss(found []results.Comparison) (losses []string) {
	for _, c := range found {
		if !slices.Contains(losses, c.Arm.Loss) {
			losses = append(losses, c.Arm.Loss)
		}
	}
	return losses
}

// parts are those of the time that make at least a quarter of what differs between an arm and its base:
// "timers 24.7 ms instead of 43.2 ms".
func (l lookup) parts(c results.Comparison) string {
	apart, sum := map[string]float64{}, 0.0
	for _, part := range explained {
		arm, ok := l.value(c.Experiment, part.metric, c.Arm)
		base, also := l.value(c.Experiment, part.metric, c.Base)
		if ok && also {
			apart[part.metric] = math.Abs(arm - base)
			sum += apart[part.metric]
		}
	}
	var texts []string
	for _, part := range explained {
		if of := c; apart[part.metric] > 0 && apart[part.metric] >= sum/4 {
			of.Metric = part.metric
			texts = append(texts, part.name+" "+l.values(of))
		}
	}
	if len(texts) == 0 {
		return "no part of the time stands out"
	}
	return strings.Join(texts, ", ")
}
