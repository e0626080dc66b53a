package bench

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"pqbench/kex"
	"pqbench/loadgen"
)

// Load is what the experiments rate and knee drive, and how.
type Load struct {
	// Drive is what a unit of load is: handshakes (the default), or requests through tunnels.
	Drive string `yaml:"drive,omitempty"`
	// Rates are offered, each an arm of its own. Phases are the long form of a rate and a time.
	Rates  []Rate  `yaml:"rates,omitempty"`
	Phases []Phase `yaml:"phases,omitempty"`
	// Arrivals is constant, poisson (the default) or trace, which takes the instants from the file Trace.
	Arrivals string `yaml:"arrivals,omitempty"`
	Trace    string `yaml:"trace,omitempty"`
	// Lead is a warm-up at the first rate in front of every trial.
	Lead Duration `yaml:"lead,omitempty"`
	// Loop is open (the default) or closed: then nothing arrives, and concurrency is kept in flight.
	Loop string `yaml:"loop,omitempty"`
	// InFlight is how many units may be in flight; one that comes on top is dropped.
	InFlight int `yaml:"in_flight,omitempty"`
	// Procs is over how many processes the generator is spread.
	Procs int `yaml:"procs,omitempty"`
	// EdgeCores are how many processor cores the edge may use; the generator has the others.
	EdgeCores []int `yaml:"edge_cores,omitempty"`
	// Target is a QUIC server of the user's own in place of an edge.
	Target *Target `yaml:"target,omitempty"`

	Bounds `yaml:",inline"`
}

// The values of Load's fields.
const (
	driveHandshakes = "handshakes"
	driveRequests   = "requests"
	arrivalsTrace   = "trace"
	arrivalsPoisson = "poisson"
	arrivalsEven    = "constant"
	loopOpen        = "open"
	loopClosed      = "closed"
)

// Target is a QUIC server of the user's own.
type Target struct {
	Address  string   `yaml:"address"` // host:port
	ALPN     []string `yaml:"alpn,omitempty"`
	SNI      string   `yaml:"sni,omitempty"` // default the host of the address
	Insecure bool     `yaml:"insecure,omitempty"`
	// CA is a file of certificates to trust in place of the system's, PEM.
	CA string `yaml:"ca,omitempty"`
}

// Phase is a stretch of load: at a rate, or from one to another.
type Phase struct {
	Name   string   `yaml:"name"`
	Time   Duration `yaml:"time"`
	Rate   Rate     `yaml:"rate"`
	To     Rate     `yaml:"to,omitempty"`
	Warmup bool     `yaml:"warmup,omitempty"`
}

// Rate is in units of load a second.
type Rate float64

// ParseRate reads a rate: 50/s, 3000/m, 7200/h, or a plain number of units a second.
func ParseRate(text string) (Rate, error) {
	number, per, given := strings.Cut(text, "/")
	seconds, ok := map[string]float64{"s": 1, "m": 60, "min": 60, "h": 3600}[per]
	if !given {
		seconds, ok = 1, true
	}
	v, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(v > 0) || math.IsInf(v, 1) {
		return 0, errors.New(strconv.Quote(text) + " is not a rate above zero, such as 50/s or 3000/m")
	}
	return Rate(v / seconds), nil
}

// String is the rate a second, as ParseRate reads it.
func (r Rate) String() string { return strconv.FormatFloat(float64(r), 'g', 6, 64) + "/s" }

// UnmarshalYAML reads a rate such as 50/s.
func (r *Rate) UnmarshalYAML(n *yaml.Node) error {
	v, err := ParseRate(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	*r = v
	return nil
}

// MarshalYAML writes it as it is read.
func (r Rate) MarshalYAML() (any, error) { return r.String(), nil }

// fill takes over the defaults of what is not said.
func (l *Load) fill(d Load) {
	if l.Trace != "" && l.Arrivals == "" {
		l.Arrivals = arrivalsTrace
	}
	l.Drive, l.Arrivals, l.Loop = cmp.Or(l.Drive, d.Drive), cmp.Or(l.Arrivals, d.Arrivals), cmp.Or(l.Loop, d.Loop)
	l.InFlight, l.Procs = cmp.Or(l.InFlight, d.InFlight), cmp.Or(l.Procs, d.Procs)
	l.Lead = cmp.Or(l.Lead, d.Lead)
	l.Bounds.fill(d.Bounds, l.Drive)
}

// checkLoad is inRange for the fields of Load.
func (e *Experiment) checkLoad() error {
	l := &e.Load
	for _, f := range []struct {
		name, value string
		valid       []string
	}{
		{"drive", l.Drive, []string{driveHandshakes, driveRequests}}, {"loop", l.Loop, []string{loopOpen, loopClosed}},
		{"arrivals", l.Arrivals, []string{arrivalsPoisson, arrivalsEven, arrivalsTrace}},
	} {
		if !slices.Contains(f.valid, f.value) {
			return fmt.Errorf("unknown %s %q%s; one of %s", f.name, f.value, kex.DidYouMean(f.value, f.valid), strings.Join(f.valid, ", "))
		}
	}
	for _, f := range []struct {
		name      string
		value     int
		low, high int
	}{{"in_flight", l.InFlight, 1, 16_384}, {"procs", l.Procs, 1, 64}} {
		if f.value < f.low || f.value > f.high {
			return fmt.Errorf("%s: %d is out of range, want %d to %d", f.name, f.value, f.low, f.high)
		}
	}
	if i := slices.IndexFunc(l.EdgeCores, func(n int) bool { return n < 1 }); i >= 0 {
		return fmt.Errorf("edge_cores: %d are none; leave it out, and all parts share the host's", l.EdgeCores[i])
	}
	if l.Target != nil && (l.Drive == driveRequests || len(l.EdgeCores) > 0) {
		return errors.New("target: requests and edge_cores need a local edge; leave the target out")
	}
	if l.Loop == loopClosed && l.Procs > slices.Min(e.Concurrency) {
		return fmt.Errorf("concurrency: %d is too little for %d processes", slices.Min(e.Concurrency), l.Procs)
	}
	if l.Procs > l.InFlight {
		return fmt.Errorf("in_flight: %d are too few for %d processes", l.InFlight, l.Procs)
	}
	return errors.Join(once("rates", l.Rates), once("edge_cores", l.EdgeCores), e.checkSchedule())
}

// checkSchedule tries the schedule out.
func (e *Experiment) checkSchedule() error {
	given := 0
	for _, is := range []bool{len(e.Rates) > 0, len(e.Phases) > 0, e.Trace != "", e.Loop == loopClosed} {
		if is {
			given++
		}
	}
	switch {
	case e.Run == "knee" && e.Loop == loopClosed:
		return errors.New("loop: a closed loop has no knee: nothing arrives in it")
	case e.Run == "knee":
		return e.Bounds.check()
	case given != 1:
		return errors.New("say one of rates, phases, trace and loop: closed")
	case (e.Arrivals == arrivalsTrace) != (e.Trace != ""):
		return errors.New("arrivals: trace and a trace's file go together")
	}
	names := map[string]bool{}
	measured := false
	for _, p := range e.Phases {
		if p.Name == "" || strings.ContainsAny(p.Name, "/=, ") || names[p.Name] {
			return fmt.Errorf("phases: the name %q is empty, taken, or has a sign that names of arms cannot have", p.Name)
		}
		names[p.Name] = true
		measured = measured || !p.Warmup
	}
	if len(e.Phases) > 0 && !measured {
		return errors.New("phases: all of them are warm-up")
	}
	for _, rate := range append(slices.Clone(e.Rates), 0)[:max(1, len(e.Rates))] {
		phases, err := e.phases(rate)
		if err == nil && e.Loop != loopClosed {
			_, err = loadgen.Schedule(phases, 1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// phases are the schedule of an arm with that rate; of a closed loop, its times alone.
func (e *Experiment) phases(rate Rate) (list []loadgen.Phase, err error) {
	poisson := e.Arrivals == arrivalsPoisson
	switch {
	case e.Trace != "":
		recorded, err := readTrace(e.Trace)
		if err != nil {
			return nil, err
		}
		return []loadgen.Phase{recorded}, nil
	case len(e.Phases) > 0:
		for _, p := range e.Phases {
			to := p.To
			if to == 0 {
				to = p.Rate
			}
			list = append(list, loadgen.Phase{Name: p.Name, Time: time.Duration(p.Time), From: float64(p.Rate), To: float64(to), Poisson: poisson, Warmup: p.Warmup})
		}
	default:
		list = []loadgen.Phase{{Time: time.Duration(e.Time), From: float64(rate), To: float64(rate), Poisson: poisson}}
	}
	if e.Lead > 0 {
		list = slices.Insert(list, 0, loadgen.Phase{
			Name: "lead", Time: time.Duration(e.Lead), From: list[0].From, To: list[0].From, Poisson: poisson, Warmup: true,
		})
	}
	return list, nil
}

func readTrace(name string) (loadgen.Phase, error) {
	file, err := os.Open(name)
	if err != nil {
		return loadgen.Phase{}, fmt.Errorf("trace: %w", err)
	}
	defer file.Close()
	at, err := loadgen.ParseTrace(file)
	if err != nil {
		return loadgen.Phase{}, fmt.Errorf("trace %s: %w", name, err)
	}
	return loadgen.TracePhase(at), nil
}
