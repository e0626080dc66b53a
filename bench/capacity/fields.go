package capacity

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"pqbench/bench"
	"pqbench/bench/lab/link"
	"pqbench/kex"
)

// fields are what a target consists of, by the names that flags and files share.
var fields = []struct {
	name string
	set  func(t *Target, text string) error
}{
	{"tunnels", func(t *Target, s string) error { return whole(s, 1, maxTunnels, &t.Tunnels) }},
	{"connections", func(t *Target, s string) error { return whole(s, 1, maxConnections, &t.Connections) }},
	{"rps", func(t *Target, s string) error { return number(strings.TrimSuffix(s, "/s"), 1e9, &t.RPS) }},
	{"egress", func(t *Target, s string) error { return rate(s, &t.Egress) }},
	{"recover-within", func(t *Target, s string) error { return span(s, time.Second, time.Hour, &t.Recover) }},
	{"recover-share", func(t *Target, s string) error { return perCent(s, 1, 100, &t.RecoverShare) }},
	{"outage", func(t *Target, s string) error { return span(s, 0, time.Hour, &t.Outage) }},
	{"cores-per-host", func(t *Target, s string) error { return whole(s, 1, 1024, &t.Cores) }},
	{"memory-per-host", func(t *Target, s string) error { return size(s, &t.Memory) }},
	{"nic", func(t *Target, s string) error { return positiveRate(s, &t.NIC) }},
	{"headroom", func(t *Target, s string) error { return perCent(s, 0, 95, &t.Headroom) }},
	{"keepalive", func(t *Target, s string) error { return span(s, 100*time.Millisecond, time.Hour, &t.KeepAlive) }},
	{"idle", func(t *Target, s string) error { return span(s, time.Second, time.Hour, &t.Idle) }},
	{"rtt", func(t *Target, s string) error { return span(s, 0, 5*time.Second, &t.RTT) }},
	{"loss", func(t *Target, s string) error { return perCent(s, 0, 50, &t.Loss) }},
	{"group", func(t *Target, s string) error { return groups(s, &t.Groups) }},
}

// Set sets a field from its text; the error names the field and what may stand there.
func (t *Target) Set(name, text string) error {
	var names []string
	for _, f := range fields {
		if f.name == name {
			if err := f.set(t, strings.TrimSpace(text)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		}
		names = append(names, f.name)
	}
	hint := ""
	if near := kex.Nearest(name, names); near != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", near)
	}
	return fmt.Errorf("unknown field %q%s; a target has %s", name, hint, strings.Join(names, ", "))
}

// ReadFile sets what a YAML file says: fields and values, nothing else. Errors name file and line.
func (t *Target) ReadFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if err := t.parse(text); err != nil {
		return fmt.Errorf("target %s: %w", path, err)
	}
	return nil
}

func (t *Target) parse(text []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return err
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return errors.New("want fields and values, such as tunnels: 100000")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(doc.Content[0].Content); i += 2 {
		key, value := doc.Content[0].Content[i], doc.Content[0].Content[i+1]
		text, err := scalar(value)
		if err == nil && seen[key.Value] {
			err = fmt.Errorf("%s: stands there twice", key.Value)
		}
		if err == nil {
			err = t.Set(key.Value, text)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", key.Line, err)
		}
		seen[key.Value] = true
	}
	return nil
}

// scalar is a value's text; that of a list has commas between.
func scalar(n *yaml.Node) (string, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value, nil
	case yaml.SequenceNode:
		var items []string
		for _, item := range n.Content {
			text, err := scalar(item)
			if err != nil {
				return "", err
			}
			items = append(items, text)
		}
		return strings.Join(items, ","), nil
	}
	return "", errors.New("want a value or a list of values")
}

func whole(text string, low, high int, to *int) error {
	v, err := strconv.Atoi(strings.ReplaceAll(text, "_", ""))
	if err != nil || v < low || v > high {
		return fmt.Errorf("%q: want a whole number from %d to %d", text, low, high)
	}
	*to = v
	return nil
}

func number(text string, high float64, to *float64) error {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v <= high) {
		return fmt.Errorf("%q: want a number from 0 to %g", text, high)
	}
	*to = v
	return nil
}

func rate(text string, to *float64) error {
	v, err := link.ParseRate(text)
	if err != nil {
		return fmt.Errorf("%q: want bit/s such as 40Gbit or 500Mbit", text)
	}
	*to = float64(v)
	return nil
}

func positiveRate(text string, to *float64) error {
	err := rate(text, to)
	if err == nil && *to == 0 {
		return errors.New("0: want bit/s such as 25Gbit")
	}
	return err
}

func size(text string, to *int64) error {
	v, err := bench.ParseSize(text)
	if err != nil {
		return err
	}
	if v < 1<<28 {
		return fmt.Errorf("%s is no host's memory: want at least 256MiB", text)
	}
	*to = v
	return nil
}

func span(text string, low, high time.Duration, to *time.Duration) error {
	v, err := time.ParseDuration(text)
	if text == "0" {
		err = nil
	}
	if err != nil || v < low || v > high {
		example := 30 * time.Second
		if example > high {
			example = 30 * time.Millisecond
		}
		return fmt.Errorf("%q: want a time from %v to %v, such as %v", text, low, high, example)
	}
	*to = v
	return nil
}

// perCent reads a share: "30%" or "30 %".
func perCent(text string, low, high float64, to *float64) error {
	digits, ok := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if text == "0" {
		ok = true
	}
	if !ok || err != nil || !(v >= low && v <= high) {
		return fmt.Errorf("%q: want per cent from %g%% to %g%%", text, low, high)
	}
	*to = v / 100
	return nil
}

func groups(text string, to *[]string) error {
	*to = nil
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name == "" {
			return errors.New("a name is empty")
		}
		*to = append(*to, name)
	}
	return nil
}
