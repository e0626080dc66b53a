package daemon

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"pqbench/kex"
)

// PostQuantum is the value of --post-quantum. The zero value is that nobody said anything.
type PostQuantum string

// The values. cloudflared has the first and the last.
const (
	PostQuantumStrict PostQuantum = "strict" // true
	PostQuantumPrefer PostQuantum = "prefer"
	PostQuantumOff    PostQuantum = "off" // false
)

// ParsePostQuantum reads strict, prefer or off, or a truth value.
func ParsePostQuantum(s string) (PostQuantum, error) {
	switch strings.ToLower(s) {
	case "true", "1", "t", "strict":
		return PostQuantumStrict, nil
	case "prefer":
		return PostQuantumPrefer, nil
	case "false", "0", "f", "off":
		return PostQuantumOff, nil
	}
	return "", fmt.Errorf("post-quantum %q is unknown; one of true (strict), prefer, false", s)
}

// On says that only hybrid groups are to be offered.
func (p PostQuantum) On() bool { return p == PostQuantumStrict }

// Policy is what p means for the offer.
func (p PostQuantum) Policy() kex.Policy {
	switch p {
	case PostQuantumStrict:
		return kex.Strict
	case PostQuantumPrefer:
		return kex.Prefer
	}
	return kex.Classical
}

// UnmarshalYAML reads what ParsePostQuantum reads.
func (p *PostQuantum) UnmarshalYAML(n *yaml.Node) (err error) {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: post-quantum wants true, false or prefer", n.Line)
	}
	if *p, err = ParsePostQuantum(n.Value); err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	return nil
}

// List is a list of words: in YAML also a single one, in a variable separated by commas.
type List []string

// UnmarshalYAML reads a word or a list of words.
func (l *List) UnmarshalYAML(n *yaml.Node) error {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	*l = nil
	for _, item := range items {
		if item.Kind != yaml.ScalarNode || item.Value == "" {
			return fmt.Errorf("line %d: want a word or a list of words", item.Line)
		}
		*l = append(*l, strings.Split(item.Value, ",")...)
	}
	return nil
}
