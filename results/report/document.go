package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pqbench/results"
	"pqbench/results/stats"
)

// A document is report.md and report.html before they are drawn.
type document struct {
	Title, Subtitle string
	Answer          []string
	Warnings        []string
	Parts           []part
	Claims          *table
	Further         []table
	Method          []fact
	Limits          []string
	Host, Versions  []fact
	Plan            string

	svgs [][]byte // of the figures that it was made with, in their order
}

// A part is an experiment.
type part struct {
	Title   string
	Tables  []table
	Figures []picture
}

// A picture is a figure as it stands in a document.
type picture struct {
	Name, Title, Caption string
	SVG                  []byte
}

// A fact is a line of a list: a name and what it is.
type fact struct{ Name, Text string }

// document draws the figures of a summary, and puts tables and text around them.
func (r *run) document(s results.Summary) (document, []figure, error) {
	figures := r.figures(s)
	var svgs [][]byte
	for _, f := range figures {
		svg, err := f.svg()
		if err != nil {
			return document{}, nil, err
		}
		svgs = append(svgs, svg)
	}
	return newDocument(r.m, s, figures, svgs), figures, nil
}

func newDocument(m results.Manifest, s results.Summary, figures []figure, svgs [][]byte) document {
	d := document{
		Title:    "What post-quantum tunnels cost: " + m.Plan,
		Subtitle: subtitle(m),
		Answer:   answer(s), Warnings: s.Warnings,
		Method: method(m), Limits: limits(m), Host: hostFacts(m), Versions: versionFacts(m), Plan: strings.TrimRight(m.PlanText, "\n"),
		svgs: svgs,
	}
	for _, l := range layouts {
		b := builder{m: m, s: s, layout: l}
		p := part{Title: l.title, Tables: b.mainTables()}
		for i, f := range figures {
			if f.part == l.experiment {
				p.Figures = append(p.Figures, picture{f.Name, f.Title, f.Caption, svgs[i]})
			}
		}
		if len(p.Tables)+len(p.Figures) > 0 {
			d.Parts = append(d.Parts, p)
		}
		d.Further = append(d.Further, b.moreTables()...)
	}
	if t, ok := claimsTable(s); ok {
		d.Claims = &t
	}
	return d
}

func subtitle(m results.Manifest) string {
	state := ""
	if !m.Complete {
		state = ", incomplete"
	}
	where := m.Host.CPU
	if where == "" {
		where = m.Host.OS + "/" + m.Host.Arch
	}
	where += fmt.Sprintf(", %d cores", m.Host.Cores)
	if m.Virtual {
		where = "virtual time, in which no machine plays a part"
	}
	return fmt.Sprintf("%s, %s UTC, seed %d%s", where, m.Started.UTC().Format("2006-01-02 15:04"), m.Seed, state)
}

// method is what was done, and how the numbers were made.
func method(m results.Manifest) []fact {
	var out []fact
	for _, e := range m.Experiments {
		arms := 0
		for _, a := range m.Arms {
			if a.Experiment == e.Name {
				arms++
			}
		}
		text := strings.TrimSpace(fmt.Sprintf("%s %d arms, %d of %d blocks.", e.Note, arms, e.Done, e.Blocks))
		if e.Skipped != "" {
			text += " Not measured: " + e.Skipped + "."
		}
		out = append(out, fact{e.Name, text})
	}
	if m.Virtual {
		return append(out, virtualMethod(m)...)
	}
	return append(out,
		fact{"Blocks", "A block runs every arm of an experiment once, in an order drawn from the seed. Arms are compared inside blocks only: " +
			"what a block does to all of them cancels."},
		fact{"Values", "Rates, CPU and allocations are the median over blocks of each block's mean, with the distribution-free 95 % interval of that median. " +
			"Times are quantiles of all samples, with a bootstrap over blocks. These intervals hold the machine's drift; differences do not. " +
			"What is counted on the wire is the median, with the least and the greatest seen. A percentile with fewer than ten samples beyond it is not printed."},
		fact{"Differences", fmt.Sprintf("The median over blocks of the ratio to the base, with its 95 %% bootstrap interval (%d resamples, seeded). "+
			"It is called a difference when the paired sign test says so at 5 %%, corrected by Holm over the comparisons of the same kind in the same metric; "+
			"equal (≈) when the 90 %% interval lies within the margin, ±2 %% unless the plan says otherwise (two one-sided tests); and otherwise undecided (~). "+
			"Fewer than %d blocks give no interval.", stats.Resamples, stats.MinBlocks)},
		fact{"Clock", "One monotonic clock of the process that sends, in nanoseconds. Handshake time runs from the call that dials, so that making the key share is in it."},
		fact{"Failures", "A failed or timed-out unit of work counts as longer than every other one, and stays in the denominator."})
}

func hostFacts(m results.Manifest) []fact {
	h, n := m.Host, m.Noise
	bytes := func(v int) string {
		if v == 0 {
			return ""
		}
		return fmt.Sprintf("%d B", v)
	}
	share := func(v float64) string {
		if v < 0 {
			return "not known"
		}
		return fixed(100*v, 1) + " %"
	}
	load := "not known"
	if n.Load >= 0 {
		load = fixed(n.Load, 2)
	}
	memory := ""
	if h.MemoryMiB > 0 {
		memory = fmt.Sprintf("%d MiB", h.MemoryMiB)
	}
	return filled([]fact{
		{"CPU", h.CPU}, {"Features", strings.Join(h.Features, " ")}, {"Cores", fmt.Sprint(h.Cores)}, {"GOMAXPROCS", fmt.Sprint(h.GOMAXPROCS)},
		{"Governor", h.Governor}, {"Memory", memory}, {"System", strings.TrimSpace(h.OS + "/" + h.Arch + " " + h.Kernel)}, {"Hypervisor", h.Virtual},
		{"Socket buffers", strings.Trim(bytes(h.RMemMax)+" receive, "+bytes(h.WMemMax)+" send", ", ")}, {"UDP segmentation offload", h.GSO},
		{"Noise before", share(n.Before)}, {"Noise after", share(n.After)}, {"Drift", signed(100*n.Drift, 1) + " %"},
		{"CPU steal", share(n.Steal)}, {"Load before", load},
	})
}

func versionFacts(m results.Manifest) []fact {
	v := m.Versions
	commit := v.Commit
	if v.Dirty {
		commit += ", with changes that are not committed"
	}
	draft := "no: this build speaks only what crypto/tls has"
	if v.Overlay {
		draft = "yes"
	}
	facts := []fact{{"Commit", commit}, {"Go", v.Go}, {"Draft00 groups", draft}}
	for _, name := range slices.Sorted(maps.Keys(v.Modules)) {
		facts = append(facts, fact{name, v.Modules[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(m.Labels)) {
		facts = append(facts, fact{"Label " + name, m.Labels[name]})
	}
	return filled(append(facts, fact{"Started", m.Started.UTC().Format("2006-01-02 15:04:05 UTC")},
		fact{"Finished", m.Finished.UTC().Format("2006-01-02 15:04:05 UTC")}))
}

// filled drops what is not known.
func filled(facts []fact) []fact {
	return slices.DeleteFunc(facts, func(f fact) bool { return f.Text == "" })
}
