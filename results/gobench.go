package results

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// WriteBench writes a run in the Go benchmark format: a line per arm and block, so that benchstat has its six
// samples, with every value of the trial; of a virtual run, ten lines for each arm that average its trials. The values are those of Trial.Values; where a handshake or request trial
// lacks ns/op or its median, they are made from its samples. A value that is not finite is left out, and so is a
// trial without any.
//
// The names are made for `benchstat -col /group`, which pairs two lines when the rest of their names is equal.
// Therefore the codepoint that tells two groups of one name apart is joined to the group, and an arm without a KEM,
// the classical control, is written once under the name of each KEM that its experiment has. The commit, the plan and
// the seed are comments and not configuration: `benchstat old.txt new.txt` compares only lines whose configuration is
// the same.
func WriteBench(w io.Writer, m Manifest, trials []Trial, samples []Sample) error {
	b := &benchWriter{w: bufio.NewWriter(w), m: m}
	b.collect(trials, samples)
	b.header()
	b.units()
	for _, arm := range b.order() {
		for _, name := range b.names(arm) {
			for _, l := range b.lines[arm] {
				b.line(name, l)
			}
		}
	}
	if err := b.w.Flush(); err != nil {
		return fmt.Errorf("write benchmark format: %w", err)
	}
	return nil
}

type benchWriter struct {
	w     *bufio.Writer // its error comes back from Flush
	m     Manifest
	lines map[int][]benchLine // by arm, in the order of the trials
}

// A benchLine is the values of one trial by metric; perOperation is the one that has no metric, ns/op.
type benchLine struct {
	iterations int
	values     map[string]float64
}

// perOperation stands for the format's own unit among the metrics.
const perOperation = "ns/op"

// medianOf names the metric that is the median of an experiment's samples.
var medianOf = map[string]string{"handshake": "handshake_p50", "requests": "service_p50", "rate": "latency_p50"}

// collect makes the lines.
func (b *benchWriter) collect(trials []Trial, samples []Sample) {
	of := make(map[trialKey][]Sample)
	for _, s := range samples {
		if _, wanted := medianOf[s.Experiment]; wanted {
			key := trialKey{s.Arm, s.Block}
			of[key] = append(of[key], s)
		}
	}
	b.lines = make(map[int][]benchLine)
	if b.m.Virtual {
		trials = merged(trials)
	}
	for _, t := range trials {
		l := benchLine{iterations: max(1, t.Completed+t.Failed), values: make(map[string]float64)}
		l.derive(medianOf[t.Experiment], of[trialKey{t.Arm, t.Block}])
		for name, v := range t.Values {
			l.set(name, v)
		}
		if len(l.values) > 0 {
			b.lines[t.Arm] = append(b.lines[t.Arm], l)
		}
	}
}

// linesOfArm is how many lines a virtual arm has: it has hundreds of trials, each a single handshake.
const linesOfArm = 10

// merged averages the trials of each arm to linesOfArm of them: number n goes into n modulo that.
func merged(trials []Trial) (out []Trial) {
	type place struct{ arm, line int }
	at := make(map[place]int)
	counts := make(map[place]map[string]float64)
	for _, t := range trials {
		p := place{t.Arm, t.Block % linesOfArm}
		i, ok := at[p]
		if !ok {
			i = len(out)
			at[p], counts[p] = i, make(map[string]float64)
			out = append(out, Trial{Experiment: t.Experiment, Arm: t.Arm, Block: p.line, Values: make(map[string]float64)})
		}
		m := &out[i]
		m.Completed, m.Failed = m.Completed+t.Completed, m.Failed+t.Failed
		for name, v := range t.Values {
			n := counts[p][name]
			m.Values[name] = (m.Values[name]*n + v) / (n + 1)
			counts[p][name] = n + 1
		}
	}
	return out
}

// derive makes ns/op and the median from a trial's samples, as service times (completed − sent); that of
// a rate is its latency, from the intended instant. A failure counts in
// ns/op with the time until it was given up, so that ns/op is a lower bound then, and in the median as longer than
// everything. What was dropped counts in the median only: it never was an operation.
func (l *benchLine) derive(median string, samples []Sample) {
	var times []float64
	sum, sent := 0.0, 0.0
	for _, s := range samples {
		time := float64(s.Completed - s.Sent)
		if s.Class != ClassDropped {
			sum, sent = sum+time, sent+1
		}
		switch {
		case s.Class != "":
			time = math.Inf(1)
		case median == medianOf["rate"]:
			time = float64(s.Completed - s.Intended)
		}
		times = append(times, time)
	}
	if len(times) == 0 {
		return
	}
	slices.Sort(times)
	l.set(perOperation, sum/sent)
	lower, upper := times[(len(times)-1)/2], times[len(times)/2]
	l.set(median, (lower+upper)/2)
}

func (l *benchLine) set(name string, v float64) {
	if name != "" && !math.IsNaN(v) && !math.IsInf(v, 0) {
		l.values[name] = v
	}
}

// header writes the configuration that go test writes, and the rest as comments. Values are kept on one line.
func (b *benchWriter) header() {
	oneLine := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	for _, c := range []struct{ key, value string }{
		{"goos", b.m.Host.OS}, {"goarch", b.m.Host.Arch}, {"pkg", "pqbench"}, {"cpu", b.m.Host.CPU},
	} {
		if c.value != "" {
			fmt.Fprintf(b.w, "%s: %s\n", c.key, oneLine(c.value))
		}
	}
	commit := b.m.Versions.Commit
	if b.m.Versions.Dirty {
		commit += " (with changes that are not committed)"
	}
	fmt.Fprintf(b.w, "# commit %s\n", oneLine(commit))
	fmt.Fprintf(b.w, "# %s, plan %s, seed %d, started %s\n", oneLine(b.m.Versions.Go), oneLine(b.m.Plan), b.m.Seed,
		b.m.Started.UTC().Format("2006-01-02T15:04:05Z"))
	if !b.m.Complete {
		fmt.Fprintf(b.w, "# incomplete: %s\n", oneLine(b.m.Reason))
	}
}

// units writes what is known of the units that occur. ns/op needs no line: benchstat knows it.
func (b *benchWriter) units() {
	used := make(map[string]float64)
	for _, lines := range b.lines {
		for _, l := range lines {
			maps.Copy(used, l.values)
		}
	}
	for _, name := range metricOrder(used) {
		m, ok := MetricByName(name)
		if !ok || m.Better == "" && !m.Exact {
			continue
		}
		fmt.Fprintf(b.w, "Unit %s", benchUnit(name))
		if m.Better != "" {
			fmt.Fprintf(b.w, " better=%s", m.Better)
		}
		if m.Exact {
			fmt.Fprint(b.w, " assume=exact")
		}
		fmt.Fprintln(b.w)
	}
}

// order is the arms that have lines, those that others are compared with first: benchstat compares with the first column.
func (b *benchWriter) order() []int {
	bases := make(map[int]bool)
	for _, p := range b.m.Pairs {
		bases[p.Base] = p.Kind == "group" || bases[p.Base]
	}
	var first, rest []int
	for arm := range b.m.Arms {
		switch {
		case len(b.lines[arm]) == 0:
		case bases[arm]:
			first = append(first, arm)
		default:
			rest = append(rest, arm)
		}
	}
	return append(first, rest...)
}

// names is the name of an arm's lines, or the names of a control's, without "Benchmark".
func (b *benchWriter) names(index int) []string {
	of := b.m.Arms[index]
	var names []string
	for _, kem := range b.kems(of) {
		arm := of.Arm
		arm.KEM = kem
		names = append(names, benchName(of.Experiment, arm, b.m.Host.GOMAXPROCS))
	}
	return names
}

// kems is the KEMs under whose names an arm is written: its own, or for a control all of its experiment's.
func (b *benchWriter) kems(of ArmOf) []string {
	var kems []string
	if of.Arm.KEM == "" && of.Arm.Stack == "" {
		for arm, other := range b.m.Arms {
			kem := other.Arm.KEM
			if other.Experiment == of.Experiment && kem != "" && len(b.lines[arm]) > 0 && !slices.Contains(kems, kem) {
				kems = append(kems, kem)
			}
		}
	}
	if len(kems) == 0 {
		return []string{of.Arm.KEM}
	}
	return kems
}

// benchName is the name as go test would print it. GOMAXPROCS is always added, also where it is 1 and go test leaves it
// out: a name that ends in "cert=rsa-2048" would otherwise be read as one that ran on 2048 processors.
func benchName(experiment string, arm Arm, procs int) string {
	if arm.Codepoint != "" {
		arm.Group, arm.Codepoint = arm.Group+"-"+arm.Codepoint, ""
	}
	name := experiment
	if name != "" {
		name = strings.ToUpper(name[:1]) + name[1:]
	}
	if rest := arm.String(); rest != "" {
		name += "/" + rest
	}
	return strings.Join(strings.Fields(name), "_") + "-" + strconv.Itoa(max(procs, 1))
}

func (b *benchWriter) line(name string, l benchLine) {
	fmt.Fprintf(b.w, "Benchmark%s\t%d", name, l.iterations)
	for _, metric := range metricOrder(l.values) {
		fmt.Fprintf(b.w, "\t%s %s", benchNumber(l.values[metric]), benchUnit(metric))
	}
	fmt.Fprintln(b.w)
}

// metricOrder is ns/op first, then the order of Metrics, then the alphabet.
func metricOrder(values map[string]float64) []string {
	var names []string
	if _, ok := values[perOperation]; ok {
		names = append(names, perOperation)
	}
	for _, m := range Metrics() {
		if _, ok := values[m.Name]; ok {
			names = append(names, m.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// benchUnit is the unit of a metric in the Go benchmark format. A name that ends in "-ns" is shown by benchstat in
// seconds, with the fitting prefix.
func benchUnit(name string) string {
	m, ok := MetricByName(name)
	if !ok {
		return strings.Join(strings.Fields(name), "-") // the format's own, or one that this version does not know
	}
	unit := strings.ReplaceAll(name, "_", "-")
	switch m.Unit {
	case "ns":
		return unit + "-ns"
	case "ns/GB":
		return strings.Replace(unit, "-per-gb", "", 1) + "-ns/GB"
	case "1/s":
		return strings.TrimSuffix(unit, "-per-second") + "/s"
	case "bit/s":
		return unit + "-bit/s"
	}
	return unit + "/op" // bytes, datagrams, allocations and counts, which the name tells
}

// benchNumber has seven significant digits, more than any measurement here, and no exponent; whole numbers have all
// their digits.
func benchNumber(v float64) string {
	if v != math.Trunc(v) {
		v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 7, 64), 64)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
