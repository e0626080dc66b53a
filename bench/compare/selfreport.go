package compare

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"pqbench/results"
	"pqbench/results/stats"
)

// Report is what a self-test found.
type Report struct {
	Host   results.Host
	Spent  time.Duration  // of recording
	Rounds map[string]int // recorded, by experiment
	// Realised are the burdens as they came out over the whole record, and Unburdened is the head that has none: the same
	// program as the base in the head's place, which drawing takes at random.
	Realised   []estimate
	Unburdened estimate
	Rows       []Row
	Live       []liveResult
	// Drawn and Stretches are sign tests of 40 blocks of the program against itself, at 5 %: drawn, and as they were
	// recorded.
	Drawn, Stretches signTests
	// Failed says which arms' programs failed in rounds that were made again, in this call.
	Failed []string
}

// Row is many comparisons of one kind, drawn from the record.
type Row struct {
	Head              string // what differs
	Budget            time.Duration
	Trials, Regressed int
	By                map[string]int // how often each metric regressed
	Verdicts          map[string]int // of the CPU of a handshake
	Errors            []float64      // its standard errors
	AtLeast, AtMost   float64        // promised shares of Regressed

	burden int
	extra  map[string]float64
}

// liveResult is a comparison that was made and not drawn.
type liveResult struct {
	Share     float64
	Regressed []string
	Error     float64
	Fit       bool
}

// Write prints the report.
func (r Report) Write(w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "recorded in %v on %d cores of %s:", r.Spent.Round(time.Second), r.Host.Cores, r.Host.CPU)
	for _, name := range slices.Sorted(maps.Keys(r.Rounds)) {
		fmt.Fprintf(&text, " %d rounds of %s,", r.Rounds[name], name)
	}
	text.WriteString(" all processes new in each\n")
	if e := r.Unburdened; e.Clusters > 0 {
		low, high := e.interval(0.95)
		fmt.Fprintf(&text, "a head that is the base came out as %s [%.2f, %.2f]: %s\n", percent(e.share()), 100*low, 100*high, told(!r.placed()))
	}
	for i, e := range r.Realised {
		low, high := e.interval(0.95)
		fmt.Fprintf(&text, "a burden of %s came out as %s [%.2f, %.2f], and is drawn as what it is meant to be\n", percent(burdens[i]), percent(e.share()), 100*low, 100*high)
	}
	text.WriteString("\n")
	r.table(&text)
	r.rest(&text)
	_, err := io.WriteString(w, text.String())
	return err
}

// table is one row for each promise.
func (r Report) table(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "head\ttime\tcomparisons\tfound regressed\t95 % interval\tpromised\t\tstandard error")
	for _, row := range r.Rows {
		rate := stats.Proportion(row.Regressed, row.Trials)
		fmt.Fprintf(t, "%s\t%v\t%d\t%.1f %%\t[%.1f, %.1f]\t%s\t%s\t%.2f %%\n", row.Head, row.Budget, row.Trials,
			100*rate.Value, 100*rate.Low, 100*rate.High, row.promise(), told(row.kept()), 100*stats.Median(row.Errors))
	}
	_ = t.Flush() // a Builder does not fail
}

// told is the word for a promise.
func told(kept bool) string {
	if kept {
		return "kept"
	}
	return "NOT KEPT"
}

func (r Row) promise() string {
	switch {
	case r.AtLeast == 1:
		return "always"
	case r.AtLeast > 0:
		return fmt.Sprintf("at least %.0f %%", 100*r.AtLeast)
	}
	return fmt.Sprintf("at most %.0f %%", 100*r.AtMost)
}

// rest is what stands below the table.
func (r Report) rest(w io.Writer) {
	for _, row := range r.Rows {
		if len(row.By) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s: regressed", row.Head)
		for _, key := range slices.Sorted(maps.Keys(row.By)) {
			fmt.Fprintf(w, " %s %d,", key, row.By[key])
		}
		fmt.Fprintf(w, " of %d; %s was", row.Trials, mainMetric)
		for _, verdict := range slices.Sorted(maps.Keys(row.Verdicts)) {
			fmt.Fprintf(w, " %s %d", verdict, row.Verdicts[verdict])
		}
	}
	fmt.Fprintln(w)
	for _, of := range []struct {
		name  string
		tests signTests
	}{{"drawn", r.Drawn}, {"as they were recorded", r.Stretches}} {
		if of.tests.Trials == 0 {
			continue
		}
		rate := stats.Proportion(of.tests.Rejected, of.tests.Trials)
		fmt.Fprintf(w, "the A/A arm of a run (sign test of %d blocks, 5 %%), blocks %s: rejects %d of %d, %.1f %% [%.1f, %.1f] %s\n",
			benchBlocks, of.name, of.tests.Rejected, of.tests.Trials, 100*rate.Value, 100*rate.Low, 100*rate.High, told(of.tests.nominal()))
	}
	for _, l := range r.Live {
		found := "nothing regressed"
		if len(l.Regressed) > 0 {
			found = "regressed: " + strings.Join(l.Regressed, ", ")
		}
		fit := "holds"
		if !l.Fit {
			fit = "misses"
		}
		fmt.Fprintf(w, "live, head %s: %s; standard error %.2f %%, the interval %s the truth\n", percent(l.Share), found, 100*l.Error, fit)
	}
	for _, failed := range r.Failed {
		fmt.Fprintf(w, "%s\n", failed)
	}
	for _, contradicted := range r.flattered() {
		fmt.Fprintf(w, "%s: more than the promises allow, so drawing from the record flatters\n", contradicted)
	}
}
