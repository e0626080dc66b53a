package capacity

import (
	"fmt"
	"maps"
	"slices"

	"pqbench/results/stats"
)

// A Bend is how the upkeep of idle connections goes with the size of the fleet: it is no straight line, because timers that
// fall due together wake a processor once.
type Bend struct {
	Sizes []float64 // connections of the fleets that were measured, in increasing order
	Each  []float64 // CPU of a further connection between two of them that follow each other, ns/s
}

// bendOf is that of points by block: medians over the blocks that hold both sizes, as the cost itself is one.
func bendOf(points map[int][]stats.Point) Bend {
	bySize := map[float64]map[int]float64{}
	for block, of := range points {
		for _, p := range of {
			if bySize[p.X] == nil {
				bySize[p.X] = map[int]float64{}
			}
			bySize[p.X][block] = p.Y
		}
	}
	b := Bend{Sizes: slices.Sorted(maps.Keys(bySize))}
	for i := 1; i < len(b.Sizes); i++ {
		less, more := b.Sizes[i-1], b.Sizes[i]
		var each []float64
		for block, y := range bySize[more] {
			if below, ok := bySize[less][block]; ok {
				each = append(each, (y-below)/(more-less))
			}
		}
		if each == nil {
			return Bend{Sizes: b.Sizes} // an interrupted run whose sizes have no block in common
		}
		b.Each = append(b.Each, stats.Median(each))
	}
	return b
}

// Where the upkeep of idle connections is worth a warning: of how much of the cores, carried how much farther than measured,
// and how much less it is between larger fleets.
const (
	weighty = 0.2
	carried = 2
	falling = 0.85
)

// extrapolatedUpkeep says how far upkeep is carried, where cores rest on it; "" where they do not.
func (t *Target) extrapolatedUpkeep(c *Costs, a *Answer) string {
	cost := c.cost(upkeep)
	steady, _ := t.steadyCores(c.medians())
	if cost == nil || len(c.Bend.Sizes) == 0 || a.impossible() || a.Hosts.Value == 0 || steady == 0 {
		return ""
	}
	part, onHost, largest := cost.Value/1e9*t.connections()/steady, t.connections()/a.Hosts.Value, c.Bend.Sizes[len(c.Bend.Sizes)-1]
	if part < weighty || onHost < carried*largest {
		return ""
	}
	text := fmt.Sprintf("%s: %s of the cores in normal operation are the upkeep of idle connections, which is carried from fleets of up to %s connections to %s on a host: ",
		c.Group, percent(part), figures(largest, 3), figures(onHost, 2))
	n := len(c.Bend.Each)
	if n < 2 {
		return text + "two sizes cannot show whether a connection takes less the more there are. Measure fleets of three, the largest as large as the host can hold"
	}
	first, last := c.Bend.Each[0], c.Bend.Each[n-1]
	each := func(v float64) string { return quantity(point(v), "ns") }
	text += fmt.Sprintf("a further connection takes %s between the two largest fleets, which is what counts, and %s between the two smallest", each(last), each(first))
	if last < falling*first {
		return text + ": it falls, and on a full host it is less, if anything"
	}
	return text
}
