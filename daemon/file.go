package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"pqbench/kex"
)

// A File is a connector's configuration file, with the keys that cloudflared's users have.
type File struct {
	ConnectorSettings `yaml:",inline"`
	OriginRequest     OriginRequest `yaml:"originRequest"`
	Ingress           []Rule        `yaml:"ingress"`

	// Warnings are about keys of cloudflared's that have no effect here.
	Warnings []string `yaml:"-"`
}

// withoutEffect are keys of cloudflared's that may stay in a file: what they ask for is so anyway, or is about
// services that pqbench never calls.
var withoutEffect = []string{
	"no-autoupdate", "autoupdate-freq", "no-prechecks", "metrics-update-freq", "edge-ip-version", "origincert",
	"transport-loglevel", "management-diagnostics",
}

// withoutSupport are keys of cloudflared's that change what is served, which a connector that passed over them would get
// wrong.
var withoutSupport = []string{
	"warp-routing", "hostname", "hello-world", "bastion", "proxy-dns", "unix-socket", "region", "edge-bind-address",
	"matchSNItoHost", "disableChunkedEncoding", "bastionMode",
	"proxyAddress", "proxyPort", "proxyType", "ipRules", "access",
}

// ReadFile reads a configuration file. The error says file and line.
func ReadFile(path string) (*File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	f, err := ParseFile(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// ParseFile reads a configuration file's text. Unknown keys are errors, which name the nearest known one. Every error
// names the line.
func ParseFile(text []byte) (*File, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	var doc yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return &File{}, nil
	} else if err != nil {
		return nil, yamlError(err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("line %d: a second YAML document follows (---); a configuration is one", lineAfter(doc.Content[0]))
	}
	f, root := &File{}, doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return f, nil // nothing but comments
	}
	if err := f.knownKeys(root, reflect.TypeFor[File]()); err != nil {
		return nil, err
	}
	if err := root.Decode(f); err != nil {
		return nil, yamlError(err)
	}
	return f, f.checkAt(root)
}

// checkAt is check, and the rules', with the line of what is wrong.
func (f *File) checkAt(root *yaml.Node) error {
	line := func(key string) int {
		for i := 0; i+1 < len(root.Content); i += 2 {
			if root.Content[i].Value == key {
				return root.Content[i].Line
			}
		}
		return root.Line
	}
	var wrong *SettingError
	if err := f.ConnectorSettings.check(); errors.As(err, &wrong) {
		return fmt.Errorf("line %d: %w", line(wrong.Key), err)
	}
	if f.URL != "" && f.Ingress != nil {
		return fmt.Errorf("line %d: url and ingress are two answers to one question; remove one", line("url"))
	}
	if err := f.OriginRequest.check(); err != nil {
		return fmt.Errorf("line %d: originRequest: %w", line("originRequest"), err)
	}
	return checkRules(f.Ingress, line("ingress"))
}

// knownKeys refuses keys of mappings that the struct t has no field for, all the way down.
func (f *File) knownKeys(n *yaml.Node, t reflect.Type) error {
	if n.Kind == yaml.AliasNode {
		return fmt.Errorf("line %d: write the value out; this file has no anchors and aliases", n.Line)
	}
	if t.Kind() == reflect.Slice && n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			if err := f.knownKeys(item, t.Elem()); err != nil {
				return err
			}
		}
		return nil
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: want keys and values (key: value)", n.Line)
	}
	fields := map[string]reflect.Type{}
	keysOf(t, fields)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		field, known := fields[key.Value]
		if known {
			if err := f.knownKeys(value, field); err != nil {
				return err
			}
			continue
		}
		if err := f.unknownKey(key, fields); err != nil {
			return err
		}
	}
	return nil
}

func (f *File) unknownKey(key *yaml.Node, fields map[string]reflect.Type) error {
	switch {
	case slices.Contains(withoutEffect, key.Value):
		f.Warnings = append(f.Warnings, fmt.Sprintf("line %d: %s has no effect here", key.Line, key.Value))
		return nil
	case slices.Contains(withoutSupport, key.Value):
		return fmt.Errorf("line %d: %s is a key of cloudflared that pqbench does not support; remove it", key.Line, key.Value)
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return fmt.Errorf("line %d: unknown key %q%s", key.Line, key.Value, kex.DidYouMean(key.Value, names))
}

// keysOf collects the YAML keys of a struct, those of inlined structs included.
func keysOf(t reflect.Type, to map[string]reflect.Type) {
	for field := range t.Fields() {
		key, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			keysOf(field.Type, to)
		case key != "" && key != "-":
			to[key] = field.Type
		}
	}
}

// checkText finds what the YAML library refuses without saying where.
func checkText(text []byte) error {
	line := 1
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size <= 1:
			return fmt.Errorf("line %d: not UTF-8", line)
		case r == '\n':
			line++
		case r < ' ' && r != '\t' && r != '\r' || r >= 0x7f && r < 0xa0 && r != 0x85 || r == 0xfffe || r == 0xffff:
			return fmt.Errorf("line %d: a control character (%U)", line, r)
		}
		text = text[size:]
	}
	return nil
}

// lineOf finds the line in an error of the YAML library.
var lineOf = regexp.MustCompile(`line (\d+): `)

// yamlError turns the library's errors, which may be a list and name Go types, into one line that begins with "line N".
func yamlError(err error) error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	var types *yaml.TypeError
	if errors.As(err, &types) && len(types.Errors) > 0 {
		message, _, _ = strings.Cut(types.Errors[0], " into ")
		message = strings.Replace(message, "cannot unmarshal", "this key cannot be", 1)
	}
	message, _, _ = strings.Cut(message, "\n")
	if at := lineOf.FindStringIndex(message); at != nil {
		return errors.New(message[at[0]:])
	}
	return fmt.Errorf("line 1: %s", message) // the library says none when the text fails as a whole
}

// lineAfter is the last line that a node is known to reach.
func lineAfter(n *yaml.Node) int {
	for len(n.Content) > 0 {
		n = n.Content[len(n.Content)-1]
	}
	return n.Line + 1
}
