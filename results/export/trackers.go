package export

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"pqbench/results"
)

// actionBenchmark is an entry of github-action-benchmark's customSmallerIsBetter and customBiggerIsBetter.
type actionBenchmark struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
	Range string  `json:"range,omitempty"`
	Extra string  `json:"extra,omitempty"`
}

// ActionBenchmark writes the head's values for github-action-benchmark: those of which less is better ("lower") or more
// ("higher"), because it takes one kind in a file. Plain facts are in neither.
func ActionBenchmark(w io.Writer, f results.Findings, better string) error {
	all := []actionBenchmark{}
	for _, one := range f.Findings {
		if one.Better != better || one.Head == nil {
			continue
		}
		entry := actionBenchmark{Name: benchmark(one) + " " + one.Metric, Unit: one.Unit, Value: *one.Head, Extra: told(one)}
		if one.HeadLow != nil && one.HeadHigh != nil {
			entry.Range = "± " + strconv.FormatFloat((*one.HeadHigh-*one.HeadLow)/2, 'g', 4, 64)
		}
		all = append(all, entry)
	}
	return indented(w, all)
}

// bencherMeasure is a measure in Bencher Metric Format.
type bencherMeasure struct {
	Value float64  `json:"value"`
	Low   *float64 `json:"lower_value,omitempty"`
	High  *float64 `json:"upper_value,omitempty"`
}

// Bencher writes the head's values in Bencher Metric Format: an object of benchmarks, each an object of measures. A measure's
// slug is the metric and its unit.
func Bencher(w io.Writer, f results.Findings) error {
	all := map[string]map[string]bencherMeasure{}
	for _, one := range f.Findings {
		if one.Head == nil {
			continue
		}
		name := benchmark(one)
		if all[name] == nil {
			all[name] = map[string]bencherMeasure{}
		}
		slug := one.Metric
		if one.Unit != "" {
			slug += " (" + one.Unit + ")"
		}
		if _, twice := all[name][slug]; twice {
			return fmt.Errorf("%s has two values of %s", name, slug)
		}
		all[name][slug] = bencherMeasure{*one.Head, one.HeadLow, one.HeadHigh}
	}
	return indented(w, all)
}

// benchmark is the name of what was measured, without the metric.
func benchmark(f results.Finding) string {
	if arm := f.Arm.String(); arm != "" {
		return f.Experiment + "/" + arm + on(f)
	}
	return f.Experiment + on(f)
}

func indented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
