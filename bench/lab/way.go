package lab

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"pqbench/bench"
	"pqbench/bench/lab/link"
)

// Way is one direction of a path, as far as it differs from the other; what is left out does not.
type Way struct {
	Delay   Span           `yaml:"delay,omitempty"` // one way
	Loss    string         `yaml:"loss,omitempty"`
	Rate    Rate           `yaml:"rate,omitempty"`
	Queue   Queue          `yaml:"queue,omitempty"`
	MTU     int            `yaml:"mtu,omitempty"`
	Jitter  bench.Duration `yaml:"jitter,omitempty"`
	Reorder float64        `yaml:"reorder,omitempty"`
}

// ParseWay reads the values of a way by their names in a plan.
func ParseWay(values map[string]string) (*Way, error) {
	if len(values) == 0 {
		return nil, nil
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&text, "%s: %s\n", name, values[name])
	}
	w := &Way{}
	d := yaml.NewDecoder(strings.NewReader(text.String()))
	d.KnownFields(true)
	if err := d.Decode(w); err != nil {
		return nil, plain(err)
	}
	return w, nil
}

// over is d with what differs.
func (w *Way) over(d link.Direction) (link.Direction, error) {
	if w == nil {
		return d, nil
	}
	if w.Loss != "" {
		loss, err := link.ParseLoss(w.Loss)
		if err != nil {
			return d, err
		}
		d.Loss = loss
	}
	d.Delay = cmp.Or(time.Duration(w.Delay), d.Delay)
	d.Rate, d.Queue = cmp.Or(int64(w.Rate), d.Rate), cmp.Or(int(w.Queue), d.Queue)
	d.MTU, d.Jitter, d.Reorder = cmp.Or(w.MTU, d.MTU), cmp.Or(time.Duration(w.Jitter), d.Jitter), cmp.Or(w.Reorder, d.Reorder)
	return d, nil
}

// label is what differs, in an arm's name.
func (w *Way) label() string {
	if w == nil {
		return ""
	}
	text := "+down"
	if w.Delay != 0 {
		text += "+delay" + w.Delay.String()
	}
	return text + wayLabel(w.Rate, w.Queue, w.MTU, time.Duration(w.Jitter), w.Reorder)
}

// wayLabel is a direction's part in an arm's name, each value after a plus: "+1Mbit+mtu1280". The usual ones are left out.
func wayLabel(rate Rate, queue Queue, mtu int, jitter time.Duration, reorder float64) string {
	var text strings.Builder
	add := func(given bool, part string) {
		if given {
			text.WriteString("+" + part)
		}
	}
	add(rate != 0, rate.String())
	add(queue != 0, fmt.Sprintf("queue%dB", queue))
	add(mtu != 0, fmt.Sprintf("mtu%d", mtu))
	add(jitter != 0, "jitter"+jitter.String())
	add(reorder != 0, fmt.Sprintf("reorder%g%%", 100*reorder))
	return text.String()
}

// Rate is in bit/s; 0 is infinite.
type Rate int64

// UnmarshalYAML reads what link.ParseRate does.
func (r *Rate) UnmarshalYAML(n *yaml.Node) error {
	v, err := link.ParseRate(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	*r = Rate(v)
	return nil
}

// MarshalYAML writes it as it is read.
func (r Rate) MarshalYAML() (any, error) { return r.String(), nil }

// String is "1Mbit", "128kbit", "5".
func (r Rate) String() string {
	for _, u := range []struct {
		name string
		of   Rate
	}{{"Gbit", 1e9}, {"Mbit", 1e6}, {"kbit", 1e3}} {
		if r >= u.of && r%u.of == 0 {
			return fmt.Sprintf("%d%s", r/u.of, u.name)
		}
	}
	return strconv.FormatInt(int64(r), 10)
}

// Queue is a queue's size in bytes; 0 is the default of link.Direction.
type Queue int

// UnmarshalYAML reads what link.ParseQueue does.
func (q *Queue) UnmarshalYAML(n *yaml.Node) error {
	v, err := link.ParseQueue(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	*q = Queue(v)
	return nil
}
