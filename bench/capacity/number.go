package capacity

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"pqbench/results/stats"
)

// figures writes a number with so many significant digits, without exponent, thousands with commas.
func figures(v float64, digits int) string {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	decimals := max(digits-1-int(math.Floor(math.Log10(math.Abs(v)))), 0)
	if decimals == 0 {
		unit := math.Pow(10, math.Max(math.Floor(math.Log10(math.Abs(v)))+1-float64(digits), 0))
		v = math.Round(v/unit) * unit
	}
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(text, ".") && v == math.Trunc(v) {
		text, _, _ = strings.Cut(text, ".") // it is whole, not rounded to be
	}
	return thousands(text)
}

// thousands puts commas into a number from 10,000 on.
func thousands(text string) string {
	sign, rest := "", text
	if strings.HasPrefix(text, "-") {
		sign, rest = "−", text[1:]
	}
	digits, fraction, dot := strings.Cut(rest, ".")
	if len(digits) > 4 {
		for i := len(digits) - 3; i > 0; i -= 3 {
			digits = digits[:i] + "," + digits[i:]
		}
	}
	if dot {
		fraction = "." + fraction
	}
	return sign + digits + fraction
}

func count(n int) string { return thousands(strconv.Itoa(n)) }

// counted is a number of things: "1 host", "12 hosts".
func counted(n int, thing string) string {
	return count(n) + " " + plural(n == 1, thing)
}

// plural is what more than one thing is called.
func plural(one bool, thing string) string {
	if one {
		return thing
	}
	return thing + "s"
}

// text is the law's time: "29.8 s", or "29.4 to 30.6 s" where the dice make a difference that shows.
func (l Law) text() string {
	low, high := after(l.Low, true), after(l.High, true)
	switch {
	case l.Never:
		return "never"
	case low == high:
		return low
	}
	return strings.TrimSuffix(low, " s") + " to " + high
}

// scale is a unit fit for a number.
func scaleOf(unit string, v float64) (name string, divisor float64) {
	type step struct {
		name    string
		divisor float64
	}
	for _, s := range map[string][]step{
		"ns":    {{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}},
		"B":     {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}},
		"bit/s": {{"Gbit/s", 1e9}, {"Mbit/s", 1e6}, {"kbit/s", 1e3}},
	}[unit] {
		if v >= s.divisor {
			return s.name, s.divisor
		}
	}
	return unit, 1
}

// quantity is a number in its unit, with its interval where it has one: "35.2 [34.1, 36.4] GiB".
func quantity(i stats.Interval, unit string) string {
	name, divisor := scaleOf(unit, i.Value)
	return strings.TrimSpace(bracketed(i, divisor, 3) + " " + name)
}

func bracketed(i stats.Interval, divisor float64, digits int) string {
	text := figures(i.Value/divisor, digits)
	if math.IsNaN(i.Low) || math.IsNaN(i.High) || i.Low == i.High && i.Low == i.Value {
		return text
	}
	return fmt.Sprintf("%s [%s, %s]", text, figures(i.Low/divisor, digits), figures(i.High/divisor, digits))
}

// hosts is a whole number of hosts with its interval.
func hosts(i stats.Interval) string {
	if i.Low == i.High {
		return count(int(i.Value))
	}
	return fmt.Sprintf("%s [%s, %s]", count(int(i.Value)), count(int(i.Low)), count(int(i.High)))
}

// after is a time to recover; ok says that there is one.
func after(d time.Duration, ok bool) string {
	if !ok || d < 0 {
		return "never"
	}
	return figures(d.Seconds(), 3) + " s"
}

func percent(share float64) string { return figures(100*share, 3) + " %" }
