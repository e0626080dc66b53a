package capacity

import (
	"math"
	"slices"
	"time"

	"pqbench/results/stats"
)

// The unit costs of an edge.
const (
	edgeHandshake    = "handshake"         // CPU of a handshake at the edge, ns
	peerHandshake    = "peer handshake"    // CPU of a handshake at the connector, ns
	reconnection     = "reconnection"      // CPU of a handshake and a registration at the edge, ns
	peerReconnection = "peer reconnection" // the same at the connector, ns
	request          = "request"           // CPU of a request at the edge, ns
	gigabyte         = "gigabyte"          // CPU of 10⁹ body bytes at the edge, ns
	heldMemory       = "memory"            // memory of an idle connection at the edge, B
	upkeep           = "upkeep"            // CPU of an idle connection at the edge, ns/s
	peerUpkeep       = "peer upkeep"       // CPU of an idle connection at the connector, ns/s
	floor            = "floor"             // CPU of an edge process with connections, beside upkeep, ns/s
	peerFloor        = "peer floor"        // the same of a connector process, ns/s
	keepAliveIn      = "keep-alive in"     // an idle connection to the edge, with IPv4 and UDP headers, B/s
	keepAliveOut     = "keep-alive out"    // the same from the edge, B/s
	clientBytes      = "client bytes"      // a handshake to the edge, with IPv4 and UDP headers, B
	serverBytes      = "server bytes"      // the same from the edge, B
	clientFlight     = "client flight"     // datagrams of the client's first flight
	serverFlight     = "server flight"     // datagrams that the server sends until the client has finished
)

// A Cost is a unit cost: the median over blocks with its distribution-free 95 % interval, NaN where there are too few
// blocks for one.
type Cost struct {
	Name string
	stats.Interval
	Blocks int
	// Run and Experiment are where it was measured.
	Run, Experiment string

	draws []float64 // medians of drawn blocks; nil: the value stands for all
}

// draw is the cost in the i-th draw.
func (c *Cost) draw(i int) float64 {
	if len(c.draws) == 0 {
		return c.Value
	}
	return c.draws[i%len(c.draws)]
}

// Costs are a group's.
type Costs struct {
	Group    string
	Provider string // of the KEM; "" for a classical group
	byName   map[string]*Cost
	// Missing says of each cost that there is none why.
	Missing map[string]string
	// Shape is how single handshakes' times are spread, as multiples of any unit: see storm.Config.
	Shape []float64
	// Scaling is what further cores of a host add.
	Scaling Scaling
	// Bend is how upkeep goes with the size of the fleet.
	Bend Bend
}

// cost is the named one; nil when it is missing.
func (c *Costs) cost(name string) *Cost { return c.byName[name] }

// All are the costs that there are, in the order of the table of them.
func (c *Costs) All() []*Cost {
	var out []*Cost
	for _, s := range sources {
		if cost := c.byName[s.cost]; cost != nil {
			out = append(out, cost)
		}
	}
	return out
}

// reconnect is what a reconnection costs the edge: with its registration, where that was measured.
func (c *Costs) reconnect() *Cost { return larger(c.cost(reconnection), c.cost(edgeHandshake)) }

// peerReconnect is what a reconnection costs the connector: see reconnect.
func (c *Costs) peerReconnect() *Cost { return larger(c.cost(peerReconnection), c.cost(peerHandshake)) }

// larger is the whole of a reconnection: where a line through small fleets has it below the handshake that is a part of it,
// the line is noise.
func larger(all, handshake *Cost) *Cost {
	if all == nil || handshake != nil && handshake.Value > all.Value {
		return handshake
	}
	return all
}

// steps are a reconnection's at the edge: the handshake, and what comes after it. Where they were not measured apart, the
// first is all.
func (c *Costs) steps() (handshake, registration time.Duration) {
	return apart(c.cost(edgeHandshake), c.reconnect())
}

// peerSteps are those at the connector: see steps.
func (c *Costs) peerSteps() (handshake, registration time.Duration) {
	return apart(c.cost(peerHandshake), c.peerReconnect())
}

func apart(handshake, all *Cost) (first, rest time.Duration) {
	if handshake == nil {
		return max(time.Duration(all.Value), 1), 0 // storms need a service time
	}
	return max(time.Duration(handshake.Value), 1), time.Duration(all.Value - handshake.Value)
}

// each is a cost that is an amount of time, 0 where it was not measured.
func (c *Costs) each(name string) time.Duration {
	if cost := c.cost(name); cost != nil {
		return time.Duration(cost.Value)
	}
	return 0
}

// draws is how many times costs are drawn: the ends of an interval rest on 50 draws each.
const draws = 2000

// interval is a value with the middle 95 % of its draws.
func interval(value float64, drawn []float64) stats.Interval {
	drawn = slices.DeleteFunc(slices.Clone(drawn), math.IsNaN)
	slices.Sort(drawn)
	if len(drawn) == 0 {
		return stats.Interval{Value: value, Low: math.NaN(), High: math.NaN()}
	}
	return stats.Interval{Value: value, Low: stats.Quantile(drawn, 0.025), High: stats.Quantile(drawn, 0.975)}
}
