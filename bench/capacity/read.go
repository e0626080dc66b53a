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
	// why says what the cost is needed for, in the refusal.
	why string
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

var sources = []source{
	{edgeHandshake, "handshake", value("server_cpu"), "cores in a storm"},
	{peerHandshake, "handshake", value("client_cpu"), "a storm with connectors on the same machine"},
	{request, "requests", value("edge_cpu"), "cores for requests"},
	{gigabyte, "goodput", edgeGigabyte, "cores for egress"},
	{clientBytes, "wire", value("client_bytes_confirmed"), "bandwidth in a storm"},
	{serverBytes, "wire", value("server_bytes_confirmed"), "bandwidth in a storm"},
	{clientFlight, "wire", value("client_initial_datagrams"), "losses in a storm"},
	{serverFlight, "wire", value("server_datagrams"), "losses in a storm"},
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
func Read(folders, groups []string, seed uint64) (*Measured, error) {
	m := &Measured{}
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
		if err := m.take(&m.runs[i], seed); err != nil {
			return nil, err
		}
	}
	m.judgeRuns()
	return m, m.judgeCosts()
}

// take adds the costs of one run that there are none of yet.
func (m *Measured) take(r *run, seed uint64) error {
	if r.manifest.Virtual {
		return nil
	}
	for _, experiment := range experiments() {
		t := table{run: r, experiment: experiment}
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
		if !slices.Contains(names, s.experiment) {
			names = append(names, s.experiment)
		}
	}
	return names
}

// A table is the blocks of one experiment, a column for each cost of each group.
type table struct {
	*run
	experiment string
	columns    []column
	blocks     []int
}

type column struct {
	cost   *Cost
	values map[int]float64 // by block
}

// add adds the columns of a group.
func (t *table) add(c *Costs) {
	arm, ok := pick(t.manifest, t.experiment, c.Group)
	if !ok {
		return
	}
	c.Provider = cmp.Or(c.Provider, t.manifest.Arms[arm].Arm.KEM)
	for _, s := range sources {
		if s.experiment != t.experiment || c.byName[s.cost] != nil {
			continue
		}
		values := map[int]float64{}
		for _, trial := range t.trials {
			if v, ok := s.of(trial.Values); ok && trial.Arm == arm && v >= 0 && !math.IsInf(v, 0) {
				values[trial.Block] = v
			}
		}
		if len(values) == 0 {
			continue
		}
		cost := &Cost{Name: s.cost, Blocks: len(values), Run: t.name, Experiment: t.experiment}
		c.byName[s.cost] = cost
		t.columns = append(t.columns, column{cost, values})
		for block := range values {
			if !slices.Contains(t.blocks, block) {
				t.blocks = append(t.blocks, block)
			}
		}
	}
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
	}
	return nil
}

// pick is the arm of a group that costs are taken from: Go's own KEM where there is a choice, and the most in flight,
// because CPU time is read best so.
func pick(m results.Manifest, experiment, group string) (arm int, ok bool) {
	best := -1
	for i, a := range m.Arms {
		plain := !a.Arm.AA && a.Arm.Policy == "" && a.Arm.Path == "" && (a.Arm.Stack == "" || a.Arm.Stack == "pqbench")
		if a.Experiment != experiment || a.Arm.Group != group || !plain {
			continue
		}
		if best < 0 || prefer(a.Arm, m.Arms[best].Arm) < 0 {
			best = i
		}
	}
	return best, best >= 0
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

// judgeRuns says what must be known of the runs: hosts that differ, runs that are not whole.
func (m *Measured) judgeRuns() {
	first := m.runs[0]
	for _, r := range m.runs {
		if !r.manifest.Complete {
			m.Warnings = append(m.Warnings, fmt.Sprintf("%s is not complete: %s", r.name, r.manifest.Reason))
		}
		if r.manifest.Virtual {
			m.Warnings = append(m.Warnings, r.name+" is a run of the lab, where computing takes no time: its costs are not used")
		}
		a, b := first.manifest.Host, r.manifest.Host
		if a.CPU != b.CPU || a.Cores != b.Cores || a.Arch != b.Arch || a.Kernel != b.Kernel {
			m.Warnings = append(m.Warnings, fmt.Sprintf("hosts differ: %s ran on %s, %s on %s; their costs are added up as if they did not",
				first.name, hostOf(a), r.name, hostOf(b)))
		}
		if r.manifest.Versions.Commit != first.manifest.Versions.Commit {
			m.Warnings = append(m.Warnings, fmt.Sprintf("%s is of commit %.12s, %s of %.12s", first.name, first.manifest.Versions.Commit, r.name, r.manifest.Versions.Commit))
		}
	}
}

func hostOf(h results.Host) string {
	return fmt.Sprintf("%s with %d cores, %s %s", cmp.Or(h.CPU, h.Arch), h.Cores, h.OS, h.Kernel)
}

// judgeCosts says which are missing, and which have no interval.
func (m *Measured) judgeCosts() error {
	found := 0
	for i := range m.Costs {
		c := &m.Costs[i]
		for _, s := range sources {
			cost := c.byName[s.cost]
			switch {
			case cost == nil:
				c.Missing[s.cost] = fmt.Sprintf("no run has experiment %s for %s", s.experiment, c.Group)
			case cost.draws == nil:
				m.Warnings = append(m.Warnings, fmt.Sprintf("%s, %s: %d blocks are too few for an interval, at least %d are needed: what it gives is a point",
					c.Group, s.cost, cost.Blocks, stats.MinBlocks))
			}
		}
		found += len(c.byName)
	}
	if found == 0 {
		return fmt.Errorf("the runs hold no cost of %s: they need at least one of the experiments %v, which pqbench run capacity measures",
			groupsOf(m.Costs), experiments())
	}
	return nil
}

func groupsOf(costs []Costs) string {
	text := ""
	for i, c := range costs {
		if i > 0 {
			text += ", "
		}
		text += c.Group
	}
	return text
}
