package export

import (
	"fmt"
	"math"
	"strconv"

	"pqbench/results"
)

// A step is a handier unit, and how many of the plain ones it is.
type step struct {
	unit string
	is   float64
}

// ladders are the units that large numbers are shown in, the largest first.
var ladders = map[string][]step{
	"ns":    {{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}, {"ns", 1}},
	"ns/GB": {{"s/GB", 1e9}, {"ms/GB", 1e6}, {"µs/GB", 1e3}, {"ns/GB", 1}},
	"bit/s": {{"Gbit/s", 1e9}, {"Mbit/s", 1e6}, {"kbit/s", 1e3}, {"bit/s", 1}},
	"1/s":   {{"/s", 1}}, "count": {{"", 1}}, "share": {{"", 1}}, "allocs": {{"", 1}},
}

// values are base and head in one unit, with as many digits as it takes to see their difference: 4 where that is enough.
func values(f results.Finding) (base, head string) {
	digits := 4
	if f.Base != nil && f.Head != nil {
		s, difference := scale(f), *f.Head-*f.Base
		for ; digits < 15; digits++ {
			shown := rounded(*f.Head/s.is, digits) - rounded(*f.Base/s.is, digits)
			if math.Abs(shown-difference/s.is) <= math.Abs(difference/s.is)/10 || f.Low != nil && shown != 0 {
				break
			}
		}
	}
	return number(f.Base, f, digits), number(f.Head, f, digits)
}

// rounded is what number shows of x.
func rounded(x float64, digits int) float64 {
	unit := math.Pow(10, float64(decimals(x, digits)))
	return math.Round(x*unit) / unit
}

// decimals is how many give x so many digits.
func decimals(x float64, digits int) int {
	if x == 0 {
		return 0
	}
	return max(0, digits-1-int(math.Floor(math.Log10(math.Abs(x)))))
}

// Value is one number in a handy unit, with 4 digits or all that were counted.
func Value(v float64, unit string) string {
	return number(&v, results.Finding{Unit: unit, Head: &v}, 4)
}

// number is one value; "–" for none. Whole numbers that are counted keep all their digits.
func number(v *float64, f results.Finding, digits int) string {
	if v == nil {
		return "–"
	}
	s := scale(f)
	x := *v / s.is
	if x == math.Trunc(x) && math.Abs(x) < 1e15 && s.is == 1 {
		return unit(strconv.FormatFloat(x, 'f', -1, 64), s.unit)
	}
	return unit(strconv.FormatFloat(x, 'f', decimals(x, digits), 64), s.unit)
}

func unit(number, unit string) string {
	if unit == "" {
		return number
	}
	return number + " " + unit
}

// scale is the largest step in which the larger of the two is at least 1.
func scale(f results.Finding) step {
	largest := 0.0
	for _, v := range []*float64{f.Base, f.Head} {
		if v != nil {
			largest = max(largest, math.Abs(*v))
		}
	}
	ladder := ladders[f.Unit]
	if len(ladder) == 0 {
		return step{f.Unit, 1}
	}
	for _, s := range ladder {
		if largest >= s.is {
			return s
		}
	}
	return ladder[len(ladder)-1]
}

// change is the effect with its interval: "+24.1 % [+23.2, +25.0]". Of exact numbers it also is the difference: "+1 (+25.0 %)".
func change(f results.Finding) string {
	if f.Base == nil || f.Head == nil {
		return ""
	}
	difference := *f.Head - *f.Base
	s := scale(results.Finding{Unit: f.Unit, Head: &difference})
	exact := unit(strconv.FormatFloat(difference/s.is, 'g', 4, 64), s.unit)
	if difference > 0 {
		exact = "+" + exact
	}
	switch {
	case difference == 0 && f.Low == nil:
		return ""
	case f.Effect == nil:
		return exact
	case f.Low == nil || f.High == nil:
		return fmt.Sprintf("%s (%+.3g %%)", exact, 100**f.Effect)
	}
	return fmt.Sprintf("%+.2f %% [%+.2f, %+.2f]", 100**f.Effect, 100**f.Low, 100**f.High)
}

func pValue(f results.Finding) string {
	switch {
	case f.P == nil:
		return ""
	case *f.P < 0.0001:
		return "< 0.0001"
	}
	return strconv.FormatFloat(*f.P, 'f', 4, 64)
}

// title is the metric for a reader.
func title(f results.Finding) string {
	if m, ok := results.MetricByName(f.Metric); ok {
		return m.Title
	}
	return f.Metric
}

// on is the host behind a name, where findings of several stand side by side.
func on(f results.Finding) string {
	if f.Host == "" {
		return ""
	}
	return " on " + f.Host
}

// where is the arm, and its experiment where the tier has several.
func where(f results.Finding) string {
	arm := f.Arm.String()
	switch {
	case arm == "":
		return f.Experiment
	case f.Experiment == "gate" || f.Experiment == "":
		return arm
	}
	return f.Experiment + ": " + arm
}
