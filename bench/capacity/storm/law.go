package storm

import (
	"time"

	"pqbench/tunnel/connector"
)

// A tunnel's shared law. Connections lost together share a wait: the first begins it, the others come before its end.
type queue struct {
	gate int64 // end of the latest wait
	calm int64 // from here on the law begins anew; 0 is not planned
	n    uint8 // exponent of the latest wait
	away uint8 // connections that have waited and are not back
}

// laws are a fleet's state of waiting.
type laws struct {
	retries int
	own     []uint8 // by connection: exponent of its latest wait
	shared  []queue // by tunnel

	ownDraws, sharedDraws draws // by connection and by tunnel
}

// draws are uniform waits for a number of things, from dice or from replayed sources.
type draws struct {
	dice
	replayed []func() float64 // by thing; nil: all come from the dice
}

// within is the next wait of a thing, below a limit.
func (d *draws) within(limit time.Duration, thing int32) int64 {
	if d.replayed == nil {
		return int64(d.uniform(thing) * float64(limit))
	}
	return int64(d.replayed[thing]() * float64(limit))
}

// replay makes the draws those of connectors that are seeded one after the other from seed+1, as package loadgen/fleet
// does it.
func (l *laws) replay(seed uint64, tunnels, connections int) {
	for t := range tunnels {
		l.sharedDraws.replayed = append(l.sharedDraws.replayed, connector.SharedDraws(seed+uint64(t)+1))
		for index := range connections {
			l.ownDraws.replayed = append(l.ownDraws.replayed, connector.OwnDraws(seed+uint64(t)+1, index))
		}
	}
}

// pause is a connection's own wait.
func (l *laws) pause(connection int32) int64 {
	n := min(int(l.own[connection])+1, l.retries)
	l.own[connection] = uint8(n)
	return l.ownDraws.within(connector.OwnWaitBelow(n, l.retries), connection)
}

// join is the end of the wait that a tunnel's connection shares, when its own is over now. first says that it has not
// waited here since it was lost.
func (l *laws) join(tunnel int32, now int64, first bool) (end int64) {
	q := &l.shared[tunnel]
	if first {
		q.away++
	}
	if q.gate > now {
		return q.gate
	}
	if q.calm != 0 && now >= q.calm {
		q.n = 0
	}
	q.calm = 0
	q.n = uint8(min(int(q.n)+1, l.retries))
	q.gate = now + l.sharedDraws.within(connector.SharedWaitBelow(int(q.n), l.retries), tunnel)
	return q.gate
}

// back says that a connection that had joined is registered. When none of its tunnel is away, the shared law calms down.
func (l *laws) back(tunnel int32, now int64) {
	q := &l.shared[tunnel]
	if q.away--; q.away == 0 {
		q.calm = now + l.sharedDraws.within(connector.CalmBelow(int(q.n), l.retries), tunnel)
	}
}
