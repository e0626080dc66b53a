package history

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"pqbench/results"
	"pqbench/results/stats"
)

// Options of the findings. The zero value is the default.
type Options struct {
	// Recent is how many runs back a change point counts as this head's; older ones are told in a note. Default 10.
	Recent int
	// MixHosts compares numbers of different hosts.
	MixHosts bool
	Divisive stats.DivisiveOptions
}

// Findings says what became of every series. A change point within the recent runs is an improvement or a regression;
// without any the level is unchanged, as far as a search can tell; a last run beyond the fence is undecided, and so is a series of
// too few runs.
func Findings(lines []Line, o Options) (results.Findings, []Analysis) {
	if o.Recent == 0 {
		o.Recent = 10
	}
	f := results.Findings{Schema: results.Schema, Tier: results.TierHistory}
	var all []Analysis
	hosts := map[string]bool{}
	runs := map[string]bool{}
	var newest Line
	for _, l := range lines {
		hosts[l.Host], runs[l.Run] = true, true
		if l.Time.After(newest.Time) {
			newest = l
		}
	}
	for _, s := range Group(lines, o.MixHosts) {
		a := Analyse(s, o.Divisive)
		all = append(all, a)
		f.Findings = append(f.Findings, a.finding(o.Recent, len(hosts) > 1 && !o.MixHosts))
	}
	if len(lines) > 0 {
		f.Head = fmt.Sprintf("commit %s (%s)", newest.commit(), newest.Time.Format("2006-01-02"))
		f.Base = fmt.Sprintf("%d runs", len(runs))
		f.Host.CPU = newest.Host
	}
	f.Warnings = warnings(hosts, o.MixHosts)
	return f, all
}

func warnings(hosts map[string]bool, mixed bool) []string {
	if len(hosts) < 2 {
		return nil
	}
	var names []string
	for h := range hosts {
		names = append(names, h)
	}
	slices.Sort(names)
	list := strings.Join(names, "; ")
	if mixed {
		return []string{fmt.Sprintf("runs of %d hosts are compared with each other: what looks like a change may be another machine: %s", len(hosts), list)}
	}
	return []string{fmt.Sprintf("runs of %d hosts, each in series of its own (--mix-hosts puts them together): %s", len(hosts), list)}
}

// finding is the series' last level against the one before.
func (a Analysis) finding(recent int, nameHost bool) results.Finding {
	last := a.last()
	f := results.Finding{Experiment: last.Experiment, Metric: last.Metric, Arm: last.Arm, Unit: last.Unit, Better: last.Better,
		Head: &last.Value, HeadLow: last.Low, HeadHigh: last.High, Verdict: results.VerdictUnchanged}
	var notes []string
	switch n := len(a.Changes); {
	case !a.Searched:
		f.Verdict = results.VerdictInconclusive
		notes = append(notes, fmt.Sprintf("%d runs: %d are needed", len(a.Lines), MinRuns))
	case n > 0 && len(a.Lines)-a.Changes[n-1].Index <= recent:
		c := a.gravest(recent)
		f.Base, f.Head, f.HeadLow, f.HeadHigh = &c.Before, &c.After, nil, nil
		f.Effect, f.Low, f.High, f.P = finite(c.ChangePoint.Change.Value), finite(c.ChangePoint.Change.Low), finite(c.ChangePoint.Change.High), &c.P
		f.Verdict = results.Direction(c.After-c.Before, f.Better)
		notes = append(notes, c.String())
		if last := a.Changes[n-1]; last.Index != c.Index {
			notes = append(notes, fmt.Sprintf("and since then %s, to %.4g", last, last.After))
		}
	case n > 0:
		notes = append(notes, fmt.Sprintf("since %d runs; before: %s", len(a.Lines)-a.Changes[n-1].Index, a.Changes[n-1]))
	}
	if a.Beyond() && f.Verdict == results.VerdictUnchanged {
		f.Verdict = results.VerdictInconclusive
		off := fmt.Sprintf("%+.2f %% off the one before, the fence of the steps before is %.2f %%", 100*a.Step, 100*a.Fence)
		if math.IsInf(a.Step, 0) {
			off = fmt.Sprintf("%.4g, and the one before was 0", last.Value)
		}
		notes = append(notes, "the last run is "+off+": the next runs tell a change from an outlier")
	}
	if nameHost {
		f.Host = strings.Join(a.Hosts, " and ")
		notes = append(notes, "on "+f.Host)
	}
	f.Note = strings.Join(notes, "; ")
	return f
}

// gravest is the recent change that a series is judged by: the worst of those that made it worse and were not undone by half
// since, else the last. A small improvement does not make up for what came before it.
func (a Analysis) gravest(recent int) Change {
	last := a.Changes[len(a.Changes)-1]
	chosen, worst := last, 0.0
	for _, c := range a.Changes {
		made := c.After - c.Before
		if len(a.Lines)-c.Index > recent || results.Direction(made, a.last().Better) != results.VerdictRegressed {
			continue
		}
		left := (last.After - c.Before) / made // what is left of it
		if size := math.Abs(made); left >= 0.5 && size > worst {
			chosen, worst = c, size
		}
	}
	return chosen
}

func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
