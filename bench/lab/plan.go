package lab

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"pqbench/bench"
	"pqbench/kex"
)

//go:embed plans/*.yaml
var builtin embed.FS

// Plan is what the lab does: experiments in order, each the product of its factors.
type Plan struct {
	Name  string `yaml:"name"`
	Title string `yaml:"title,omitempty"`
	Seed  uint64 `yaml:"seed"`
	// CPU is what computing costs; without it, it takes no time.
	CPU         *Costs       `yaml:"cpu,omitempty"`
	Experiments []Experiment `yaml:"experiments"`
}

// The kinds of experiment.
const (
	Paths       = "paths"       // how long handshakes and first requests take over paths
	Middleboxes = "middleboxes" // who connects through which middlebox
	Silence     = "silence"     // whether a tunnel that was left alone still answers
)

// Experiment is one experiment of a plan. Every list is a factor.
type Experiment struct {
	Run      string         `yaml:"run"`
	Groups   []string       `yaml:"groups,omitempty"`   // default: every group of the build
	Policies []string       `yaml:"policies,omitempty"` // what stands beside a hybrid: strict (default), prefer, classical
	Accept   string         `yaml:"accept,omitempty"`   // of the edge; default all
	Cert     string         `yaml:"cert,omitempty"`     // default ecdsa-p256
	Profiles []string       `yaml:"profiles,omitempty"` // named paths, in place of the following
	RTT      []Span         `yaml:"rtt,omitempty"`
	Loss     []string       `yaml:"loss,omitempty"` // each way: "5%", or "gilbert-elliott(p,r)"
	Rate     Rate           `yaml:"rate,omitempty"` // each way; default infinite
	Queue    Queue          `yaml:"queue,omitempty"`
	MTU      int            `yaml:"mtu,omitempty"` // UDP payload, bytes
	Jitter   bench.Duration `yaml:"jitter,omitempty"`
	Reorder  float64        `yaml:"reorder,omitempty"`
	// Down is what differs on the way from the server to the client.
	Down *Way `yaml:"down,omitempty"`
	// Middleboxes stand on the path, one at a time; "none" is a path without.
	Middleboxes []string `yaml:"middleboxes,omitempty"`
	Count       int      `yaml:"count,omitempty"` // trials of each cell
	// Requests are the sizes of first requests, through tunnels of their own, and RequestCount the trials for each cell.
	Requests     []bench.Size `yaml:"requests,omitempty"`
	RequestCount int          `yaml:"request-count,omitempty"`
	// Timers are the tunnels' keep-alive periods and idle time-outs, and Silence is how long each is left alone before it
	// is asked for 1 kB; of the experiment silence.
	Timers  []bench.Timers `yaml:"timers,omitempty"`
	Silence bench.Duration `yaml:"silence,omitempty"`
	// Clients are how many dial one server at the same instant, and Cores how many of these it computes for at once; where
	// computing takes time.
	Clients []int `yaml:"clients,omitempty"`
	Cores   int   `yaml:"server-cores,omitempty"`

	cpu *Costs // the plan's
}

// Span is a duration that may be zero.
type Span time.Duration

// UnmarshalYAML reads 0 or a duration such as 100ms.
func (s *Span) UnmarshalYAML(n *yaml.Node) error {
	v, err := ParseSpan(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	*s = v
	return nil
}

// MarshalYAML writes it as it is read.
func (s Span) MarshalYAML() (any, error) { return s.String(), nil }

// String is "0", "20ms", "1s".
func (s Span) String() string {
	if s == 0 {
		return "0"
	}
	return time.Duration(s).String()
}

// ParseSpan reads "0" or a duration that is not negative.
func ParseSpan(text string) (Span, error) {
	if text == "0" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration, such as 0, 20ms or 1s", text)
	}
	return Span(d), nil
}

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
	if slices.Contains(Plans(), nameOrPath) {
		text, err := builtin.ReadFile("plans/" + nameOrPath + ".yaml")
		if err != nil {
			return nil, err
		}
		return ParsePlan(nameOrPath, text)
	}
	if !strings.ContainsAny(nameOrPath, "./"+string(filepath.Separator)) {
		return nil, fmt.Errorf("open lab plan %q: no such plan%s; the plans are %s, or give a path to a .yaml file",
			nameOrPath, kex.DidYouMean(nameOrPath, Plans()), strings.Join(Plans(), ", "))
	}
	text, err := os.ReadFile(nameOrPath)
	if err != nil {
		return nil, fmt.Errorf("open lab plan: %w", err)
	}
	return ParsePlan(strings.TrimSuffix(filepath.Base(nameOrPath), filepath.Ext(nameOrPath)), text)
}

// ParsePlan reads a plan from YAML, and refuses what no network can have, or the lab does not know, before anything runs.
func ParsePlan(name string, text []byte) (*Plan, error) {
	p := &Plan{Name: name, Seed: 1}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(p); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file is empty; it needs at least one entry under experiments")
		}
		return nil, fmt.Errorf("lab plan %q: %w", name, plain(err))
	}
	if err := p.Complete(); err != nil {
		return nil, fmt.Errorf("lab plan %q: %w", name, err)
	}
	return p, nil
}

var unknownField = regexp.MustCompile(`(line \d+): field (\S+) not found in type \S+`)

// plain is the first line of a YAML library's error, without the Go types it names.
func plain(err error) error {
	var types *yaml.TypeError
	if !errors.As(err, &types) || len(types.Errors) == 0 {
		return err
	}
	first, _, _ := strings.Cut(types.Errors[0], " into ")
	if m := unknownField.FindStringSubmatch(types.Errors[0]); m != nil {
		first = fmt.Sprintf("%s: unknown field %q", m[1], m[2])
	}
	return errors.New(first)
}

// Text is the plan as it runs, as YAML that ParsePlan reads.
func (p *Plan) Text() string {
	text, err := yaml.Marshal(p)
	if err != nil {
		panic(err) // of strings and numbers
	}
	return string(text)
}
