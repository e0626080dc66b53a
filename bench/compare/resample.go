package compare

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"pqbench/results"
	"pqbench/results/stats"
)

// drawn is a Source that draws rounds of a tape, with replacement: whole processes, and those of a round together.
type drawn struct {
	rounds map[pool][]taped
	random *rand.Rand
	// burden is the head's, as taped has it.
	burden int
	// extra is added to the head's number of a metric: a byte, or a datagram.
	extra map[string]float64
}

// A pool is what rounds of a tape are drawn from: those that can stand for each other.
type pool struct {
	experiment string
	burden     int
}

// pools are a tape's rounds by the pools that they belong to.
func (t *tape) pools() map[pool][]taped {
	by := map[pool][]taped{}
	for _, r := range t.rounds {
		k := pool{r.Experiment, r.Burden}
		by[k] = append(by[k], r)
	}
	return by
}

// Round implements Source. Which of the unchanged arms is the base is drawn, too: so a tape whose arms happened to
// differ does not make a difference of it.
func (d *drawn) Round(_ context.Context, experiment string) (Round, error) {
	from := pool{experiment: experiment}
	if experiment == burdened {
		from.burden = d.burden
	}
	all := d.rounds[from]
	if len(all) == 0 {
		return Round{}, lackError{arm: Base, err: fmt.Errorf("the tape has no round of %s with this head", experiment)}
	}
	one := all[d.random.IntN(len(all))]
	r := Round{Experiment: experiment, Arms: one.Arms, Cost: one.Cost}
	for a, b := range d.random.Perm(one.alike()) {
		r.Arms[a] = one.Arms[b]
	}
	for name, more := range d.extra {
		if _, ok := r.Arms[Head][name]; ok {
			r.Arms[Head] = maps.Clone(r.Arms[Head])
			r.Arms[Head][name] += more
		}
	}
	return r, nil
}

// resample makes comparisons of the tape.
func (s SelfTest) resample(t *tape) Report {
	rounds := t.pools()
	report := Report{Spent: t.spent(), Rounds: map[string]int{}, Host: t.head.Host}
	for of, some := range rounds {
		report.Rounds[of.experiment] += len(some)
	}
	report.realise(rounds)
	report.level(rounds)
	for i, row := range s.promises() {
		s.Progress("drawing comparisons: " + row.Head)
		for k := range row.Trials {
			source := &drawn{rounds: rounds, random: rand.New(rand.NewPCG(s.Seed, uint64(i<<32|k))), burden: row.burden, extra: row.extra}
			// A Source that draws does not fail, but for what the tape has not.
			outcome, _ := Procedure{Budget: row.Budget}.Run(context.Background(), s.Plan, source)
			row.count(outcome)
		}
		report.Rows = append(report.Rows, row)
	}
	report.calibration(slices.DeleteFunc(slices.Clone(t.rounds), func(r taped) bool { return r.Experiment != burdened }), s.Comparisons, s.Seed)
	return report
}

// What is promised of comparisons that take the budget: the most false alarms, and the least that are found of a head that
// is 2 % slower.
const (
	mostAlarms = 0.02
	leastFound = 0.95
)

// promises are the rows of the report, not counted yet.
func (s SelfTest) promises() []Row {
	minute := s.Budget / 5
	return []Row{
		{Head: "no change", Budget: s.Budget, Trials: s.Comparisons, burden: 0, AtMost: mostAlarms, AtLeast: 0},
		{Head: "+1 % CPU per handshake", Budget: s.Budget, Trials: s.Comparisons, burden: 1, AtMost: 1, AtLeast: 0.60},
		{Head: "+2 % CPU per handshake", Budget: s.Budget, Trials: s.Comparisons, burden: 2, AtMost: 1, AtLeast: leastFound},
		{Head: "+5 % CPU per handshake", Budget: minute, Trials: s.Comparisons, burden: 3, AtMost: 1, AtLeast: 1},
		{Head: "one byte more", Budget: minute, Trials: max(s.Comparisons/10, 1), extra: map[string]float64{"clienthello_bytes": 1}, AtMost: 1, AtLeast: 1},
		{Head: "one datagram more", Budget: minute, Trials: max(s.Comparisons/10, 1), extra: map[string]float64{"client_datagrams": 1}, AtMost: 1, AtLeast: 1},
	}
}

// count adds a comparison to a row.
func (r *Row) count(o Outcome) {
	found := alarms(o)
	if len(found) > 0 {
		r.Regressed++
	}
	for _, key := range found {
		if r.By == nil {
			r.By = map[string]int{}
		}
		r.By[key]++
	}
	r.Errors = append(r.Errors, errorOf(o))
	for _, f := range o.Findings {
		if f.Key == mainMetric {
			if r.Verdicts == nil {
				r.Verdicts = map[string]int{}
			}
			r.Verdicts[f.Verdict]++
		}
	}
}

// realise is how much slower the heads were, over the whole tape.
func (r *Report) realise(rounds map[pool][]taped) {
	slower := func(burden int) estimate {
		var s series
		for _, one := range rounds[pool{burdened, burden}] {
			s = append(s, &Round{Arms: one.Arms})
		}
		head, _ := s.differences("total_cpu")
		return centre(head)
	}
	r.Unburdened = slower(0)
	for i := range burdens {
		r.Realised = append(r.Realised, slower(i+1))
	}
}

// placed reports whether the head's place alone makes a difference: one that no chance makes, and that a comparison would
// tell. Comparisons that are drawn cannot show it, since which of the equal arms is the head is drawn, too.
func (r Report) placed() bool {
	e := r.Unburdened
	return e.Clusters > 0 && e.P() < calibrated && math.Abs(e.share()) > placeMatters
}

// placeMatters is half the smallest difference that a comparison of handshakes calls one.
const placeMatters = 0.0025

// level scales the burdened heads' CPU times by one factor for each burden, so that on average it is what it is meant to
// be: the dozen rounds of a calibration leave some per cent of it open, and what is promised of 1 % must not be shown with
// 1.1 %. Their noise stays as it is.
func (r *Report) level(rounds map[pool][]taped) {
	for i, meant := range burdens {
		factor := (1 + meant) / (1 + r.Realised[i].share())
		if math.IsNaN(factor) {
			continue
		}
		some := rounds[pool{burdened, i + 1}]
		for k := range some {
			head := maps.Clone(some[k].Arms[Head])
			for _, name := range []string{"client_cpu", "server_cpu", "total_cpu"} {
				if v, ok := head[name]; ok {
					head[name] = v * factor
				}
			}
			some[k].Arms[Head] = head
		}
	}
}

// benchBlocks is how many blocks the A/A arm of the standard plan has.
const benchBlocks = 40

// calibration asks how often the sign test that judges the A/A arm of a run rejects, at 5 %: on blocks that are drawn, and
// on the record as it went, stretch by stretch, where neighbours in time may be alike.
func (r *Report) calibration(rounds []taped, trials int, seed uint64) {
	if len(rounds) == 0 {
		return
	}
	random := rand.New(rand.NewPCG(seed, 99))
	for range trials {
		r.Drawn.test(func(int) (base, again Values) {
			one := rounds[random.IntN(len(rounds))]
			order := random.Perm(one.alike())
			return one.Arms[order[0]], one.Arms[order[1]]
		})
	}
	for stretch := range slices.Chunk(rounds, benchBlocks) {
		if len(stretch) < benchBlocks {
			break
		}
		r.Stretches.test(func(i int) (base, again Values) { return stretch[i].Arms[Base], stretch[i].Arms[Again] })
	}
}

// signTests are how often a sign test rejected.
type signTests struct{ Trials, Rejected int }

// signLevel is the level of the A/A arm's test.
const signLevel = 0.05

// test makes one of the blocks of a run.
func (s *signTests) test(of func(block int) (base, again Values)) {
	differences := make([]float64, benchBlocks)
	for i := range differences {
		base, again := of(i)
		differences[i] = again["total_cpu"] - base["total_cpu"]
	}
	s.Trials++
	if stats.SignTest(differences) < signLevel {
		s.Rejected++
	}
}

// nominal reports whether the tests may well reject at their level: it lies in the interval of the share, or above.
func (s signTests) nominal() bool {
	return s.Trials == 0 || stats.Proportion(s.Rejected, s.Trials).Low <= signLevel
}

// kept reports whether a row's promise is kept.
func (r Row) kept() bool {
	rate := float64(r.Regressed) / float64(r.Trials)
	return rate <= r.AtMost && rate >= r.AtLeast
}

// flattered names what the live comparisons contradict: a share that is promised, and that theirs, with the interval that
// so few allow, excludes. It is empty without any.
func (r Report) flattered() (contradicted []string) {
	unchanged, alarms, slower, found, fit := 0, 0, 0, 0, 0
	for _, l := range r.Live {
		regressed := 0
		if len(l.Regressed) > 0 {
			regressed = 1
		}
		if l.Share == 0 {
			unchanged, alarms = unchanged+1, alarms+regressed
		} else {
			slower, found = slower+1, found+regressed
		}
		if l.Fit {
			fit++
		}
	}
	if unchanged > 0 && stats.Proportion(alarms, unchanged).Low > mostAlarms {
		contradicted = append(contradicted, fmt.Sprintf("%d of %d live comparisons of an unchanged head raised a false alarm", alarms, unchanged))
	}
	if slower > 0 && stats.Proportion(found, slower).High < leastFound {
		contradicted = append(contradicted, fmt.Sprintf("%d of %d live comparisons found a slower head", found, slower))
	}
	if n := len(r.Live); n > 0 && stats.Proportion(fit, n).High < 0.95 {
		contradicted = append(contradicted, fmt.Sprintf("%d of %d live intervals hold the truth", fit, n))
	}
	return contradicted
}

// Verdict is results.VerdictUnchanged when every promise is kept and no live comparison contradicts them, and
// results.VerdictRegressed otherwise.
func (r Report) Verdict() string {
	broken := slices.ContainsFunc(r.Rows, func(row Row) bool { return !row.kept() })
	if broken || r.placed() || !r.Drawn.nominal() || !r.Stretches.nominal() || len(r.flattered()) > 0 {
		return results.VerdictRegressed
	}
	return results.VerdictUnchanged
}
