package capacity

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"pqbench/bench"
	"pqbench/bench/capacity/storm"
	"pqbench/results"
)

// A Check holds the simulation against a storm that was measured, at its size and with its parameters.
type Check struct {
	Run, Group string
	Arm        results.Arm
	Blocks     int
	Metrics    []CheckedMetric
	// Refused says why it was not simulated.
	Refused string
	// Unaccepted are dials that were refused, in all blocks, by an edge that had no limit of its own, before their handshake
	// was complete at the client or after: quic-go's queue of connections for a server to accept was full.
	Unaccepted int
	// LostAgain are connections that ended after they were back, in all blocks.
	LostAgain int

	// The first block over time: seconds since the edge's return, and the share of connections that are back, %.
	times, measured, predicted []float64
}

// A CheckedMetric is a prediction beside its measurement: medians over the blocks. A block in which it did not come to
// pass within the time that was watched is in them as +Inf: it is censored, not left out.
type CheckedMetric struct {
	Name, Unit string
	// OnlyForShow is what explains the others, and is not held against them.
	OnlyForShow         bool
	Predicted, Measured float64
	// PredictedBlocks and MeasuredBlocks are those in which it came to pass.
	PredictedBlocks, MeasuredBlocks int
	// Law is the prediction where neither end takes any time to compute: that of the connectors' waits alone.
	Law float64
}

// ByLaw reports whether the connectors' waits alone are as near to the measurement: the prediction then says nothing about
// costs.
func (m CheckedMetric) ByLaw() bool {
	m.Predicted, m.PredictedBlocks = m.Law, m.MeasuredBlocks
	return m.OK()
}

// Miss is how much the prediction is above the measurement, as a share of it: 0 where neither came to pass, −1 and +Inf
// where one of them did.
func (m CheckedMetric) Miss() float64 {
	switch {
	case math.IsInf(m.Measured, 1) && math.IsInf(m.Predicted, 1):
		return 0
	case math.IsInf(m.Measured, 1):
		return -1
	}
	return m.Predicted/m.Measured - 1
}

// within is how near a prediction has to be.
const within = 0.15

// OK reports whether the prediction is near enough, and came to pass in as many blocks as the measurement did.
func (m CheckedMetric) OK() bool {
	return m.PredictedBlocks == m.MeasuredBlocks && m.Miss() >= -within && m.Miss() <= within
}

// A checked metric is one that is held against its measurement, with its name in a trial.
type checked struct {
	name, unit  string
	of          func(r *storm.Result, c *storm.Config) (float64, bool)
	measured    func(values map[string]float64, c *storm.Config) (float64, bool) // nil: the trial's value of that name
	onlyForShow bool                                                             // and not held against it
}

var checkedMetrics = []checked{
	{name: "recover_50", unit: "ns", of: recoveredIn(0.5)}, {name: "recover_99", unit: "ns", of: recoveredIn(0.99)}, {name: "recover_100", unit: "ns", of: recoveredIn(1)},
	{name: "peak_rate", unit: "/s", of: func(r *storm.Result, _ *storm.Config) (float64, bool) { return r.PeakHandshakes(time.Second), true }},
	{name: "edge_cpu_share", unit: share, of: busy(func(r *storm.Result) time.Duration { return r.EdgeBusy }), measured: spent("edge_storm_cpu"), onlyForShow: true},
	{name: "connector_cpu_share", unit: share, of: busy(func(r *storm.Result) time.Duration { return r.PeerBusy }), measured: spent("connector_return_cpu"), onlyForShow: true},
}

func recoveredIn(share float64) func(*storm.Result, *storm.Config) (float64, bool) {
	return func(r *storm.Result, _ *storm.Config) (float64, bool) {
		after, ok := r.Recovered(share)
		return float64(after), ok
	}
}

// share is the unit of a part of something.
const share = "share"

// busy is the part of the machine's cores that one end took until all were back, or for as long as was watched.
func busy(end func(r *storm.Result) time.Duration) func(*storm.Result, *storm.Config) (float64, bool) {
	return func(r *storm.Result, c *storm.Config) (float64, bool) {
		all, ok := r.Recovered(1)
		if !ok {
			all = c.Horizon
		}
		return end(r).Seconds() / all.Seconds() / float64(c.Cores), all > 0
	}
}

// spent is the same of what was measured under that name.
func spent(name string) func(map[string]float64, *storm.Config) (float64, bool) {
	return func(values map[string]float64, c *storm.Config) (float64, bool) {
		cpu, ok := values[name]
		all, back := values["recover_100"]
		if !back {
			all = float64(c.Horizon)
		}
		return cpu / all / float64(c.Cores), ok && all > 0
	}
}

// Validate simulates every storm that the runs measured, trial by trial, with the dice of the trial.
func (m *Measured) Validate(ctx context.Context) ([]Check, error) {
	var out []Check
	for i := range m.runs {
		r := &m.runs[i]
		for arm, a := range r.manifest.Arms {
			if a.Experiment != "storm" || a.Arm.AA {
				continue
			}
			c, err := m.check(ctx, r, arm)
			if err != nil {
				return nil, err
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// check is of one arm.
func (m *Measured) check(ctx context.Context, r *run, arm int) (Check, error) {
	c := Check{Run: r.name, Arm: r.manifest.Arms[arm].Arm}
	c.Group = c.Arm.Group
	config, err := m.measuredStorm(r, arm)
	if err != nil {
		c.Refused = err.Error()
		return c, nil
	}
	metrics := newTallies()
	for _, t := range r.trials {
		if t.Arm != arm {
			continue
		}
		config := perTrial(config, &t)
		result, err := storm.Run(ctx, config)
		if err != nil {
			return c, fmt.Errorf("%s: %w", r.name, err)
		}
		law, err := storm.Run(ctx, waitsAlone(config))
		if err != nil {
			return c, fmt.Errorf("%s: %w", r.name, err)
		}
		for i := range metrics {
			metrics[i].add(&t, &result, &law, &config)
		}
		if config.Cap == 0 {
			c.Unaccepted += int(t.Values["failed_refused"] + t.Values["unregistered"])
		}
		c.LostAgain += int(t.Values["lost_again"])
		if c.Blocks++; c.Blocks == 1 {
			c.course(&t, &result)
		}
	}
	if c.Blocks == 0 {
		c.Refused = "no trial came to its end"
		return c, nil
	}
	for i := range metrics {
		if m := metrics[i].metric(); !m.OnlyForShow || m.MeasuredBlocks > 0 {
			c.Metrics = append(c.Metrics, m)
		}
	}
	return c, nil
}

// A tally is a metric's values, block by block, +Inf where it did not come to pass.
type tally struct {
	checked
	predicted, measured, law []float64
}

func newTallies() []tally {
	out := make([]tally, len(checkedMetrics))
	for i, m := range checkedMetrics {
		out[i].checked = m
	}
	return out
}

func (t *tally) add(trial *results.Trial, r, law *storm.Result, c *storm.Config) {
	got, ok := trial.Values[t.name]
	if t.checked.measured != nil {
		got, ok = t.checked.measured(trial.Values, c)
	}
	if !ok {
		got = math.Inf(1)
	}
	of := func(r *storm.Result) float64 {
		if v, ok := t.of(r, c); ok {
			return v
		}
		return math.Inf(1)
	}
	t.predicted, t.law, t.measured = append(t.predicted, of(r)), append(t.law, of(law)), append(t.measured, got)
}

func (t *tally) metric() CheckedMetric {
	return CheckedMetric{t.name, t.unit, t.onlyForShow, middle(t.predicted), middle(t.measured), finites(t.predicted), finites(t.measured), middle(t.law)}
}

// middle is the median of values of which some are +Inf, which cannot be interpolated.
func middle(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

func finites(values []float64) (n int) {
	for _, v := range values {
		if !math.IsInf(v, 0) {
			n++
		}
	}
	return n
}

// measuredStorm is what a measured storm of an arm is simulated with, but for what is a trial's own. Both ends and all
// arms that ran at the same time share the machine's cores.
func (m *Measured) measuredStorm(r *run, arm int) (storm.Config, error) {
	a := r.manifest.Arms[arm].Arm
	plan, err := bench.ParsePlan(r.manifest.Plan, []byte(r.manifest.PlanText))
	if err != nil {
		return storm.Config{}, fmt.Errorf("its plan cannot be read: %w", err)
	}
	ending, _, _ := strings.Cut(a.Outage, " ")
	switch {
	case a.Share != "":
		return storm.Config{}, errors.New("a fleet of several groups is not simulated")
	case ending == "colo":
		return storm.Config{}, errors.New("the loss of one data center of two is not simulated: its connections find the other one, and the edge has not to come back")
	case ending != "close" && ending != "kill":
		return storm.Config{}, fmt.Errorf("an outage of the kind %q is not simulated: the edge has to come back", a.Outage)
	}
	timers, err := bench.ParseTimers(a.Timers)
	if err != nil {
		return storm.Config{}, fmt.Errorf("timers: %w", err)
	}
	costs := slices.IndexFunc(m.Costs, func(c Costs) bool { return c.Group == a.Group })
	if costs < 0 {
		return storm.Config{}, fmt.Errorf("%s is not one of the groups: add it with --group", a.Group)
	}
	c := &m.Costs[costs]
	if c.reconnect() == nil || c.peerReconnect() == nil {
		return storm.Config{}, errors.New(c.Missing[edgeHandshake])
	}
	client, server := c.flights()
	handshake, registration := c.steps()
	peer, peerRegistration := c.peerSteps()
	s := storm.Config{
		Tunnels: a.Tunnels, Cores: r.manifest.Host.Cores, Speed: 1 / float64(atOnce(plan, r.manifest, a)),
		Service: handshake, Registration: registration, Shape: c.Shape, Shared: peer, SharedRegistration: peerRegistration,
		Upkeep: c.each(upkeep), SharedUpkeep: c.each(peerUpkeep), Floor: c.each(floor), SharedFloor: c.each(peerFloor),
		Horizon: watched(plan, a), Told: ending == "close", KeepAlive: timers.KeepAlive, Idle: timers.Idle,
		ClientFlight: client, ServerFlight: server, Queue: queue(client), Bin: 10 * time.Millisecond,
	}
	return s, admission(a.Admission, &s)
}

// waitsAlone is the storm at ends that compute no time at all.
func waitsAlone(s storm.Config) storm.Config {
	s.Service, s.Registration, s.Shared, s.SharedRegistration, s.Shape = 1, 0, 0, 0, nil
	s.Upkeep, s.SharedUpkeep, s.Floor, s.SharedFloor, s.Queue, s.RetryAbove, s.Cap = 0, 0, 0, 0, 0, 0, 0
	return s
}

// entry is the plan's entry that an arm is of, or else its first storm; nil where it has none.
func entry(plan *bench.Plan, a results.Arm) *bench.Experiment {
	ending, length, _ := strings.Cut(a.Outage, " ")
	outage, _ := time.ParseDuration(length)
	for i := range plan.Experiments {
		e := &plan.Experiments[i]
		if e.Run == "storm" && slices.Contains(e.Sizes, a.Tunnels) && e.Ending == ending && time.Duration(e.Outage) == outage {
			return e
		}
	}
	i := slices.IndexFunc(plan.Experiments, func(e bench.Experiment) bool { return e.Run == "storm" })
	if i < 0 {
		return nil
	}
	return &plan.Experiments[i]
}

// watched is how long after the edge's return an arm's storms were watched: what the simulation has later is never there
// either.
func watched(plan *bench.Plan, a results.Arm) time.Duration {
	if e := entry(plan, a); e != nil {
		return time.Duration(e.Timeout)
	}
	return 0 // the simulation's own
}

// atOnce is how many of the run's arms had their storms at the same time as this one.
func atOnce(plan *bench.Plan, m results.Manifest, a results.Arm) int {
	e := entry(plan, a)
	if e == nil || !e.Beside {
		return 1
	}
	n := 0
	for _, other := range m.Arms {
		if other.Experiment == "storm" && entry(plan, other.Arm) == e {
			n++
		}
	}
	return max(n, 1)
}

// admission reads what the edge did when many came at once: none, retry-N or cap-N.
func admission(text string, s *storm.Config) error {
	kind, number, _ := strings.Cut(text, "-")
	if text == "" || text == "none" {
		return nil
	}
	n, err := strconv.Atoi(number)
	switch {
	case err == nil && kind == "retry":
		s.RetryAbove = n
	case err == nil && kind == "cap":
		s.Cap = n
	default:
		return fmt.Errorf("admission %q is unknown", text)
	}
	return nil
}

// perTrial adds what a trial measured of itself: how long the edge was away, how many connections it lost, its dice.
func perTrial(s storm.Config, t *results.Trial) storm.Config {
	s.Outage, s.Seed, s.Replay = time.Duration(t.Values["outage"]), t.Seed, t.Seed
	s.Connections = max(int(math.Round(t.Values["lost_connections"]/float64(max(s.Tunnels, 1)))), 1)
	return s
}

// course keeps a trial over time, for the plot.
func (c *Check) course(t *results.Trial, r *storm.Result) {
	if t.Series == nil {
		return
	}
	lost, back := t.Values["lost_connections"], t.Values["outage"]
	sum, bin := 0, 0
	for i, up := range t.Series.Values["back"] {
		at := float64(i+1)*float64(t.Series.Step) - back
		if at < 0 || lost == 0 {
			continue
		}
		for ; bin < len(r.Registered) && float64(bin+1)*float64(r.Bin) <= at; bin++ {
			sum += int(r.Registered[bin])
		}
		c.times, c.measured = append(c.times, at/1e9), append(c.measured, 100*up/lost)
		c.predicted = append(c.predicted, 100*float64(sum)/float64(r.Connections))
	}
}
