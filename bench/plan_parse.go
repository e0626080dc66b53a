package bench

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"pqbench/kex"
	"pqbench/tunnel/ca"
	"pqbench/tunnel/edge"
)

//go:embed plans/*.yaml
var builtin embed.FS

// Plans are the names of the plans that the program carries.
func Plans() []string {
	entries, err := builtin.ReadDir("plans")
	if err != nil {
		panic(err) // the folder is embedded
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// OpenPlan reads a plan: a name from Plans, or a path to a YAML file.
func OpenPlan(nameOrPath string) (*Plan, error) {
	if !strings.ContainsAny(nameOrPath, "./"+string(filepath.Separator)) {
		text, err := builtin.ReadFile("plans/" + nameOrPath + ".yaml")
		if err != nil {
			return nil, fmt.Errorf("open plan %q: no such plan%s; the plans are %s, or give a path to a .yaml file",
				nameOrPath, kex.DidYouMean(nameOrPath, Plans()), strings.Join(Plans(), ", "))
		}
		return ParsePlan(nameOrPath, text)
	}
	text, err := os.ReadFile(nameOrPath)
	if err != nil {
		return nil, fmt.Errorf("open plan: %w", err)
	}
	return ParsePlan(strings.TrimSuffix(filepath.Base(nameOrPath), filepath.Ext(nameOrPath)), text)
}

// ParsePlan reads a plan from YAML. name stands in for a plan that does not name itself. The error says the line, and
// the nearest valid name for a word that is not known.
func ParsePlan(name string, text []byte) (*Plan, error) {
	plan := &Plan{Name: name, Seed: 1}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("plan %q: %w", name, err)
	}
	if len(doc.Content) == 0 {
		return nil, fmt.Errorf("plan %q: the file is empty; it needs at least one entry under experiments", name)
	}
	err := knownFields(doc.Content[0], reflect.TypeFor[Plan]())
	if err == nil {
		err = doc.Content[0].Decode(plan)
	}
	if err == nil {
		err = plan.complete(doc.Content[0])
	}
	if err != nil {
		return nil, fmt.Errorf("plan %q: %w", name, oneLine(err))
	}
	return plan, nil
}

// oneLine turns the YAML library's list of type errors into the first of them, without the Go type it names.
func oneLine(err error) error {
	var types *yaml.TypeError
	if !errors.As(err, &types) || len(types.Errors) == 0 {
		return err
	}
	first, _, _ := strings.Cut(types.Errors[0], " into ")
	return errors.New(strings.Replace(first, "cannot unmarshal", "this field cannot be", 1))
}

// knownFields refuses mapping keys that the struct t has no field for, all the way down. The YAML library can do it,
// but its message names a Go type and not the nearest field.
func knownFields(n *yaml.Node, t reflect.Type) error {
	for t.Kind() == reflect.Slice {
		if n.Kind != yaml.SequenceNode {
			return nil // a scalar where a list may stand; the field's own decoding judges
		}
		t = t.Elem()
		for _, item := range n.Content {
			if err := knownFields(item, t); err != nil {
				return err
			}
		}
		return nil
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[yaml.Unmarshaler]()) {
		return nil // it reads itself
	}
	if t.Kind() != reflect.Struct || t.PkgPath() != reflect.TypeFor[Plan]().PkgPath() {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: want fields (name: value), got %q", n.Line, n.Value)
	}
	fields, names := fieldsOf(t)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		ft, ok := fields[key.Value]
		if !ok {
			return fmt.Errorf("line %d: unknown field %q%s", key.Line, key.Value, kex.DidYouMean(key.Value, names))
		}
		if err := knownFields(value, ft); err != nil {
			return err
		}
	}
	return nil
}

// fieldsOf are the keys of a struct, those of structs inlined in it among them.
func fieldsOf(t reflect.Type) (fields map[string]reflect.Type, names []string) {
	fields = map[string]reflect.Type{}
	for f := range t.NumField() {
		field := t.Field(f)
		key, flags, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if flags == "inline" {
			more, moreNames := fieldsOf(field.Type)
			maps.Copy(fields, more)
			names = append(names, moreNames...)
		}
		if key != "" {
			fields[key] = field.Type
			names = append(names, key)
		}
	}
	return fields, names
}

// UnmarshalYAML reads a group's name or a list of them.
func (o *Offer) UnmarshalYAML(n *yaml.Node) error {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	*o = nil
	for _, item := range items {
		g, err := kex.ByName(item.Value)
		if err != nil {
			return fmt.Errorf("line %d: %w", item.Line, err)
		}
		if slices.ContainsFunc(*o, func(other kex.Group) bool { return other.ID == g.ID }) {
			return fmt.Errorf("line %d: %s is listed twice in one offer", item.Line, g.Label())
		}
		*o = append(*o, g)
	}
	if len(*o) == 0 {
		return fmt.Errorf("line %d: an offer needs at least one group", n.Line)
	}
	return nil
}

// UnmarshalYAML reads a provider's name.
func (p *Provider) UnmarshalYAML(n *yaml.Node) error {
	v, err := kex.ParseProvider(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	*p = Provider(v)
	return nil
}

// UnmarshalYAML reads a kind of certificate.
func (c *Cert) UnmarshalYAML(n *yaml.Node) error {
	return oneOf(n, (*string)(c), "certificate", ca.Kinds())
}

// UnmarshalYAML reads the name of a stack.
func (s *Stack) UnmarshalYAML(n *yaml.Node) error {
	return oneOf(n, (*string)(s), "stack", []string{string(bare), string(closedLoads), string(openLoads), string(pqbench), string(pqbenchToday), string(realCloudflared)})
}

// UnmarshalYAML reads the name of a policy.
func (p *Policy) UnmarshalYAML(n *yaml.Node) error {
	v, err := kex.ParsePolicy(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	*p = Policy(v)
	return nil
}

// UnmarshalYAML reads what an edge accepts: a policy's name, or groups with commas between them. Whether the build
// speaks them is found out when the edge listens.
func (a *Accept) UnmarshalYAML(n *yaml.Node) error {
	if slices.Contains([]string{edge.AcceptAll, edge.AcceptPQ, edge.AcceptClassical}, n.Value) {
		*a = Accept(n.Value)
		return nil
	}
	for name := range strings.SplitSeq(n.Value, ",") {
		if _, err := kex.ByName(strings.TrimSpace(name)); err != nil {
			return fmt.Errorf("line %d: accepts: %w; or one of %s, %s, %s", n.Line, err, edge.AcceptAll, edge.AcceptPQ, edge.AcceptClassical)
		}
	}
	*a = Accept(n.Value)
	return nil
}

func oneOf(n *yaml.Node, to *string, what string, valid []string) error {
	if !slices.Contains(valid, n.Value) {
		return fmt.Errorf("line %d: unknown %s %q%s; one of %s", n.Line, what, n.Value, kex.DidYouMean(n.Value, valid), strings.Join(valid, ", "))
	}
	*to = n.Value
	return nil
}

// UnmarshalYAML reads the size of Initial datagrams. RFC 9000, section 14.1: at least 1200 bytes; 1452 is what
// quic-go sends at the most before it has probed the path.
func (i *Initial) UnmarshalYAML(n *yaml.Node) error {
	v, err := strconv.Atoi(n.Value)
	if err != nil || v < 1200 || v > 1452 {
		return fmt.Errorf("line %d: initial %q: want 1200 to 1452 bytes of UDP payload", n.Line, n.Value)
	}
	*i = Initial(v)
	return nil
}

// UnmarshalYAML reads a duration such as 300ms.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil || v <= 0 {
		return fmt.Errorf("line %d: %q is not a duration above zero, such as 300ms, 10s or 2m", n.Line, n.Value)
	}
	*d = Duration(v)
	return nil
}

// MarshalYAML writes it as it is read.
func (d Duration) MarshalYAML() (any, error) { return time.Duration(d).String(), nil }

// UnmarshalYAML reads a size such as 64KiB.
func (s *Size) UnmarshalYAML(n *yaml.Node) error {
	v, err := ParseSize(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	*s = Size(v)
	return nil
}

// ParseSize reads bytes with a unit: 512, 64KiB, 1MB, 2GiB.
func ParseSize(text string) (int64, error) {
	units := []struct {
		suffix string
		factor int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}
	for _, u := range units {
		digits, ok := strings.CutSuffix(text, u.suffix)
		if !ok {
			continue
		}
		v, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || v <= 0 || v > (1<<40)/u.factor {
			break
		}
		return v * u.factor, nil
	}
	return 0, errors.New(strconv.Quote(text) + " is not a size above zero, such as 512, 64KiB or 1MB")
}
