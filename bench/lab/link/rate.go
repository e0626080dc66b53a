package link

import (
	"fmt"
	"strconv"
	"strings"
)

// units of ParseRate and ParseQueue, longest first, so that "kbit/s" is not taken for a number before "bit/s".
var (
	rateUnits = []unit{{"kbit", kbit}, {"mbit", mbit}, {"gbit", gbit}, {"bit", 1}, {"k", kbit}, {"m", mbit}, {"g", gbit}}
	sizeUnits = []unit{{"kib", 1 << 10}, {"mib", 1 << 20}, {"kb", 1_000}, {"mb", 1_000_000}, {"b", 1}}
)

type unit struct {
	name   string
	factor int64
}

// ParseRate reads a rate in bit/s: "1Mbit", "1.5 Mbit/s", "880mbit", "10G", "128000". "0" is infinite.
func ParseRate(text string) (int64, error) {
	n, err := parseQuantity(strings.TrimSuffix(strings.ToLower(strings.TrimSpace(text)), "/s"), rateUnits)
	if err != nil || n > maxRate {
		return 0, fmt.Errorf("rate %q: write 1Mbit, 1.5Mbit/s, 10G or 128000, up to 1000Gbit, or 0 for infinite", text)
	}
	return n, nil
}

// ParseQueue reads a size in bytes: "64KiB", "100kB", "65536". "0" is the default.
func ParseQueue(text string) (int, error) {
	const largest = 1 << 30
	n, err := parseQuantity(strings.ToLower(strings.TrimSpace(text)), sizeUnits)
	if err != nil || n > largest {
		return 0, fmt.Errorf("queue %q: write 64KiB, 100kB or 65536, up to 1024MiB, or 0 for the default", text)
	}
	return int(n), nil
}

func parseQuantity(text string, units []unit) (int64, error) {
	factor := int64(1)
	for _, u := range units {
		if digits, ok := strings.CutSuffix(text, u.name); ok {
			text, factor = strings.TrimSpace(digits), u.factor
			break
		}
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' }); i >= 0 {
		return 0, fmt.Errorf("%q is no number", text) // no exponents, no infinity, no sign
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, err
	}
	if x *= float64(factor); x > 1e15 || x != 0 && x < 1 {
		return 0, fmt.Errorf("%q is out of range", text)
	}
	return int64(x), nil
}
