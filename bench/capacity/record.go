package capacity

import (
	"math"
	"time"

	"pqbench/results"
	"pqbench/results/stats"
)

// The record is capacity.json. Times are seconds; what there is no number for is null.
type record struct {
	Schema     int              `json:"schema"`
	Target     targetRecord     `json:"target"`
	Runs       []string         `json:"runs"`
	Host       results.Host     `json:"host"`
	Versions   results.Versions `json:"versions"`
	Groups     []groupRecord    `json:"groups"`
	Ports      portsRecord      `json:"ports"`
	WhatIfs    []whatIfRecord   `json:"what_if"`
	Checks     []checkRecord    `json:"checks"`
	Warnings   []string         `json:"warnings"`
	Assumption []string         `json:"assumptions"`
}

type targetRecord struct {
	Tunnels      int      `json:"tunnels"`
	Connections  int      `json:"connections"`
	RPS          float64  `json:"rps"`
	Egress       float64  `json:"egress_bits_per_second"`
	Recover      float64  `json:"recover_within_seconds"`
	RecoverShare float64  `json:"recover_share"`
	Outage       float64  `json:"outage_seconds"`
	Cores        int      `json:"cores_per_host"`
	Memory       int64    `json:"memory_per_host_bytes"`
	NIC          float64  `json:"nic_bits_per_second"`
	Headroom     float64  `json:"headroom"`
	KeepAlive    float64  `json:"keepalive_seconds"`
	Idle         float64  `json:"idle_seconds"`
	RTT          float64  `json:"rtt_seconds"`
	Loss         float64  `json:"loss"`
	Groups       []string `json:"groups"`
	Seed         uint64   `json:"seed"`
}

type groupRecord struct {
	Group      string            `json:"group"`
	Provider   string            `json:"kem,omitempty"`
	Hosts      *intervalRecord   `json:"hosts"`
	Plan       *int              `json:"plan_for_hosts"`
	Binding    string            `json:"binding"`
	Difference *intervalRecord   `json:"hosts_more_than_first"`
	Dimensions []dimensionRecord `json:"dimensions"`
	// LowerBound says that not every cost was measured: hosts are those of the others.
	LowerBound bool          `json:"lower_bound"`
	Law        *lawRecord    `json:"law_seconds"`
	Rate       *float64      `json:"reconnections_per_second"`
	Rates      []float64     `json:"reconnections_per_second_by_throw"`
	Uneven     float64       `json:"storm_hosts_over_average"`
	Storm      *stormRecord  `json:"storm"`
	Costs      []costRecord  `json:"costs"`
	Scaling    scalingRecord `json:"scaling"`
}

type portsRecord struct {
	EdgeUDP          int `json:"edge_udp_per_host"`
	EdgeTCP          int `json:"edge_tcp_per_host"`
	ConnectorSockets int `json:"connector_sockets"`
	// TunnelsPerAddress is how many can reach one edge address from behind one of a NAT's.
	TunnelsPerAddress int `json:"tunnels_per_nat_address"`
}

type intervalRecord struct {
	Value float64  `json:"value"`
	Low   *float64 `json:"low"`
	High  *float64 `json:"high"`
}

type dimensionRecord struct {
	Name    string          `json:"name"`
	Unit    string          `json:"unit"`
	Need    *intervalRecord `json:"need"`
	PerHost float64         `json:"per_host"`
	Hosts   *intervalRecord `json:"hosts"`
	Binds   float64         `json:"binds"`
	AtLeast string          `json:"lower_bound_because,omitempty"`
	Refused string          `json:"refused,omitempty"`
}

type stormRecord struct {
	Hosts       int      `json:"hosts"`
	Back50      *float64 `json:"recover_50_seconds"`
	Back99      *float64 `json:"recover_99_seconds"`
	Back100     *float64 `json:"recover_100_seconds"`
	Reached99   *float64 `json:"reachable_99_seconds"`
	Peak        float64  `json:"peak_per_second"`
	Dials       int      `json:"dials"`
	Timeouts    int      `json:"timeouts"`
	Retries     int      `json:"retries"`
	Lost        int      `json:"lost_to_full_queue"`
	InVain      int      `json:"computed_in_vain"`
	LongestWait float64  `json:"longest_wait_seconds"`
	BinSeconds  float64  `json:"bin_seconds"`
	Registered  []int32  `json:"registered"`
}

type costRecord struct {
	Name       string         `json:"name"`
	Unit       string         `json:"unit"`
	Value      intervalRecord `json:"value"`
	Blocks     int            `json:"blocks"`
	Run        string         `json:"run"`
	Experiment string         `json:"experiment"`
}

type whatIfRecord struct {
	Change string `json:"change"`
	// Groups are in the order of the answer's.
	Groups []whatIfGroupRecord `json:"groups"`
}

// whatIfGroupRecord has nulls where no number of hosts is enough.
type whatIfGroupRecord struct {
	Law  *lawRecord `json:"law_seconds"`
	Rate *float64   `json:"reconnections_per_second"`
	// Low and High are the least and the most of several storms with dice of their own.
	Low   *int `json:"hosts_low"`
	Hosts *int `json:"hosts"`
	High  *int `json:"hosts_high"`
}

// lawRecord is the least, the median and the most of several storms.
type lawRecord struct {
	Low   float64 `json:"low"`
	Value float64 `json:"value"`
	High  float64 `json:"high"`
}

func recordLaw(l Law) *lawRecord {
	if l.Never || l.Value == 0 {
		return nil
	}
	return &lawRecord{l.Low.Seconds(), l.Value.Seconds(), l.High.Seconds()}
}

// positive is nil for 0.
func positive[T int | float64](v T) *T {
	if v == 0 {
		return nil
	}
	return &v
}

type scalingRecord struct {
	Refused    string          `json:"refused,omitempty"`
	Dropped    []string        `json:"dropped,omitempty"` // knees that are not in the fit
	Sigma      *intervalRecord `json:"sigma"`
	Kappa      *intervalRecord `json:"kappa"`
	Efficiency float64         `json:"efficiency"` // of a core of a host
}

type checkRecord struct {
	Run     string      `json:"run"`
	Arm     results.Arm `json:"arm"`
	Blocks  int         `json:"blocks"`
	Refused string      `json:"refused,omitempty"`
	// Unaccepted are dials that quic-go refused because its queue for the edge to accept was full; see Check.
	Unaccepted int                     `json:"refused_unaccepted"`
	LostAgain  int                     `json:"lost_again"`
	Metrics    map[string]missedRecord `json:"metrics"`
}

type missedRecord struct {
	Unit string `json:"unit"`
	// Null is that it did not come to pass within the time that was watched, in the median of the blocks.
	Predicted       *float64 `json:"predicted"`
	Measured        *float64 `json:"measured"`
	Miss            *float64 `json:"miss"`
	PredictedBlocks int      `json:"predicted_blocks"` // in which it came to pass
	MeasuredBlocks  int      `json:"measured_blocks"`
	Within          bool     `json:"within_15_percent"`
	// Law is the prediction of the connectors' waits alone; where ByLaw, it is as near, and the prediction says nothing
	// about costs.
	Law   *float64 `json:"law_alone"`
	ByLaw bool     `json:"law_alone_within_15_percent"`
}

func (p *Plan) checkRecords() []checkRecord {
	out := []checkRecord{}
	for _, c := range p.Checks {
		r := checkRecord{c.Run, c.Arm, c.Blocks, c.Refused, c.Unaccepted, c.LostAgain, map[string]missedRecord{}}
		for _, m := range c.Metrics {
			r.Metrics[m.Name] = missedRecord{m.Unit, finite(m.Predicted), finite(m.Measured), finite(m.Miss()), m.PredictedBlocks, m.MeasuredBlocks, m.OK(), finite(m.Law), m.ByLaw()}
		}
		out = append(out, r)
	}
	return out
}

func (p *Plan) record() record {
	t := &p.Target
	out := record{Schema: 1, Runs: p.Measured.Runs, Host: p.Measured.Host, Versions: p.Measured.Versions,
		Warnings: append([]string{}, p.warnings()...), Assumption: p.assumptionSection().list, WhatIfs: []whatIfRecord{}, Checks: p.checkRecords()}
	out.Target = targetRecord{t.Tunnels, t.Connections, t.RPS, t.Egress, t.Recover.Seconds(), t.RecoverShare, t.Outage.Seconds(), t.Cores, t.Memory, t.NIC,
		t.Headroom, t.KeepAlive.Seconds(), t.Idle.Seconds(), t.RTT.Seconds(), t.Loss, t.Groups, t.Seed}
	out.Ports = portsRecord{1, 1, t.Tunnels * t.Connections, ephemeral / t.Connections}
	for i := range p.Answers {
		out.Groups = append(out.Groups, p.groupRecord(i))
	}
	for _, w := range p.WhatIfs {
		r := whatIfRecord{Change: w.Change}
		for _, a := range w.Answers {
			r.Groups = append(r.Groups, whatIfGroupRecord{recordLaw(a.Law), positive(a.Rate), positive(a.Low), positive(a.Hosts), positive(a.High)})
		}
		out.WhatIfs = append(out.WhatIfs, r)
	}
	return out
}

func (p *Plan) groupRecord(i int) groupRecord {
	a, c := &p.Answers[i], &p.Measured.Costs[i]
	g := groupRecord{Group: a.Group, Provider: c.Provider, Binding: a.Binding, Dimensions: []dimensionRecord{}, Costs: []costRecord{}}
	if a.Binding != "" && !a.impossible() {
		plan := int(a.Hosts.High)
		g.Hosts, g.Plan = recordOf(a.Hosts), &plan
		if control := &p.Answers[0]; i > 0 && control.Binding != "" && !control.impossible() {
			g.Difference = recordOf(Difference(control, a))
		}
	}
	g.LowerBound, g.Law, g.Rates, g.Uneven, g.Rate = len(a.refused()) > 0, recordLaw(a.Law), a.Rates, a.Uneven, positive(a.Rate)
	for _, d := range a.Dimensions {
		r := dimensionRecord{Name: d.Name, Unit: d.Unit, PerHost: d.Each, Binds: d.Binds, AtLeast: d.AtLeast, Refused: d.Refused}
		if d.Refused == "" {
			r.Need, r.Hosts = recordOf(d.Need), recordOf(d.Hosts)
		}
		g.Dimensions = append(g.Dimensions, r)
	}
	g.Scaling = scalingRecord{Refused: c.Scaling.Refused, Dropped: c.Scaling.Dropped, Efficiency: c.Scaling.efficiency(p.Target.Cores)}
	if c.Scaling.Refused == "" {
		g.Scaling.Sigma, g.Scaling.Kappa = recordOf(c.Scaling.Fit.SigmaCI), recordOf(c.Scaling.Fit.KappaCI)
	}
	for _, cost := range c.All() {
		g.Costs = append(g.Costs, costRecord{cost.Name, titles[cost.Name].unit, *recordOf(cost.Interval), cost.Blocks, cost.Run, cost.Experiment})
	}
	if s := a.Storm; s != nil {
		r := &s.Result
		g.Storm = &stormRecord{s.Config.Hosts, seconds(r.Recovered(0.5)), seconds(r.Recovered(0.99)), seconds(r.Recovered(1)), seconds(r.Reached(0.99)),
			r.Peak(time.Second), r.Dials, r.Timeouts, r.Retries, r.Lost, r.InVain, r.LongestWait.Seconds(), r.Bin.Seconds(), r.Registered}
	}
	return g
}

func seconds(d time.Duration, ok bool) *float64 {
	if !ok {
		return nil
	}
	s := d.Seconds()
	return &s
}

func recordOf(i stats.Interval) *intervalRecord {
	return &intervalRecord{i.Value, finite(i.Low), finite(i.High)}
}

func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
