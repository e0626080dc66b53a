package capacity

import (
	"fmt"
	"math"

	"pqbench/results/stats"
)

// A Dimension is one thing that hosts are needed for.
type Dimension struct {
	Name string
	// Need is how much of it all hosts together must have, headroom included, in Unit; Each is what a host has.
	Need stats.Interval
	Unit string
	Each float64
	// Hosts are Need over Each, not rounded up.
	Hosts stats.Interval
	// Binds is the share of draws in which no other dimension asks for more hosts.
	Binds float64
	// AtLeast says which cost of several was not measured: what is above is then a lower bound, of the others alone.
	AtLeast string
	// Refused says why there is no answer; everything above is then zero.
	Refused string

	never bool // no number of hosts is enough
}

// The dimensions, in the order of the table.
const (
	dimSteady  = "cores, normal operation"
	dimStorm   = "cores, storm"
	dimMemory  = "memory"
	dimNetwork = "network, normal operation"
	dimSurge   = "network, storm"
)

// An Answer is what a group needs.
type Answer struct {
	Group      string
	Dimensions []Dimension
	// Hosts is the most that any dimension asks for, rounded up; its interval is that of the draws.
	Hosts stats.Interval
	// Binding is the dimension that asks for most; "" when all were refused.
	Binding string
	// Rate is how many reconnections a second the edge must compute to be back in time; 0 when none is sure to be fast enough.
	// Rates are those of each throw.
	Rate  float64
	Rates rates
	// Law is how long the connectors' own waits take.
	Law Law
	// Storm is the simulated one, on Hosts; nil where the cost of a handshake is missing.
	Storm *Storm
	// Uneven is how many times the hosts that reconnections need on average are planned for, because the simulation said
	// so: hosts do not get equal parts of a fleet that chooses at random. It is 1 where they get along.
	Uneven float64
	// Late says that the simulated storm takes longer than asked for even so; "" where it does not.
	Late string

	drawn []float64 // hosts in each draw
}

// headers are what an IPv4 datagram adds to its UDP payload, bytes.
const headers = 28

// Overhead of response bodies on the tunnel, as a share: datagrams of 1,439 bytes of UDP payload, which path MTU discovery
// finds on an Ethernet path, lose to IPv4 and UDP headers 28, a short header with an edge's connection ID of 4 bytes and a
// packet number of 2 in all 7, the AEAD's tag 16, and a STREAM frame's type, ID, offset and length 8 (RFC 9000, sections 17.3.1 and 19.8).
const (
	payload        = 1439
	perPacket      = 7 + 16 + 8
	tunnelOverhead = float64(payload+headers)/(payload-perPacket) - 1
)

// costOf gives a cost's value: the median, or that of a draw.
type costOf func(name string) (float64, bool)

func (c *Costs) medians() costOf {
	return func(name string) (float64, bool) {
		cost := c.cost(name)
		if cost == nil {
			return 0, false
		}
		return cost.Value, true
	}
}

func (c *Costs) drawn(i int) costOf {
	return func(name string) (float64, bool) {
		cost := c.cost(name)
		if cost == nil {
			return 0, false
		}
		return cost.draw(i), true
	}
}

// steadyCores are those of normal operation. missing is the first cost that there is none of.
func (t *Target) steadyCores(of costOf) (cores float64, missing string) {
	add := func(name string, units float64) {
		v, ok := of(name)
		switch {
		case units == 0:
		case !ok && missing == "":
			missing = name
		default:
			cores += units * v / 1e9
		}
	}
	add(request, t.RPS)
	add(gigabyte, t.Egress/8/1e9)
	add(upkeep, t.connections())
	return cores, missing
}

// perHost is what a host has of a dimension, for planning.
func (t *Target) perHost(dimension string, s *Scaling) float64 {
	switch dimension {
	case dimSteady:
		return float64(t.Cores) * s.efficiency(t.Cores) * (1 - t.Headroom)
	case dimStorm:
		return float64(t.Cores) * s.efficiency(t.Cores)
	case dimMemory:
		return float64(t.Memory) * (1 - t.Headroom)
	case dimNetwork:
		return t.NIC * (1 - t.Headroom)
	}
	return t.NIC
}

// unevenly is the factor of a dimension's hosts: see Answer.Uneven.
func unevenly(dimension string, uneven float64) float64 {
	if dimension == dimStorm {
		return uneven
	}
	return 1
}

// need is what a target needs of a dimension, of the costs that there are. lacks says which one there is none of.
func (t *Target) need(dimension string, of costOf, missing map[string]string, rate float64) (need float64, lacks string) {
	switch dimension {
	case dimSteady:
		steady, without := t.steadyCores(of)
		return steady, missing[without]
	case dimStorm:
		return t.stormCores(of, missing, rate)
	case dimMemory:
		v, ok := of(heldMemory)
		if !ok {
			return 0, missing[heldMemory]
		}
		return v * t.connections(), ""
	case dimNetwork:
		return t.traffic(of, missing, 0)
	}
	if _, refused := t.reconnecting(of, missing, rate); refused != "" {
		return 0, refused
	}
	return t.traffic(of, missing, rate)
}

// reconnecting is the CPU time of a reconnection in a storm, ns; refused says why there is no storm to plan for.
func (t *Target) reconnecting(of costOf, missing map[string]string, rate float64) (service float64, refused string) {
	all, whole := of(reconnection)
	handshake, ok := of(edgeHandshake)
	service = max(all, handshake) // see larger
	switch {
	case !ok && !whole:
		return 0, missing[edgeHandshake]
	case rate == 0:
		return 0, fmt.Sprintf("no edge is fast enough: the connectors' own waits take longer than %v", t.Recover)
	}
	return service, ""
}

// stormCores compute the reconnections beside the normal load, which comes back with the tunnels.
func (t *Target) stormCores(of costOf, missing map[string]string, rate float64) (float64, string) {
	service, refused := t.reconnecting(of, missing, rate)
	if refused != "" {
		return 0, refused
	}
	steady, without := t.steadyCores(of)
	if without != "" {
		return rate*service/1e9 + steady, missing[without] + ": what normal operation leaves for a storm is not known"
	}
	return rate*service/1e9 + steady, ""
}

// traffic is that of normal operation and so many reconnections a second, in the busier direction, bit/s: bodies carry
// QUIC's overhead from the tunnels to the edge.
func (t *Target) traffic(of costOf, missing map[string]string, rate float64) (need float64, lacks string) {
	in, out := t.Egress*(1+tunnelOverhead), t.Egress
	for _, load := range []struct {
		in, out string
		units   float64 // a second
	}{{keepAliveIn, keepAliveOut, t.connections()}, {clientBytes, serverBytes, rate}} {
		toEdge, ok := of(load.in)
		fromEdge, also := of(load.out)
		switch {
		case load.units == 0 || lacks != "":
		case !ok:
			lacks = missing[load.in]
		case !also:
			lacks = missing[load.out]
		}
		in, out = in+8*load.units*toEdge, out+8*load.units*fromEdge
	}
	return max(in, out), lacks
}

// dimensions are all, with what they are counted in.
var dimensions = []struct{ name, unit string }{
	{dimSteady, "cores"}, {dimStorm, "cores"}, {dimMemory, "B"}, {dimNetwork, "bit/s"}, {dimSurge, "bit/s"},
}

// answer solves for one group, with the rates of reconnections that the law asks for, and uneven times the hosts for them.
func (t *Target) answer(c *Costs, of rates, uneven float64) Answer {
	rate := of.middle()
	a := Answer{Group: c.Group, Rate: rate, Rates: of, Uneven: uneven}
	drawnHosts := make([][]float64, len(dimensions)) // by dimension and draw
	for d, dim := range dimensions {
		out := Dimension{Name: dim.name, Unit: dim.unit, Each: t.perHost(dim.name, &c.Scaling)}
		perNeed := unevenly(dim.name, uneven) / out.Each
		out.never = (dim.name == dimStorm || dim.name == dimSurge) && rate == 0 && c.reconnect() != nil
		need, lacks := t.need(dim.name, c.medians(), c.Missing, rate)
		if need > 0 {
			out.AtLeast = lacks
		} else {
			out.Refused = lacks
		}
		drawnHosts[d] = make([]float64, draws)
		if out.Refused == "" {
			needs := make([]float64, draws)
			for i := range needs {
				needs[i], _ = t.need(dim.name, c.drawn(i), c.Missing, of.of(i))
				drawnHosts[d][i] = needs[i] * perNeed
			}
			out.Need, out.Hosts = interval(need, needs), interval(need*perNeed, drawnHosts[d])
		}
		a.Dimensions = append(a.Dimensions, out)
	}
	a.bind(drawnHosts)
	return a
}

// bind finds which dimension asks for most hosts, at the medians and in each draw.
func (a *Answer) bind(drawnHosts [][]float64) {
	most := 0.0
	for _, d := range a.Dimensions {
		if d.Refused == "" && d.Hosts.Value > most {
			most, a.Binding = d.Hosts.Value, d.Name
		}
	}
	a.drawn = make([]float64, draws)
	for i := range a.drawn {
		first := 0
		for d := range drawnHosts {
			if drawnHosts[d][i] > drawnHosts[first][i] {
				first = d
			}
		}
		a.Dimensions[first].Binds += 1.0 / draws
		a.drawn[i] = math.Ceil(max(drawnHosts[first][i], 1e-9))
	}
	a.Hosts = interval(math.Ceil(max(most, 1e-9)), a.drawn)
	a.Hosts.Low, a.Hosts.High = math.Floor(a.Hosts.Low), math.Ceil(a.Hosts.High)
}
