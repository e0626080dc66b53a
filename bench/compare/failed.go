package compare

import (
	"fmt"
	"strings"

	"pqbench/results"
	"pqbench/results/stats"
)

// failed are the rounds that an arm's program spoiled, by arm. They were made again, so that no number holds them, and are
// told: a program that fails now and then is not unchanged.
type failed struct {
	count [arms]int
	first [arms]string // why, of the first of each
}

func (f *failed) add(experiment string, e sideError) {
	if f.count[e.arm] == 0 {
		text := strings.Join(strings.Fields(e.err.Error()), " ") // what it said last is on lines of its own
		f.first[e.arm] = fmt.Sprintf("%s: %.300s", experiment, text)
	}
	f.count[e.arm]++
}

// warnings say how often each arm failed.
func (f failed) warnings() (list []string) {
	for a, n := range f.count {
		if n > 0 {
			list = append(list, fmt.Sprintf("%s failed in %d rounds, which were made again (the first, %s)", Arm(a), n, f.first[a]))
		}
	}
	return list
}

// headAlone is the level of the test whether the head spoils more than its third of the rounds that are spoiled: three of
// three are.
const headAlone = 0.05

// headForSure is that at which it is a regression: seven of seven.
const headForSure = 0.001

// finding is a head that fails more often than the base, which has two arms of the three. It is no pass.
func (f failed) finding() (found results.Finding, ok bool) {
	head, all := f.count[Head], 0
	for _, n := range f.count {
		all += n
	}
	p := stats.AtLeast(head, all, 1.0/float64(arms))
	if p >= headAlone {
		return found, false
	}
	verdict := results.VerdictInconclusive
	if p < headForSure {
		verdict = results.VerdictRegressed
	}
	base, now := float64(all-head)/2, float64(head) // the base runs twice
	return results.Finding{
		Experiment: "compare", Metric: "failed_rounds", Unit: "count", Better: "lower", Base: &base, Head: &now,
		P: &p, Verdict: verdict,
		Note: fmt.Sprintf("of %d rounds that failed, %d are the head's (%s)", all, head, f.first[Head]),
	}, true
}
