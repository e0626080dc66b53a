package export

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"pqbench/results"
)

// A family is the samples of one metric, which OpenMetrics wants together.
type family struct {
	name, unit, help string
	samples          []string
}

// OpenMetrics writes a gauge for each metric, in base units (seconds, bytes), with the side as a label; one for each effect and
// the ends of its interval; and one that is 1 for each verdict. There are no timestamps: they are the scraper's.
func OpenMetrics(w io.Writer, f results.Findings) error {
	var all []*family
	add := func(name, unit, help, labels string, v float64) {
		i := slices.IndexFunc(all, func(other *family) bool { return other.name == name })
		if i < 0 {
			i = len(all)
			all = append(all, &family{name: name, unit: unit, help: help})
		}
		all[i].samples = append(all[i].samples, labels+" "+strconv.FormatFloat(v, 'g', -1, 64))
	}
	for _, one := range f.Findings {
		name, unit, factor := baseUnit(one)
		labels := labelsOf(f.Tier, one)
		for _, side := range []struct {
			name string
			v    *float64
		}{{"base", one.Base}, {"head", one.Head}, {"head_low", one.HeadLow}, {"head_high", one.HeadHigh}} {
			if side.v != nil {
				add(name, unit, title(one), labels.with("side", side.name), *side.v*factor)
			}
		}
		for _, end := range []struct {
			name string
			v    *float64
		}{{"", one.Effect}, {"_low", one.Low}, {"_high", one.High}} {
			if end.v != nil {
				add("pqbench_effect"+end.name+"_ratio", "ratio", "head over base, less one", labels.with("metric", one.Metric), *end.v)
			}
		}
		if one.Verdict != "" {
			add("pqbench_verdict", "", "1 for the verdict on a metric", labels.with("metric", one.Metric, "verdict", one.Verdict), 1)
		}
	}
	slices.SortStableFunc(all, func(a, b *family) int { return strings.Compare(a.name, b.name) })
	var text strings.Builder
	for _, each := range all {
		each.write(&text)
	}
	text.WriteString("# EOF\n")
	_, err := io.WriteString(w, text.String())
	return err
}

func (f *family) write(text *strings.Builder) {
	fmt.Fprintf(text, "# TYPE %s gauge\n", f.name)
	if f.unit != "" {
		fmt.Fprintf(text, "# UNIT %s %s\n", f.name, f.unit)
	}
	fmt.Fprintf(text, "# HELP %s %s\n", f.name, label.Replace(f.help))
	for _, s := range f.samples {
		text.WriteString(f.name + s + "\n")
	}
}

// baseUnit is a metric's name with its base unit at the end, the unit, and what a value is multiplied by to be in it.
func baseUnit(f results.Finding) (name, unit string, factor float64) {
	base := map[string]struct {
		unit   string
		factor float64
	}{
		"ns": {"seconds", 1e-9}, "B": {"bytes", 1}, "1/s": {"per_second", 1}, "bit/s": {"bits_per_second", 1},
		"ns/GB": {"seconds_per_gigabyte", 1e-9}, "share": {"ratio", 1}, "datagrams": {"datagrams", 1}, "allocs": {"allocs", 1},
	}[f.Unit]
	if base.unit == "" {
		return "pqbench_" + clean(f.Metric), "", 1
	}
	return "pqbench_" + strings.TrimSuffix(clean(f.Metric), "_"+base.unit) + "_" + base.unit, base.unit, base.factor
}

// clean leaves what a metric's name may hold.
func clean(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name)
}

// labels are pairs of names and values.
type labels []string

// labelsOf are the tier, the experiment and what the arm chose. The arm's own form names its factors.
func labelsOf(tier string, f results.Finding) labels {
	l := labels{"tier", tier, "experiment", f.Experiment, "host", f.Host}
	for _, part := range armParts(f.Arm) {
		key, value, _ := strings.Cut(part, "=")
		l = append(l, clean(key), value)
	}
	return l
}

// with is the labels and more in OpenMetrics' form; those without a value are left out.
func (l labels) with(more ...string) string {
	var pairs []string
	for list := slices.Concat(l, more); len(list) > 1; list = list[2:] {
		if list[1] != "" {
			pairs = append(pairs, fmt.Sprintf(`%s="%s"`, list[0], label.Replace(list[1])))
		}
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

var label = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// armParts are an arm's "key=value", one for each factor. A value with a slash, as an unevenly fast path's, stays whole.
func armParts(a results.Arm) (parts []string) {
	for part := range strings.SplitSeq(a.String(), "/") {
		if !strings.Contains(part, "=") && len(parts) > 0 {
			parts[len(parts)-1] += "/" + part
			continue
		}
		if part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}
