package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"pqbench/results"
	"pqbench/results/stats"
)

// A scale shows numbers of a unit in a handier one.
type scale struct {
	unit    string
	divisor float64
}

// scales are those of each unit that has several, the largest first.
var scales = map[string][]scale{
	"ns":    {{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}, {"ns", 1}},
	"B":     {{"MB", 1e6}, {"kB", 1e3}, {"B", 1}},
	"bit/s": {{"Gbit/s", 1e9}, {"Mbit/s", 1e6}, {"kbit/s", 1e3}, {"bit/s", 1}},
	"ns/GB": {{"s/GB", 1e9}, {"ms/GB", 1e6}, {"µs/GB", 1e3}, {"ns/GB", 1}},
	"1/s":   {{"/s", 1}},
	// What these count is in the metric's name.
	"allocs": {{"", 1}},
	"count":  {{"", 1}},
	"share":  {{"%", 0.01}},
}

// scaleFor is the scale that a column of values shares: the largest in which the middle one is at least 1. Exact bytes
// stay bytes: they are counted, not estimated.
func scaleFor(metric results.Metric, values []float64) scale {
	of := scales[metric.Unit]
	if len(of) == 0 || metric.Exact && metric.Unit == "B" {
		return scale{metric.Unit, 1}
	}
	values = slices.Clone(values)
	for i, v := range values {
		values[i] = math.Abs(v)
	}
	slices.Sort(values)
	for _, s := range of {
		if len(values) > 0 && values[len(values)/2] >= s.divisor {
			return s
		}
	}
	return of[len(of)-1]
}

// decimals is how many an estimate of that uncertainty (half its interval) deserves: the uncertainty keeps one digit.
// Negative means that digits before the point are rounded.
func decimals(half float64) int {
	if half <= 0 || math.IsNaN(half) || math.IsInf(half, 0) {
		return maxDecimals
	}
	return min(maxDecimals, -int(math.Floor(math.Log10(half))))
}

const maxDecimals = 6

// significant is the decimals that give v so many significant digits.
func significant(v float64, digits int) int {
	if v == 0 {
		return 0
	}
	return min(maxDecimals, digits-1-int(math.Floor(math.Log10(math.Abs(v)))))
}

// rounded is v with what its interval supports: 3 or 4 significant digits, 3 without an interval. Three are kept however
// wide the interval is: much of the width is the drift that all arms share, and arms are read against each other.
func rounded(v float64, low, high *float64, divisor float64) string {
	return fixed(v/divisor, supported(v, low, high, divisor))
}

// supported is how many decimals rounded keeps.
func supported(v float64, low, high *float64, divisor float64) int {
	d := significant(v/divisor, 3)
	if low != nil && high != nil {
		return min(max(decimals((*high-*low)/2/divisor), d), significant(v/divisor, 4))
	}
	return d
}

// within is rounded with its interval: "236.8 [231.0, 242.6]".
func within(v float64, low, high *float64, divisor float64) string {
	if low == nil || high == nil {
		return rounded(v, low, high, divisor)
	}
	d := supported(v, low, high, divisor)
	return fmt.Sprintf("%s [%s, %s]", fixed(v/divisor, d), fixed(*low/divisor, d), fixed(*high/divisor, d))
}

// fixed is v with d decimals; a negative d rounds before the point.
func fixed(v float64, d int) string {
	if d < 0 {
		unit := math.Pow(10, float64(-d))
		v, d = math.Round(v/unit)*unit, 0
	}
	text := strconv.FormatFloat(math.Abs(v), 'f', d, 64)
	if v < 0 && strings.Trim(text, "0.") != "" {
		return minus + text
	}
	return text
}

// minus is the sign itself and not a hyphen, so that it is as wide as a plus.
const minus = "−"

// signed is fixed with a plus where one belongs.
func signed(v float64, d int) string {
	text := fixed(v, d)
	if v > 0 && strings.Trim(text, "0.") != "" {
		return "+" + text
	}
	return text
}

// whole is a count or a number of bytes: without decimals where it has none.
func whole(v float64) string {
	if v == math.Trunc(v) {
		return fixed(v, 0)
	}
	return fixed(v, 1)
}

// effect is a comparison's difference in per cent with its interval: "+24.1 % [23.2, 25.0]". In front stands "≈" where there
// is none beyond the margin, "~" where none was found, and "?" where the interval speaks for one and the test, corrected
// for its family, does not: more blocks would tell. In brackets it is of too few blocks for any test. From tenfold on a factor reads better: "×12.3".
func effect(c results.Comparison) string {
	if c.Ratio == nil {
		return missing
	}
	if metric, _ := results.MetricByName(c.Metric); metric.Exact {
		return signed(100*(*c.Ratio-1), 1) + " %"
	}
	text := percent(*c.Ratio, c.Low, c.High)
	switch {
	case c.Verdict == results.VerdictEquivalent:
		return "≈ " + text
	case untested(c):
		return "(" + text + ")"
	case c.Verdict == results.VerdictInconclusive && unproven(c):
		return "? " + text
	case c.Verdict == results.VerdictInconclusive:
		return "~ " + text
	}
	return text
}

// untested is of so few blocks that there is neither an interval nor a test.
func untested(c results.Comparison) bool {
	return c.Verdict == results.VerdictInconclusive && c.Low == nil && c.High == nil && c.Blocks < stats.MinBlocks
}

// unproven is a difference by the interval alone. Where "none" was the claim, it must lie outside of the margin.
func unproven(c results.Comparison) bool {
	return c.Low != nil && c.High != nil && (*c.Low > 1+c.Margin || *c.High < 1-c.Margin)
}

// missing stands for a number that there is none of.
const missing = "–"

func percent(ratio float64, low, high *float64) string {
	show, before, after := func(r float64, d int) string { return signed(100*(r-1), d) }, "", " %"
	per := 100.0
	if ratio >= 10 {
		show, before, after, per = fixed, "×", "", 1
	}
	if low == nil || high == nil {
		return before + show(ratio, 1) + after
	}
	d := min(max(decimals(per*(*high-*low)/2), 0), 2)
	ends := func(r float64) string { return strings.TrimPrefix(show(r, d), "+") }
	return fmt.Sprintf("%s%s%s [%s, %s]", before, show(ratio, d), after, ends(*low), ends(*high))
}
