package capacity

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"

	"pqbench/results"
	"pqbench/results/stats"
)

// A source is where a cost is found: an experiment's trials, and what to make of their values.
type source struct {
	cost, experiment string
	of               func(values map[string]float64) (float64, bool)
	// slope says that the values are of whole fleets, and that fleets of several sizes make the cost, by the slope of a
	// line through them over their connections: what a process takes without a connection is not in it.
	slope bool
	// floor says that it is such a line's value at no connections.
	floor bool
	// bends says that the line does, the less the larger the fleet is: it is then that through the two largest fleets.
	bends bool
	// timed says that the tunnels' timers must be the target's.
	timed bool
}

func value(name string) func(map[string]float64) (float64, bool) {
	return func(values map[string]float64) (float64, bool) { v, ok := values[name]; return v, ok }
}

// edgeGigabyte is the edge's part of what both ends take.
func edgeGigabyte(values map[string]float64) (float64, bool) {
	both, ok := values["cpu_per_gb"]
	peer, also := values["connector_cpu_per_gb"]
	return both - peer, ok && also
}

// ofFleet undoes that a value is given for a thousand tunnels, in shares of a core: ns/s of the whole fleet.
func ofFleet(name string) func(map[string]float64) (float64, bool) {
	return func(values map[string]float64) (float64, bool) {
		v, ok := values[name]
		size, also := values[fleetSize]
		return v * 1e9 / 1000 * size, ok && also
	}
}

// comingUp is what a fleet took until it stood, less the upkeep of those that stood already: half of the fleet's, since
// they come evenly. Where upkeep was not measured, it is in.
func comingUp(ramp, upkeep string) func(map[string]float64) (float64, bool) {
	return func(values map[string]float64) (float64, bool) {
		v, ok := values[ramp]
		perSecond, _ := ofFleet(upkeep)(values)
		return max(v-perSecond*values["ramp_time"]/1e9/2, 0), ok
	}
}

// onWire is the bytes of datagrams with their IPv4 and UDP headers, of each of so many; "" is of one.
func onWire(bytes, datagrams, each string) func(map[string]float64) (float64, bool) {
	return func(values map[string]float64) (float64, bool) {
		payload, ok := values[bytes]
		count, also := values[datagrams]
		n, divided := 1.0, true
		if each != "" {
			n, divided = values[each]
		}
		return (payload + headers*count) / n, ok && also && divided && n > 0
	}
}

// fleetSize is what table.values adds to a trial's values: the tunnels of its arm. perTunnel is the trial's own.
const (
	fleetSize = "tunnels"
	perTunnel = "connections_per_tunnel"
)

var sources = []source{
	{cost: edgeHandshake, experiment: "handshake", of: value("server_cpu")},
	{cost: peerHandshake, experiment: "handshake", of: value("client_cpu")},
	{cost: reconnection, experiment: "fleet", of: comingUp("edge_ramp_cpu", "edge_cpu_per_1000"), slope: true},
	{cost: peerReconnection, experiment: "fleet", of: comingUp("connector_ramp_cpu", "connector_cpu_per_1000"), slope: true},
	{cost: request, experiment: "requests", of: value("edge_cpu")},
	{cost: gigabyte, experiment: "goodput", of: edgeGigabyte},
	{cost: heldMemory, experiment: "fleet", of: value("edge_rss"), slope: true},
	{cost: upkeep, experiment: "fleet", of: ofFleet("edge_cpu_per_1000"), slope: true, timed: true, bends: true},
	{cost: peerUpkeep, experiment: "fleet", of: ofFleet("connector_cpu_per_1000"), slope: true, timed: true, bends: true},
	{cost: floor, experiment: "fleet", of: ofFleet("edge_cpu_per_1000"), slope: true, floor: true, timed: true, bends: true},
	{cost: peerFloor, experiment: "fleet", of: ofFleet("connector_cpu_per_1000"), slope: true, floor: true, timed: true, bends: true},
	{cost: keepAliveIn, experiment: "fleet", of: onWire("client_keepalive_bytes", "client_keepalive_datagrams", perTunnel), timed: true},
	{cost: keepAliveOut, experiment: "fleet", of: onWire("server_keepalive_bytes", "server_keepalive_datagrams", perTunnel), timed: true},
	{cost: clientBytes, experiment: "wire", of: onWire("client_bytes_confirmed", "client_datagrams_confirmed", "")},
	{cost: serverBytes, experiment: "wire", of: onWire("server_bytes_confirmed", "server_datagrams_confirmed", "")},
	{cost: clientFlight, experiment: "wire", of: value("client_initial_datagrams")},
	{cost: serverFlight, experiment: "wire", of: value("server_datagrams")},
}

// A run is a folder in memory.
type run struct {
	name     string
	manifest results.Manifest
	samples  []results.Sample
	trials   []results.Trial
}

// Measured is what run folders hold of costs, by group, and what must be said of it.
type Measured struct {
	Costs []Costs
	Runs  []string // names of the folders
	// Host and Versions are of the first run.
	Host     results.Host
	Versions results.Versions
	Warnings []string

	runs []run
}

// Read takes the groups' costs from run folders. A cost that several folders have is the first one's. It fails when a
// folder cannot be read, and when none of the costs is in any.
func Read(folders []string, t *Target) (*Measured, error) {
	m := &Measured{}
	groups, seed := t.Groups, t.Seed
	for _, dir := range folders {
		manifest, samples, trials, err := results.Load(dir)
		if err != nil {
			return nil, err
		}
		m.runs = append(m.runs, run{filepath.Base(filepath.Clean(dir)), manifest, samples, trials})
		m.Runs = append(m.Runs, filepath.Base(filepath.Clean(dir)))
	}
	if len(m.runs) == 0 {
		return nil, errors.New("no run folder to read costs from")
	}
	m.Host, m.Versions = m.runs[0].manifest.Host, m.runs[0].manifest.Versions
	for _, g := range groups {
		m.Costs = append(m.Costs, Costs{Group: g, byName: map[string]*Cost{}, Missing: map[string]string{}})
	}
	for i := range m.runs {
		if err := m.take(&m.runs[i], t.timers(), seed); err != nil {
			return nil, err
		}
	}
	for i := range m.Costs {
		m.Costs[i].Scaling = m.scaling(m.Costs[i].Group, seed)
	}
	m.judgeRuns()
	return m, m.judgeCosts(t.timers())
}

// take adds the costs of one run that there are none of yet.
func (m *Measured) take(r *run, timers string, seed uint64) error {
	if r.manifest.Virtual {
		return nil
	}
	for _, experiment := range experiments() {
		t := table{run: r, experiment: experiment, timers: timers}
		for g := range m.Costs {
			t.add(&m.Costs[g])
		}
		if err := t.draw(seed); err != nil {
			return fmt.Errorf("%s: %s: %w", r.name, experiment, err)
		}
	}
	for g := range m.Costs {
		if c := &m.Costs[g]; c.Shape == nil {
			c.Shape = shape(r, c.Group)
		}
	}
	return nil
}

// experiments are those that costs come from, each once.
func experiments() (names []string) {
	for _, s := range sources {
		names = once(names, s.experiment)
	}
	return names
}

// A table is the blocks of one experiment, a column for each cost of each group.
type table struct {
	*run
	experiment string
	timers     string // the target's, as arms name them
	columns    []column
	blocks     []int
}

type column struct {
	cost   *Cost
	values map[int]float64 // by block
}

// add adds the columns of a group.
func (t *table) add(c *Costs) {
	for _, s := range sources {
		if s.experiment != t.experiment || c.byName[s.cost] != nil {
			continue
		}
		points := t.points(s, c.Group)
		values := s.values(points)
		if len(values) == 0 {
			continue
		}
		if s.slope && !s.floor && stats.Median(slices.Collect(maps.Values(values))) <= 0 {
			c.Missing[s.cost] = fmt.Sprintf("in %s larger fleets with %s did not take more than smaller ones: their sizes are too near each other to tell a connection's part", t.name, c.Group)
			continue
		}
		if s.cost == upkeep {
			c.Bend = bendOf(points)
		}
		cost := &Cost{Name: s.cost, Blocks: len(values), Run: t.name, Experiment: t.experiment}
		c.byName[s.cost] = cost
		delete(c.Missing, s.cost) // of an earlier run
		c.Provider = cmp.Or(c.Provider, t.provider(c.Group))
		t.columns = append(t.columns, column{cost, values})
		for block := range values {
			if !slices.Contains(t.blocks, block) {
				t.blocks = append(t.blocks, block)
			}
		}
	}
}

// points are a source's of each block, over the connections of the fleets where there are some.
func (t *table) points(s source, group string) map[int][]stats.Point {
	arms := pick(t.manifest, t.experiment, group, func(a results.Arm) bool { return !s.timed || a.Timers == t.timers })
	if !s.slope && len(arms) > 1 {
		arms = arms[:1]
	}
	points := map[int][]stats.Point{}
	for _, trial := range t.trials {
		if !slices.Contains(arms, trial.Arm) {
			continue
		}
		of := maps.Clone(trial.Values)
		size := float64(t.manifest.Arms[trial.Arm].Arm.Tunnels)
		if size > 0 && of != nil {
			of[fleetSize] = size
		}
		x, sized := size*of[perTunnel], of[perTunnel] > 0
		if v, ok := s.of(of); ok && (sized || !s.slope) && v >= 0 && !math.IsInf(v, 0) {
			points[trial.Block] = append(points[trial.Block], stats.Point{X: x, Y: v})
		}
	}
	return points
}

// values are what a source makes of points, by block.
func (s *source) values(points map[int][]stats.Point) map[int]float64 {
	values := map[int]float64{}
	for block, of := range points {
		if !s.slope {
			values[block] = of[0].Y
			continue
		}
		if s.bends && len(of) > 2 {
			of = slices.SortedFunc(slices.Values(of), func(a, b stats.Point) int { return cmp.Compare(a.X, b.X) })
			of = of[len(of)-2:]
		}
		line, err := stats.FitLine([][]stats.Point{of}, 1, 1)
		if err == nil || errors.As(err, new(*stats.BlocksError)) { // of one block there is a line, if no interval
			values[block] = line.Slope.Value
			if s.floor {
				values[block] = line.Intercept.Value
			}
		}
	}
	return values
}

// provider computes the KEM of the group's arm.
func (t *table) provider(group string) string {
	for _, arm := range pick(t.manifest, t.experiment, group, func(results.Arm) bool { return true }) {
		return t.manifest.Arms[arm].Arm.KEM
	}
	return ""
}

// draw makes the columns' medians, and draws of common blocks.
func (t *table) draw(seed uint64) error {
	slices.Sort(t.blocks)
	columns := make([][]float64, len(t.columns))
	var few *stats.BlocksError
	for i, c := range t.columns {
		for _, block := range t.blocks {
			v, ok := c.values[block]
			if !ok {
				v = math.NaN()
			}
			columns[i] = append(columns[i], v)
		}
		var err error
		c.cost.Interval, err = stats.MedianCI(slices.Collect(maps.Values(c.values)))
		if err != nil && !errors.As(err, &few) {
			return err
		}
		c.cost.Interval = atLeastNothing(c.cost.Interval)
	}
	drawn, err := stats.BootstrapMedians(columns, draws, seed)
	if errors.As(err, &few) {
		return nil // judgeCosts says so
	}
	if err != nil {
		return err
	}
	for i, c := range t.columns {
		c.cost.draws = drawn[i]
		for d, v := range c.cost.draws {
			c.cost.draws[d] = max(v, 0)
		}
	}
	return nil
}

// atLeastNothing keeps what lines through noise give from below 0. It is done to medians, not to what they are of: that
// would raise them.
func atLeastNothing(i stats.Interval) stats.Interval {
	return stats.Interval{Value: max(i.Value, 0), Low: max(i.Low, 0), High: max(i.High, 0)} // NaN stays
}

// pick are the arms of a group that costs are taken from, the best first: Go's own KEM where there is a choice, the most
// in flight, because CPU time is read best so, and the largest fleet. Further ones differ from it in their size alone.
func pick(m results.Manifest, experiment, group string, fit func(results.Arm) bool) (arms []int) {
	for i, a := range m.Arms {
		plain := !a.Arm.AA && a.Arm.Policy == "" && a.Arm.Path == "" && a.Arm.Share == "" && (a.Arm.Stack == "" || a.Arm.Stack == "pqbench")
		if a.Experiment == experiment && a.Arm.Group == group && plain && fit(a.Arm) {
			arms = append(arms, i)
		}
	}
	slices.SortStableFunc(arms, func(a, b int) int { return prefer(m.Arms[a].Arm, m.Arms[b].Arm) })
	sameFleet := func(a, b results.Arm) bool { a.Tunnels, b.Tunnels = 0, 0; return a == b }
	return slices.DeleteFunc(arms, func(i int) bool { return !sameFleet(m.Arms[i].Arm, m.Arms[arms[0]].Arm) })
}

func prefer(a, b results.Arm) int {
	rank := func(v string, order ...string) int {
		if i := slices.Index(order, v); i >= 0 {
			return i
		}
		return len(order)
	}
	return cmp.Or(
		cmp.Compare(rank(a.KEM, "", "go", "circl-asm"), rank(b.KEM, "", "go", "circl-asm")),
		cmp.Compare(rank(a.Cert, "", "ecdsa-p256"), rank(b.Cert, "", "ecdsa-p256")),
		cmp.Compare(b.Initial, a.Initial),
		cmp.Compare(b.Concurrency, a.Concurrency),
		cmp.Compare(rank(a.Timers, "", "1s/5s"), rank(b.Timers, "", "1s/5s")),
		cmp.Compare(b.Tunnels, a.Tunnels),
	)
}

// shape is the spread of handshake times taken one at a time, where nothing queues. It is drawn through its quantiles, so
// that a hundred thousand samples do not stand for what a hundred say.
func shape(r *run, group string) []float64 {
	var times []float64
	for _, s := range r.samples {
		a := r.manifest.Arms[s.Arm]
		if s.Experiment == "handshake" && s.Class == "" && a.Arm.Group == group && a.Arm.Concurrency == 1 && !a.Arm.AA {
			times = append(times, float64(s.Completed-s.Sent))
		}
	}
	if len(times) < shapePoints {
		return nil
	}
	slices.Sort(times)
	out := make([]float64, shapePoints)
	for i := range out {
		out[i] = stats.Quantile(times, (float64(i)+0.5)/shapePoints)
	}
	return out
}

const shapePoints = 100
