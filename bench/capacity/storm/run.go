package storm

import (
	"context"
	"time"
)

// Run simulates a storm. It fails on a Config that cannot be, and when ctx ends.
func Run(ctx context.Context, c Config) (Result, error) {
	c, err := c.complete()
	if err != nil {
		return Result{}, err
	}
	s := newSimulation(c)
	s.lose()
	for n := 0; s.step(); n++ {
		if n%(1<<16) == 0 && ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
	}
	return s.result(), nil
}

// simulation is a storm in progress. Times are ns since the edge was lost; connection i of tunnel t has number
// t·Connections+i.
type simulation struct {
	Config
	// chance decides what is not the law: losses, hosts, service times, when a silent loss is found out.
	chance   dice
	laws     laws
	path     path
	calendar *calendar
	hosts    []host
	back     int64 // when the edge returns
	end      int64 // of the simulation
	giveUp   int64

	state []state // by connection
	heard []int64 // by connection: when it dialled, or last heard from the edge since

	at []int32 // by connection: the host that took it

	up          []uint8 // by tunnel: connections that are registered
	established int
	kept        int64 // until when upkeep is in out
	out         Result
}

// state is what a connection's next event is, and what it has been through.
type state uint8

const (
	joining     state = iota // its own wait ends
	arriving                 // its first flight is at the edge
	failing                  // it learns that the dial failed
	answered                 // the edge's flight is at the client
	registering              // its registration is at the edge
	confirmed                // the edge's answer to that is at the client
	done                     // it is registered
	event             = 7

	joined  state = 8  // has waited with its tunnel's others since it was lost
	retried state = 16 // has made the round trip of a Retry in this dial
)

func newSimulation(c Config) *simulation {
	n := c.Tunnels * c.Connections
	s := &simulation{
		Config: c, chance: newDice(c.Seed, 1, n),
		laws: laws{retries: c.Retries, own: make([]uint8, n), shared: make([]queue, c.Tunnels),
			ownDraws: draws{dice: newDice(c.Seed, 2, n)}, sharedDraws: draws{dice: newDice(c.Seed, 3, c.Tunnels)}},
		path:     path{rtt: int64(c.RTT), loss: c.Loss, giveUp: int64(c.HandshakeIdle)},
		hosts:    make([]host, c.Hosts),
		back:     int64(c.Outage),
		end:      int64(c.Outage + c.Horizon),
		giveUp:   int64(c.HandshakeIdle),
		state:    make([]state, n),
		heard:    make([]int64, n),
		at:       make([]int32, n),
		kept:     int64(c.Outage),
		up:       make([]uint8, c.Tunnels),
		calendar: newCalendar(n, dayOf(n), daysOf(n)),
	}
	s.path.dice = &s.chance
	for i := range s.hosts {
		s.hosts[i].free = make(times, c.Cores)
	}
	if c.Replay != 0 {
		s.laws.replay(c.Replay, c.Tunnels, c.Connections)
	}
	s.out = Result{Connections: n, Tunnels: c.Tunnels, Bin: c.Bin}
	return s
}

// A calendar's days together are as long as most waits, and hold about four events each.
const year = 40 * time.Second

func daysOf(n int) int { return min(max(n/4, 1<<8), 1<<20) }

func dayOf(n int) int64 { return int64(year) / int64(daysOf(n)) }

// lose plans when each connection finds out that the edge is gone. A connection's PING goes out one period after it last
// heard of the edge, and begins the idle time-out anew.
func (s *simulation) lose() {
	period := min(s.KeepAlive, s.Idle/2) // as quic-go does
	for connection := range s.state {
		found := int64(s.RTT / 2)
		if !s.Told {
			found = int64(s.Idle) + int64(s.chance.uniform(int32(connection))*float64(period))
		}
		s.pause(int32(connection), found)
	}
}

// pause begins a connection's own wait, from now on.
func (s *simulation) pause(connection int32, now int64) {
	end := now + s.laws.pause(connection)
	if int(connection)%s.Connections == 0 {
		s.dial(connection, end) // waits no more
		return
	}
	s.plan(connection, joining, end)
}

func (s *simulation) plan(connection int32, next state, at int64) {
	s.state[connection] = s.state[connection]&^event | next
	s.calendar.enter(connection, at)
}

// step takes one event; false when there is none left before the end.
func (s *simulation) step() bool {
	connection, now, ok := s.calendar.take()
	if !ok || now > s.end {
		return false
	}
	switch s.state[connection] & event {
	case joining:
		first := s.state[connection]&joined == 0
		s.state[connection] |= joined
		s.dial(connection, s.laws.join(connection/int32(s.Connections), now, first))
	case arriving:
		s.arrive(connection, now)
	case failing:
		s.pause(connection, now)
	case answered:
		s.complete(connection, s.work(connection, now, s.Shared, &s.out.PeerBusy))
	case registering:
		next := confirmed
		if s.SharedRegistration == 0 {
			next = done
		}
		s.plan(connection, next, s.work(connection, now, s.Registration, &s.out.EdgeBusy)+int64(s.RTT/2))
	case confirmed:
		s.plan(connection, done, s.work(connection, now, s.SharedRegistration, &s.out.PeerBusy))
	case done:
		s.register(connection, now)
	}
	return true
}

// dial sends the first flight at the given time, which may be to come.
func (s *simulation) dial(connection int32, at int64) {
	s.out.Dials++
	s.heard[connection] = at
	s.state[connection] &^= retried
	s.send(connection, s.back)
}

// send brings a dial's first flight, or the first of its probes, to the edge at the given time or later.
func (s *simulation) send(connection int32, arrival int64) {
	leaves, ok := s.path.reach(s.heard[connection], arrival)
	if ok {
		var delay int64
		delay, ok = s.path.flight(connection, s.ClientFlight, firstPTO)
		leaves += delay
	}
	if !ok || leaves-s.heard[connection] >= s.giveUp {
		s.timeout(connection)
		return
	}
	s.plan(connection, arriving, leaves+int64(s.RTT/2))
}

// timeout plans that the connection gives up what it has not heard of for too long.
func (s *simulation) timeout(connection int32) {
	s.out.Timeouts++
	s.plan(connection, failing, s.heard[connection]+s.giveUp)
}

// arrive is a first flight at the edge.
func (s *simulation) arrive(connection int32, now int64) {
	s.at[connection] = int32(s.chance.below(connection, len(s.hosts)))
	h := &s.hosts[s.at[connection]]
	if s.admits() {
		waiting, busy := h.waiting(now), h.halfOpen(now)
		switch {
		case s.Queue > 0 && waiting >= s.Queue+s.Cores:
			s.out.Lost++
			s.send(connection, now+1)
			return
		case s.Cap > 0 && busy >= s.Cap:
			s.out.Refused++
			s.plan(connection, failing, now+int64(s.RTT/2))
			return
		case s.RetryAbove > 0 && busy >= s.RetryAbove && s.state[connection]&retried == 0:
			s.out.Retries++
			s.state[connection] |= retried
			s.heard[connection] = now + int64(s.RTT/2)
			s.plan(connection, arriving, now+int64(s.RTT))
			return
		}
	}
	s.serve(h, connection, now)
}

// admits reports whether how many handshakes are in progress matters.
func (s *simulation) admits() bool { return s.Cap > 0 || s.RetryAbove > 0 || s.Queue > 0 }

// serve queues for a core. The edge does not know that a client has given up: it does the work all the same.
func (s *simulation) serve(h *host, connection int32, now int64) {
	service := s.shaped(connection, s.Service)
	s.out.EdgeBusy += service
	start, end := h.begin(now, s.length(service))
	if s.admits() {
		h.enter(end)
	}
	s.out.LongestWait = max(s.out.LongestWait, time.Duration(start-now))
	delay, ok := s.path.flight(connection, s.ServerFlight, firstPTO)
	back := end + delay + int64(s.RTT/2)
	if !ok || back-s.heard[connection] >= s.giveUp {
		s.out.InVain++
		s.timeout(connection)
		if s.admits() {
			h.close(s.heard[connection] + 2*s.giveUp) // the edge's own limit
		}
		return
	}
	if s.Shared == 0 { // an event less, of millions
		s.complete(connection, back)
		return
	}
	s.plan(connection, answered, back)
}

// work is a later step of a reconnection, which queues for a core of its host; it returns when that is done.
func (s *simulation) work(connection int32, now int64, cpu time.Duration, busy *time.Duration) (end int64) {
	if cpu == 0 {
		return now
	}
	*busy += cpu
	_, end = s.hosts[s.at[connection]].begin(now, s.length(cpu))
	return end
}

// complete is that the client's handshake will be complete at a time. It sends its last flight and the registration; the
// call's own time-out outlives their loss.
func (s *simulation) complete(connection int32, at int64) {
	if at <= s.end {
		s.out.add(&s.out.Shaken, at-s.back)
	}
	delay, _ := s.path.flight(connection, 1, s.path.laterPTO())
	arrival := at + delay + int64(s.RTT/2)
	if s.admits() {
		s.hosts[s.at[connection]].close(arrival)
	}
	switch {
	case s.Registration > 0:
		s.plan(connection, registering, arrival)
	case s.SharedRegistration > 0:
		s.plan(connection, confirmed, arrival+int64(s.RTT/2))
	default:
		s.plan(connection, done, arrival+int64(s.RTT/2))
	}
}

// shaped is a time of the distribution of service times.
func (s *simulation) shaped(connection int32, mean time.Duration) time.Duration {
	if s.Shape == nil {
		return mean
	}
	return time.Duration(float64(mean) * s.Shape[s.chance.below(connection, len(s.Shape))])
}

// length is how long a core is busy with what takes it so much CPU time, beside what else it does.
func (s *simulation) length(cpu time.Duration) int64 {
	t := float64(cpu) / s.Speed
	edge, peer := s.upkeep()
	t /= max(1-(edge+peer)/float64(s.Hosts*s.Cores), leastLeft)
	return max(int64(t), 1)
}

// upkeep is how many cores keep up what is established, at both ends.
func (s *simulation) upkeep() (edge, peer float64) {
	n := float64(s.established)
	return n * s.Upkeep.Seconds(), n * s.SharedUpkeep.Seconds()
}

// keep counts the upkeep of those that are established, until now.
func (s *simulation) keep(now int64) {
	edge, peer := s.upkeep()
	if s.established > 0 {
		edge, peer = edge+float64(s.Hosts)*s.Floor.Seconds(), peer+float64(s.Hosts)*s.SharedFloor.Seconds()
	}
	s.out.EdgeBusy += time.Duration(edge * float64(now-s.kept))
	s.out.PeerBusy += time.Duration(peer * float64(now-s.kept))
	s.kept = now
}

// leastLeft keeps cores that upkeep alone overloads from standing still for ever.
const leastLeft = 0.01

// register is a connection back.
func (s *simulation) register(connection int32, now int64) {
	tunnel := connection / int32(s.Connections)
	s.laws.own[connection] = 0
	if s.state[connection]&joined != 0 {
		s.laws.back(tunnel, now)
	}
	s.keep(now)
	s.established++
	s.up[tunnel]++
	since := now - s.back
	s.out.add(&s.out.Registered, since)
	if s.up[tunnel] == 1 {
		s.out.add(&s.out.Reachable, since)
	}
}
