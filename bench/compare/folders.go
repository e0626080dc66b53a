package compare

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"pqbench/results"
	"pqbench/results/report"
	"pqbench/results/stats"
)

// folder is a run folder that is compared.
type folder struct {
	Operand
	manifest results.Manifest
	arms     []report.ArmBlocks
}

func openFolder(o Operand) (*folder, error) {
	m, samples, trials, err := results.Load(o.Run)
	if err != nil {
		return nil, err
	}
	f := &folder{o, m, report.Blocks(m, samples, trials)}
	withoutGrease(f.arms)
	return f, nil
}

// compareRuns compares what two run folders both hold. Their blocks were not interleaved: what the machine did
// meanwhile is in the difference, and the tests are those of independent samples.
func compareRuns(base, head Operand, plan Plan) (results.Findings, error) {
	b, errBase := openFolder(base)
	h, errHead := openFolder(head)
	if err := errors.Join(errBase, errHead); err != nil {
		return results.Findings{}, err
	}
	r := results.Findings{
		Schema: results.Schema, Tier: results.TierHistory, Base: base.Name, Head: head.Name,
		Host: h.manifest.Host, Noise: &h.manifest.Noise, Warnings: foreign(b, h),
	}
	if b.manifest.Virtual && h.manifest.Virtual {
		r.Noise = nil
	}
	c := runComparison{b: b, h: h, plan: plan, hosts: differentHosts(b.manifest.Host, h.manifest.Host)}
	c.all()
	for _, base := range b.arms {
		if f, ok := failing(base, h.find(base.ArmOf)); ok {
			c.findings = append(c.findings, f)
		}
	}
	r.Findings = c.findings
	return r, nil
}

// foreign says what makes two runs hard to compare, beside what they are.
func foreign(b, h *folder) (warnings []string) {
	say := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	if !b.manifest.Virtual || !h.manifest.Virtual {
		say("the runs were made one after the other: what the machine did meanwhile is in every difference of time; two revisions or binaries would be interleaved")
	}
	if different := differentHosts(b.manifest.Host, h.manifest.Host); different != "" {
		say("the hosts differ (%s): only what no host changes is judged", different)
	}
	if b.manifest.Plan != h.manifest.Plan {
		say("the plans differ (%s and %s): what both have is compared", b.manifest.Plan, h.manifest.Plan)
	}
	for _, e := range b.manifest.Experiments {
		if otherMethod(b, h, e.Name) {
			say("%s was measured in another way, so that only what no machine changes is judged: %q, and now %q", e.Name, b.methods(e.Name), h.methods(e.Name))
		}
	}
	if b.manifest.Virtual != h.manifest.Virtual {
		say("one of the runs is of a simulated network")
	}
	for _, f := range []*folder{b, h} {
		if !f.manifest.Complete {
			say("%s is not complete: %s", f.Name, f.manifest.Reason)
		}
		if f.manifest.Versions.Dirty {
			say("%s was made with changes that no commit has", f.Name)
		}
		for _, a := range f.arms {
			if a.Failed > 0 {
				say("%s: %d of %d failed in %s %s", f.Name, a.Failed, a.Units, a.Experiment, a.Arm)
			}
		}
	}
	return warnings
}

// methods say how an experiment of a run was made, in the words of its manifest.
func (f *folder) methods(experiment string) (list []string) {
	for _, e := range f.manifest.Experiments {
		if e.Name == experiment && e.Note != "" {
			list = append(list, e.Note)
		}
	}
	return list
}

// otherMethod reports whether both runs have an experiment, and made it in different ways: with other counts, times or
// tunnels, or by a pqbench that does it otherwise.
func otherMethod(b, h *folder, experiment string) bool {
	before, now := b.methods(experiment), h.methods(experiment)
	return len(before) > 0 && len(now) > 0 && !slices.Equal(before, now)
}

// differentHosts names what differs between hosts that changes times; empty when nothing does.
func differentHosts(a, b results.Host) string {
	for _, of := range []struct {
		what string
		a, b any
	}{
		{"CPU", a.CPU, b.CPU}, {"cores", a.Cores, b.Cores}, {"GOMAXPROCS", a.GOMAXPROCS, b.GOMAXPROCS}, {"OS", a.OS, b.OS}, {"architecture", a.Arch, b.Arch},
		{"kernel", a.Kernel, b.Kernel}, {"governor", a.Governor, b.Governor}, {"hypervisor", a.Virtual, b.Virtual},
	} {
		if of.a != of.b {
			return fmt.Sprintf("%s: %v and %v", of.what, of.a, of.b)
		}
	}
	return ""
}

// runComparison is that of two folders in progress.
type runComparison struct {
	b, h     *folder
	plan     Plan
	hosts    string
	findings []results.Finding
	tests    []int // findings that a test was made for
}

func (c *runComparison) all() {
	for _, base := range c.b.arms {
		head := c.h.find(base.ArmOf)
		for _, m := range results.Metrics() {
			old, ok := base.Values[m.Name]
			if !ok || m.Better == "" || c.plan.limit(base.Experiment, m.Name).Ignore {
				continue
			}
			c.pair(base.ArmOf, m, old, head.Values[m.Name])
		}
	}
	for _, head := range c.h.arms {
		base := c.b.find(head.ArmOf)
		for _, m := range results.Metrics() {
			ignored := c.plan.limit(head.Experiment, m.Name).Ignore
			if values, ok := head.Values[m.Name]; ok && base.Values[m.Name] == nil && m.Better != "" && !ignored {
				f := finding(head.ArmOf, m)
				f.Head, f.Verdict, f.Note = finite(stats.Median(values)), results.VerdictNew, "the base has none"
				c.findings = append(c.findings, f)
			}
		}
	}
	c.correct()
}

// find is the arm of the same name; without values when there is none.
func (f *folder) find(of results.ArmOf) report.ArmBlocks {
	i := slices.IndexFunc(f.arms, func(a report.ArmBlocks) bool { return a.Experiment == of.Experiment && a.Arm == of.Arm })
	if i < 0 {
		return report.ArmBlocks{}
	}
	return f.arms[i]
}

func finding(of results.ArmOf, m results.Metric) results.Finding {
	return results.Finding{Experiment: of.Experiment, Metric: m.Name, Arm: of.Arm, Unit: m.Unit, Better: m.Better, Verdict: results.VerdictInconclusive}
}

// pair is one metric that the base has.
func (c *runComparison) pair(of results.ArmOf, m results.Metric, old, now []float64) {
	f := finding(of, m)
	f.Base, f.Head = finite(stats.Median(old)), finite(stats.Median(now))
	switch {
	case len(now) == 0:
		f.Verdict, f.Note = results.VerdictMissing, "the head has none"
	case m.Exact && (!slices.Contains(diced, m.Name) || c.seeded(of.Experiment, m.Name)):
		c.exact(&f, old, now)
	default:
		c.test(&f, old, now)
	}
	c.findings = append(c.findings, f)
}

// diced are numbers of the protocol with dice in them: the random GREASE parameter of both ends, the length of an ECDSA
// signature, and padding, which makes up for both. Two runs have other ones, unless all is drawn from a seed. Of a ClientHello
// the parameter is known, and left out (withoutGrease).
var diced = []string{
	"server_bytes", "client_bytes_confirmed", "server_bytes_confirmed", "client_padding_bytes", "server_padding_bytes", "certificate_bytes",
}

// seeded reports whether a number is the same in every run with the seed of both.
func (c *runComparison) seeded(experiment, metric string) bool {
	exact := func(f *folder) bool {
		return f.manifest.Virtual && slices.ContainsFunc(f.manifest.Experiments, func(e results.Experiment) bool {
			return e.Name == experiment && slices.Contains(e.Exact, metric)
		})
	}
	return c.b.manifest.Seed == c.h.manifest.Seed && exact(c.b) && exact(c.h)
}

// withoutGrease takes the random GREASE parameter out of the ClientHellos, block by block.
func withoutGrease(arms []report.ArmBlocks) {
	for _, a := range arms {
		hello, grease := a.Values["clienthello_bytes"], a.Values["clienthello_grease_bytes"]
		if len(hello) != len(grease) {
			delete(a.Values, "clienthello_bytes") // of some the dice are not known
			continue
		}
		for i := range hello {
			hello[i] -= grease[i]
		}
	}
}

// exact holds two sets of numbers of the protocol against each other by the least that was seen: what disturbs a handshake
// on a busy machine adds to it, see series.least.
func (c *runComparison) exact(f *results.Finding, old, now []float64) {
	a, b := slices.Min(old), slices.Min(now)
	f.Base, f.Head = &a, &b
	if a != 0 {
		f.Effect = finite(b/a - 1)
	}
	f.Verdict = results.Direction(b-a, f.Better)
}

// test compares two independent samples.
func (c *runComparison) test(f *results.Finding, old, now []float64) {
	if slices.Equal(old, now) || slices.Min(old) == slices.Max(now) && slices.Max(old) == slices.Min(now) { // as in two runs of a simulated network
		f.Effect, f.Verdict = finite(0), results.VerdictUnchanged
		return
	}
	if slices.Min(old) <= 0 || slices.Min(now) <= 0 { // counts, which have no logarithm
		f.Effect = finite(stats.Mean(now)/stats.Mean(old) - 1)
		c.tested(f, old, now)
		return
	}
	shift, err := stats.Shift(logs(old), logs(now))
	f.Effect = finite(math.Expm1(shift.Value))
	if err != nil {
		f.Note = err.Error()
		return
	}
	f.Low, f.High = finite(math.Expm1(shift.Low)), finite(math.Expm1(shift.High))
	c.tested(f, old, now)
}

// tested makes the test, unless hosts stand between the two.
func (c *runComparison) tested(f *results.Finding, old, now []float64) {
	switch {
	case c.hosts != "" && !c.h.manifest.Virtual:
		f.Note = "the hosts differ"
		return
	case otherMethod(c.b, c.h, f.Experiment):
		f.Note = "measured in another way"
		return
	}
	f.P = finite(stats.MannWhitney(old, now))
	c.tests = append(c.tests, len(c.findings))
}

func logs(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = math.Log(v)
	}
	return out
}

// failing is an arm of which more failed in the head than in the base: it is no pass, and where chance does not explain it a
// regression. What failed took no part in the other numbers.
func failing(base, head report.ArmBlocks) (f results.Finding, ok bool) {
	if head.Failed == 0 || base.Units == 0 {
		return f, false
	}
	before, now := float64(base.Failed)/float64(base.Units), float64(head.Failed)/float64(head.Units)
	if now <= before {
		return f, false
	}
	m, _ := results.MetricByName("failed_share")
	f = finding(base.ArmOf, m)
	f.Base, f.Head = &before, &now
	// Given how many failed in all, the head's part of them goes by its part of the units.
	p := stats.AtLeast(head.Failed, base.Failed+head.Failed, float64(head.Units)/float64(base.Units+head.Units))
	f.P, f.Note = &p, fmt.Sprintf("%d of %d failed, and %d of %d before", head.Failed, head.Units, base.Failed, base.Units)
	if p < failedForSure {
		f.Verdict = results.VerdictRegressed
	}
	return f, true
}

// failedForSure is the level at which more failures are a regression: there are many arms.
const failedForSure = 0.001

// correct gives the tests their p-values and verdicts.
func (c *runComparison) correct() {
	ps := make([]float64, len(c.tests))
	for k, i := range c.tests {
		ps[k] = *c.findings[i].P
	}
	for k, p := range stats.Holm(ps) {
		f := &c.findings[c.tests[k]]
		f.P = finite(p)
		limit := c.plan.limit(f.Experiment, f.Metric)
		if limit.Threshold == 0 { // of numbers of the protocol, in which any difference counts where there are no dice
			limit.Threshold = anyThreshold
		}
		switch {
		case f.Effect == nil:
			f.Note = "there is no finite difference: a base of 0, or handshakes or requests that failed"
		case p < significance && math.Abs(*f.Effect) > float64(limit.Threshold):
			f.Verdict = results.Direction(*f.Effect, f.Better)
		case f.Low != nil && f.High != nil && max(-*f.Low, *f.High) < limit.margin():
			f.Verdict = results.VerdictUnchanged
		}
	}
}

// significance is the level of a test between runs, after correction for the family.
const significance = 0.05

// anyThreshold is that of a metric that the plan does not name.
const anyThreshold = 0.02

// limit is the plan's for a metric of an experiment of any name of its kind.
func (p Plan) limit(experiment, metric string) Limit {
	for _, e := range p.Experiments {
		if l, ok := p.Metrics[e.Name+"/"+metric]; ok && e.kind() == experiment {
			return l
		}
	}
	return Limit{Threshold: anyThreshold}
}
