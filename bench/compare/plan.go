package compare

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"pqbench/bench"
	"pqbench/bench/role"
	"pqbench/kex"
	"pqbench/results"
)

//go:embed plan.yaml
var defaultPlan []byte

// A Plan says what is measured and what counts as a difference.
type Plan struct {
	Experiments []Experiment     `yaml:"experiments"`
	Metrics     map[string]Limit `yaml:"metrics"` // by experiment and name, joined with a slash
}

// An Experiment is one kind of round. Fields that its kind does not use are zero.
type Experiment struct {
	// Name says what is done: handshake, requests, goodput, wire, or kex with the provider behind a dash.
	Name string `yaml:"name"`
	// Share is the experiment's part of the time, in any unit: only its ratio to the others counts.
	Share    float64      `yaml:"share"`
	Group    string       `yaml:"group"`
	Provider kex.Provider `yaml:"provider"`
	// Concurrency is how many handshakes, requests or transfers are in flight.
	Concurrency int `yaml:"concurrency"`
	// Count is the handshakes of a slice, Warmup those before the first that are not counted.
	Count  int `yaml:"count"`
	Warmup int `yaml:"warmup"`
	// Slices is how many turns an arm has in a round; its value is the mean of them.
	Slices int `yaml:"slices"`
	// AtOnce lets all arms have their turns at the same time, their edges on one core and what talks to them on another:
	// whatever the machine does to a core meets all arms in the same milliseconds. It is for what a process takes, CPU time
	// and memory, and not for how long something lasts, since what is waited for is the other arms' work as well. Where
	// processes cannot be confined to cores, arms take turns.
	AtOnce bool           `yaml:"at_once"`
	Time   bench.Duration `yaml:"time"` // of a slice of requests, or of a key agreement operation
	Size   bench.Size     `yaml:"size"` // of a slice's transfers together, each way
}

// A Limit says what counts as a difference of a metric.
type Limit struct {
	// Threshold is the least difference that counts, as a share of the base.
	Threshold Share `yaml:"threshold"`
	// Equivalent is the margin within which "unchanged" is claimed; 0 is twice the threshold.
	Equivalent Share `yaml:"equivalent"`
	// Weight is the metric's share of the level of significance, in any unit; default 1. It says which differences are worth
	// finding at the price of the others.
	Weight float64 `yaml:"weight"`
	// Ignore leaves the metric out.
	Ignore bool `yaml:"ignore"`
}

func (l Limit) margin() float64 {
	if l.Equivalent > 0 {
		return float64(l.Equivalent)
	}
	return 2 * float64(l.Threshold)
}

func (l Limit) weight() float64 {
	if l.Weight > 0 {
		return l.Weight
	}
	return 1
}

// A Share is written as a percentage ("0.5%") or a number (0.005).
type Share float64

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *Share) UnmarshalYAML(n *yaml.Node) error {
	text, percent := strings.CutSuffix(n.Value, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !(v >= 0 && v < 1e6) {
		return fmt.Errorf("line %d: %q is no share: write it like 0.5%% or 0.005", n.Line, n.Value)
	}
	if percent {
		v /= 100
	}
	*s = Share(v)
	return nil
}

// OpenPlan is the default plan, with what a YAML file says in its place: experiments as a whole, metrics one by one. An
// empty path is the default.
func OpenPlan(path string) (Plan, error) {
	plan, err := parsePlan(Plan{}, defaultPlan)
	if err != nil {
		return Plan{}, fmt.Errorf("the default plan: %w", err)
	}
	if path == "" {
		return plan, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Plan{}, fmt.Errorf("thresholds: %w", err)
	}
	if plan, err = parsePlan(plan, text); err == nil {
		err = plan.has(text)
	}
	if err != nil {
		return Plan{}, fmt.Errorf("thresholds %s: %w", path, err)
	}
	return plan, nil
}

// has refuses a metric that a file names of an experiment that the plan has not: it would have no effect.
func (p Plan) has(text []byte) error {
	var named struct {
		Metrics map[string]yaml.Node `yaml:"metrics"`
	}
	if err := yaml.Unmarshal(text, &named); err != nil {
		return oneLine(err)
	}
	for _, key := range slices.Sorted(maps.Keys(named.Metrics)) {
		name, _, _ := metricOf(key)
		if !slices.ContainsFunc(p.Experiments, func(e Experiment) bool { return e.Name == name }) {
			return fmt.Errorf("metric %q: the plan has no experiment %q", key, name)
		}
	}
	return nil
}

func parsePlan(onto Plan, text []byte) (Plan, error) {
	onto.Metrics = maps.Clone(onto.Metrics)
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&onto); err != nil && !errors.Is(err, io.EOF) {
		return Plan{}, oneLine(err)
	}
	return onto, onto.check()
}

// oneLine is the first of the YAML library's errors, without the Go type it names.
func oneLine(err error) error {
	var types *yaml.TypeError
	if !errors.As(err, &types) || len(types.Errors) == 0 {
		return err
	}
	first, _, _ := strings.Cut(types.Errors[0], " in type ")
	first, _, _ = strings.Cut(first, " into ")
	return errors.New(first)
}

// kinds are the experiments' names, and which fields each needs.
var kinds = map[string]func(Experiment) bool{
	"handshake": func(e Experiment) bool { return e.Concurrency > 0 && e.Count > 0 },
	"requests":  func(e Experiment) bool { return e.Concurrency > 0 && e.Time > 0 },
	"goodput":   func(e Experiment) bool { return e.Concurrency > 0 && e.Size > 0 },
	"wire":      func(e Experiment) bool { return e.Count > 0 },
	"kex":       func(e Experiment) bool { return e.Time > 0 },
}

// lasting are the metrics that tell how long something lasts, and not what it takes.
var lasting = []string{"handshake_p50", "service_p50"}

// kind is the experiment's name without what tells it from others of its kind.
func (e Experiment) kind() string {
	kind, _, _ := strings.Cut(e.Name, "-")
	return kind
}

// patience is how long a turn, or the beginning of a round, can take at most: its handshakes and transfers have time-outs
// of their own, and whatever takes longer hangs.
func (e Experiment) patience() time.Duration {
	one := max(e.Count, e.Warmup)/max(e.Concurrency, 1) + 2 // a transfer each way
	return time.Minute + time.Duration(one)*timeout + 10*time.Duration(e.Time)
}

// apart reports whether the arms have their turns at once, on cores that are apart.
func (e Experiment) apart() bool { return e.AtOnce && role.Confines && runtime.NumCPU() > 1 }

func (p *Plan) check() error {
	names := map[string]bool{}
	for i, e := range p.Experiments {
		complete, ok := kinds[e.kind()]
		switch {
		case !ok:
			return fmt.Errorf("experiment %q is not known: it is one of %s, with anything behind a dash", e.Name,
				strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
		case names[e.Name]:
			return fmt.Errorf("experiment %q is there twice: give the second a name like %s-2", e.Name, e.Name)
		case !(e.Share > 0):
			return fmt.Errorf("experiment %q: share %v: it needs some of the time", e.Name, e.Share)
		case !complete(e) || min(e.Concurrency, e.Count, e.Warmup, e.Slices) < 0:
			return fmt.Errorf("experiment %q: count, concurrency, time or size is missing or below 1", e.Name)
		}
		if _, err := kex.ByName(e.Group); err != nil {
			return fmt.Errorf("experiment %q: %w", e.Name, err)
		}
		if _, err := kex.ParseProvider(string(e.Provider)); err != nil {
			return fmt.Errorf("experiment %q: %w", e.Name, err)
		}
		p.Experiments[i].Slices = max(e.Slices, 1)
		names[e.Name] = true
	}
	for key, limit := range p.Metrics {
		if limit.Weight < 0 {
			return fmt.Errorf("metric %q: weight %v is negative: leave a metric out with ignore", key, limit.Weight)
		}
		name, metric, ok := metricOf(key)
		if !ok {
			return fmt.Errorf("metric %q is not known: it is an experiment and a metric's name, such as handshake/total_cpu", key)
		}
		if e := p.experiment(name); e.AtOnce && slices.Contains(lasting, metric.Name) && !limit.Ignore {
			return fmt.Errorf("metric %q is how long something lasts, and with at_once the other arms' work would be in it: give it an experiment in turn, as handshake-time is", key)
		}
	}
	return nil
}

// experiment is the one of a name that is the plan's.
func (p Plan) experiment(name string) Experiment {
	for _, e := range p.Experiments {
		if e.Name == name {
			return e
		}
	}
	return Experiment{Name: name}
}

// metricOf finds what a key of Plan.Metrics means.
func metricOf(key string) (experiment string, m results.Metric, ok bool) {
	experiment, name, _ := strings.Cut(key, "/")
	m, ok = results.MetricByName(name)
	return experiment, m, ok
}

// A Metric is a number under judgement.
type Metric struct {
	Key        string // of Plan.Metrics
	Experiment string
	results.Metric
	Limit
}

// metrics are those of the plan's experiments, in the order of these and of results.Metrics.
func (p Plan) metrics() (list []Metric) {
	for _, e := range p.Experiments {
		for _, m := range results.Metrics() {
			key := e.Name + "/" + m.Name
			if limit, ok := p.Metrics[key]; ok && !limit.Ignore {
				list = append(list, Metric{Key: key, Experiment: e.Name, Metric: m, Limit: limit})
			}
		}
	}
	return list
}
