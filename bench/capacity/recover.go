package capacity

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"pqbench/bench/capacity/storm"
	"pqbench/tunnel/edge"
)

// A Storm is a simulated one, and what it was simulated with.
type Storm struct {
	Config storm.Config
	Result storm.Result
	Took   time.Duration `json:"-"` // of computing, which two runs of the same target do not share
}

// A storm's dice are its connectors' waits: two fleets of one size are not back after the same time. Each throw is an
// independent storm.
const (
	// throws is in how many of them the rate is searched, and whatIfThrows for what-ifs.
	throws, whatIfThrows = 5, 3
	// sample is how many tunnels stand for a larger fleet in a search, and lawSample where nothing is searched. Of 10,000
	// tunnels with four connections the 99th percentile of the waits scatters by a second, of 50,000 by less than half of one.
	sample, lawSample = 10_000, 50_000
	// tail is how many connections of a sample may be late at least: a share that is nearly all of a fleet is that of a
	// nearly whole fleet.
	tail = 100
	// budget bounds the tunnels of all throws together.
	budget = 5 * lawSample
)

// sampled is how many tunnels stand for the fleet, where so many would.
func (t *Target) sampled(usual int) int {
	late := (1 - t.RecoverShare) * float64(t.Connections) // of each tunnel
	if need := tail / late; need > float64(usual) {
		if need >= float64(t.Tunnels) {
			return t.Tunnels
		}
		usual = int(need)
	}
	return min(t.Tunnels, usual)
}

// throwsOf is how many throws there are of storms with so many tunnels.
func throwsOf(most, tunnels int) int { return max(min(most, budget/tunnels), 1) }

// thrown is the seed of a throw.
func (t *Target) thrown(throw int) uint64 { return t.Seed + uint64(throw)*1_000_003 }

// receiveBuffer is what quic-go asks of a socket, and datagramCost what the kernel charges it for a datagram of an
// Initial's size: its data lies in a block of 2 KiB with 256 bytes of bookkeeping (Linux, sk_buff).
const (
	receiveBuffer = 7 << 20
	datagramCost  = 2304
)

// queue is how many first flights wait at a host before further ones are lost.
func queue(flight int) int { return receiveBuffer / datagramCost / max(flight, 1) }

// flights are the datagrams of the first flights, from the ledger; 1 where that was not measured.
func (c *Costs) flights() (client, server int) {
	of := func(name string) int {
		if cost := c.cost(name); cost != nil {
			return max(int(cost.Value+0.5), 1)
		}
		return 1
	}
	return of(clientFlight), of(serverFlight)
}

// storm is the target's for a group, on hosts whose cores have so much left beside normal operation.
func (t *Target) storm(c *Costs, hosts int, speed float64) storm.Config {
	client, server := c.flights()
	handshake, registration := c.steps()
	return storm.Config{
		Tunnels: t.Tunnels, Connections: t.Connections, Hosts: hosts, Cores: t.Cores, Speed: speed,
		Service: handshake, Registration: registration, Shape: c.Shape,
		Outage: t.Outage, KeepAlive: t.KeepAlive, Idle: t.Idle, RTT: t.RTT, Loss: t.Loss,
		ClientFlight: client, ServerFlight: server,
		Queue: queue(client), RetryAbove: edge.DefaultRetryAbove, Seed: t.Seed,
	}
}

// pooled is a storm of a small fleet at one core that computes a part of rate, reconnections a second, as large as the
// fleet's part of all tunnels. Queue and Retry bound the time that is waited as they do at a host.
func (t *Target) pooled(c *Costs, rate float64, tunnels, throw int) storm.Config {
	s := t.storm(c, 1, 1)
	part := float64(tunnels) / float64(t.Tunnels)
	s.Tunnels, s.Seed = tunnels, t.thrown(throw)
	all := s.Service + s.Registration
	perHost := float64(s.Cores) / all.Seconds()
	one := 1 / (rate * part) / all.Seconds() // of a reconnection, times what it takes a core of a host
	s.Cores, s.Service, s.Registration = 1, max(time.Duration(float64(s.Service)*one), 1), time.Duration(float64(s.Registration)*one)
	scale := rate * part / perHost
	s.Queue = max(int(float64(s.Queue)*scale), 1)
	s.RetryAbove = max(int(float64(s.RetryAbove)*scale), 1)
	return s
}

// recovered is how long the fleet takes at a rate; ok is false when it is not back in time.
func (t *Target) recovered(ctx context.Context, c *Costs, rate float64, tunnels, throw int) (time.Duration, bool, error) {
	s := t.pooled(c, rate, tunnels, throw)
	s.Horizon = t.Recover + time.Second // later than asked for is not asked for
	r, err := storm.Run(ctx, s)
	if err != nil {
		return 0, false, err
	}
	after, ok := r.Recovered(t.RecoverShare)
	return after, ok, nil
}

// A Law is how long the connectors' own waits take, at an edge that computes no time at all: the least, the median and the
// most of several throws. Never says that they take for ever.
type Law struct {
	Low, Value, High time.Duration
	Never            bool
}

// lawIn is the law's time in one throw; ok is false for ever.
func (t *Target) lawIn(ctx context.Context, c *Costs, tunnels, throw int) (time.Duration, bool, error) {
	r, err := storm.Run(ctx, waitsAlone(t.pooled(c, 1, tunnels, throw)))
	if err != nil {
		return 0, false, err
	}
	after, ok := r.Recovered(t.RecoverShare)
	return after, ok, nil
}

// law is the law's time for a group: its flights are lost more often the more datagrams they have.
func (t *Target) law(ctx context.Context, c *Costs) (Law, error) {
	tunnels := t.sampled(lawSample)
	var times []time.Duration
	for throw := range throwsOf(throws, tunnels) {
		after, ok, err := t.lawIn(ctx, c, tunnels, throw)
		if err != nil {
			return Law{}, err
		}
		if !ok {
			return Law{Never: true}, nil
		}
		times = append(times, after)
	}
	slices.Sort(times)
	return Law{Low: times[0], Value: times[len(times)/2], High: times[len(times)-1]}, nil
}

// rates are the rates of reconnections, a second, that bring the fleet back in time, one for each throw; 0 where the
// connectors' own waits alone take longer.
type rates []float64

// middle is the median; 0 when one of them is: what depends on luck is not planned for.
func (r rates) middle() float64 {
	sorted := slices.Sorted(slices.Values(r))
	if len(sorted) == 0 || sorted[0] == 0 {
		return 0
	}
	return sorted[len(sorted)/2]
}

// of is that of a draw: the same throw for all groups.
func (r rates) of(draw int) float64 {
	if len(r) == 0 {
		return 0
	}
	return r[draw%len(r)]
}

// rates searches in so many throws.
func (t *Target) rates(ctx context.Context, c *Costs, most int) (out rates, err error) {
	tunnels := t.sampled(sample)
	for throw := range throwsOf(most, tunnels) {
		rate, err := t.rate(ctx, c, tunnels, throw)
		if err != nil {
			return nil, fmt.Errorf("search the rate: %w", err)
		}
		out = append(out, rate)
	}
	return out, nil
}

// precision is how near the search comes to the least rate.
const precision = 1.02

// rate is the least rate of reconnections that brings the fleet back in time in a throw; 0 when the law alone takes longer.
func (t *Target) rate(ctx context.Context, c *Costs, tunnels, throw int) (float64, error) {
	if after, ok, err := t.lawIn(ctx, c, tunnels, throw); err != nil || !ok || after > t.Recover {
		return 0, err
	}
	all := float64(t.Tunnels * t.Connections)
	// At the low end even an edge that is busy all the time is too slow; at the high end everybody is served at once.
	low, high := t.RecoverShare*all/(t.Recover+t.Idle+t.KeepAlive).Seconds()/2, all*10
	for high/low > precision {
		middle := math.Sqrt(low * high)
		if high/low > 4 {
			middle = low * 2
		}
		after, ok, err := t.recovered(ctx, c, middle, tunnels, throw)
		if err != nil {
			return 0, err
		}
		if ok && after <= t.Recover {
			high = middle
		} else {
			low = middle
		}
	}
	return high, nil
}

// simulate runs the storm whole on the answer's hosts, which it raises while the simulation says that they are too few:
// hosts do not get equal parts of a fleet that chooses at random.
func (t *Target) simulate(ctx context.Context, c *Costs, a *Answer) error {
	if c.reconnect() == nil {
		return nil
	}
	steady, _ := t.steadyCores(c.medians())
	hosts := int(a.Hosts.Value)
	for attempt := 1; ; attempt++ {
		done, err := t.whole(ctx, c, hosts, steady)
		if err != nil {
			return err
		}
		after, ok := done.Result.Recovered(t.RecoverShare)
		enough := ok && after <= t.Recover
		if enough || !a.raises() || attempt == attempts {
			t.settle(c, a, done)
			if !enough && a.Rate > 0 {
				a.Late = t.late(a, after, ok)
			}
			return nil
		}
		hosts += max(hosts/50, 1)
	}
}

// raises reports whether more hosts are an answer to a storm that takes too long: where the connectors' own waits take
// longer they are not, and where what normal operation leaves for a storm is not known, nobody knows how many.
func (a *Answer) raises() bool {
	i := slices.IndexFunc(a.Dimensions, func(d Dimension) bool { return d.Name == dimStorm })
	return a.Rate > 0 && a.Dimensions[i].Refused == "" && a.Dimensions[i].AtLeast == ""
}

// settle makes the answer one of the hosts that the storm was simulated on, in all of its draws.
func (t *Target) settle(c *Costs, a *Answer, done *Storm) {
	if hosts := float64(done.Config.Hosts); hosts > a.Hosts.Value {
		i := slices.IndexFunc(a.Dimensions, func(d Dimension) bool { return d.Name == dimStorm })
		const rounding = 1e-6 // of a host, that its number is not rounded up to the next
		law := a.Law
		*a = t.answer(c, a.Rates, (hosts-rounding)/a.Dimensions[i].Hosts.Value)
		a.Law = law
	}
	a.Storm = done
}

// late says that the storm takes too long on the answer's hosts.
func (t *Target) late(a *Answer, took time.Duration, ok bool) string {
	text := fmt.Sprintf("the simulated storm brings %s back after %s on %s, later than the %v asked for",
		percent(t.RecoverShare), after(took, ok), counted(a.Storm.Config.Hosts, "host"), t.Recover)
	if !a.raises() {
		return text + ": how many hosts would do cannot be said without what normal operation takes of them"
	}
	if wait := a.Storm.Result.LongestWait; wait < t.Recover/20 {
		return text + fmt.Sprintf(". Nobody waited longer than %s for a core: it is the connectors' own waits that take it, and more hosts are no help; allow more time with --recover-within",
			after(wait, true))
	}
	return text + fmt.Sprintf("; so it did on every number of hosts that was tried, %d of them: plan for more, or allow more time with --recover-within", attempts)
}

// whole simulates the target's storm on so many hosts, steady cores of which normal operation takes.
func (t *Target) whole(ctx context.Context, c *Costs, hosts int, steady float64) (*Storm, error) {
	efficiency := c.Scaling.efficiency(t.Cores)
	config := t.storm(c, hosts, min(max(efficiency-steady/float64(hosts*t.Cores), 0.01), 1))
	config.Horizon = 10*t.Recover + time.Minute
	started := time.Now()
	result, err := storm.Run(ctx, config)
	return &Storm{Config: config, Result: result, Took: time.Since(started)}, err
}

// attempts bounds how often the storm is simulated on more hosts.
const attempts = 8
