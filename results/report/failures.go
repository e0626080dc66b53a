package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pqbench/results"
)

// failures are the units of work of an arm that failed or never started, by class.
type failures struct {
	of      int // all units
	byClass map[string]int
}

// failures counts samples where there are any, and else what the trials say, who know no classes.
func (a *armRecords) failures() failures {
	f := failures{byClass: make(map[string]int)}
	for _, samples := range a.samples {
		for _, s := range samples {
			f.of++
			if s.Class != "" && !(a.Experiment == policy && s.Class == results.ClassCrypto) && a.Experiment != middleboxes { // a refusal is an outcome there
				f.byClass[s.Class]++
			}
		}
	}
	if f.of > 0 {
		return f
	}
	for _, t := range a.trials {
		f.of += t.Completed + t.Failed + t.Dropped
		f.add("failed", t.Failed)
		f.add(results.ClassDropped, t.Dropped)
	}
	return f
}

func (f *failures) add(class string, n int) {
	if n > 0 {
		f.byClass[class] += n
	}
}

func (f failures) any() bool { return len(f.byClass) > 0 }

// String is "12 of 1000 did not succeed (10 timeout, 2 crypto)", the most frequent class first.
func (f failures) String() string {
	classes := slices.Sorted(maps.Keys(f.byClass))
	slices.SortStableFunc(classes, func(a, b string) int { return f.byClass[b] - f.byClass[a] })
	sum := 0
	var parts []string
	for _, c := range classes {
		sum += f.byClass[c]
		parts = append(parts, fmt.Sprintf("%d %s", f.byClass[c], c))
	}
	return fmt.Sprintf("%d of %d did not succeed (%s)", sum, f.of, strings.Join(parts, ", "))
}

// work is how many handshakes, requests or transfers were done, successfully or not.
func (a *armRecords) work() int {
	n := 0
	for _, t := range a.trials {
		n += t.Completed + t.Failed
	}
	return n
}
