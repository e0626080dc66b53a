package storm

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pqbench/tunnel/connector"
)

func run(t *testing.T, c Config) Result {
	t.Helper()
	r, err := Run(t.Context(), c)
	require.NoError(t, err)
	return r
}

// A burst of n on k cores with service s drains in n·s/k: with one connection a tunnel, no wait to speak of and an edge
// that is told at once, all dial within two seconds, and the last leaves when the work is done.
func TestBurstDrains(t *testing.T) {
	for name, test := range map[string]struct {
		c    Config
		want time.Duration // the work, over the cores
	}{
		"one core":    {Config{Tunnels: 1000, Service: 20 * time.Millisecond}, 20 * time.Second},
		"four cores":  {Config{Tunnels: 4000, Cores: 4, Service: 20 * time.Millisecond}, 20 * time.Second},
		"half a core": {Config{Tunnels: 500, Speed: 0.5, Service: 20 * time.Millisecond}, 20 * time.Second},
		"shared":      {Config{Tunnels: 1000, Service: 15 * time.Millisecond, Shared: 5 * time.Millisecond}, 20 * time.Second},
		"two hosts":   {Config{Tunnels: 2000, Hosts: 2, Service: 20 * time.Millisecond}, 20 * time.Second},
		"two steps":   {Config{Tunnels: 1000, Service: 15 * time.Millisecond, Registration: 5 * time.Millisecond}, 20 * time.Second},
		"four steps": {Config{Tunnels: 1000, Service: 8 * time.Millisecond, Shared: 6 * time.Millisecond, Registration: 4 * time.Millisecond,
			SharedRegistration: 2 * time.Millisecond}, 20 * time.Second},
		"shape of mean": {Config{Tunnels: 1000, Service: 20 * time.Millisecond, Shape: []float64{1, 3, 2}}, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			test.c.Connections, test.c.Told, test.c.Seed = 1, true, 7
			test.c.HandshakeIdle = time.Hour // nobody gives up
			r := run(t, test.c)
			require.Equal(t, test.c.Tunnels, r.Dials)
			require.Equal(t, test.c.Tunnels, r.Back())
			last, ok := r.Recovered(1)
			require.True(t, ok)
			// The first dial comes within moments; two hosts do not get exactly the same number.
			require.InEpsilon(t, test.want.Seconds(), last.Seconds(), 0.05)
		})
	}
}

// An edge with more to do than it can does handshakes first: registrations queue behind those that came meanwhile. Both
// are complete in the end, and what was computed is counted.
func TestRegistrationsQueueBehindHandshakes(t *testing.T) {
	c := Config{Tunnels: 2000, Connections: 1, Told: true, Service: 8 * time.Millisecond, Registration: 2 * time.Millisecond, HandshakeIdle: time.Hour, Seed: 5}
	r := run(t, c)
	require.Equal(t, c.Tunnels, total(r.Shaken))
	require.Equal(t, c.Tunnels, r.Back())
	half := func(line []int32) time.Duration {
		at, ok := reached(line, float64(c.Tunnels)/2, r.Bin)
		require.True(t, ok)
		return at
	}
	// All dial within two seconds, and 16 s of handshakes come before almost all of 4 s of registrations.
	require.InDelta(t, 9, half(r.Shaken).Seconds(), 1)
	require.Greater(t, half(r.Registered), 16*time.Second)
	require.Greater(t, r.Peak(time.Second), 2*r.PeakHandshakes(time.Second))
	require.Equal(t, 20*time.Second, r.EdgeBusy)
	require.Zero(t, r.PeerBusy, "connectors have machines of their own")
}

// Upkeep is counted from each registration on, a host's floor from the first.
func TestUpkeepIsCounted(t *testing.T) {
	c := Config{Tunnels: 500, Connections: 1, Told: true, Service: 1, Seed: 6, Bin: time.Millisecond, Outage: time.Second,
		Upkeep: 100 * time.Microsecond, SharedUpkeep: 200 * time.Microsecond, Floor: 10 * time.Millisecond, SharedFloor: 20 * time.Millisecond}
	r := run(t, c)
	var up time.Duration // connection times time
	first, last := time.Duration(-1), time.Duration(0)
	for i, n := range r.Registered {
		if n > 0 {
			last = time.Duration(i) * r.Bin
			if first < 0 {
				first = last
			}
		}
	}
	for i, n := range r.Registered {
		up += time.Duration(n) * (last - time.Duration(i)*r.Bin)
	}
	want := up.Seconds()*100e-6 + (last-first).Seconds()*10e-3
	require.InEpsilon(t, want, r.EdgeBusy.Seconds(), 0.02)
	require.InEpsilon(t, 2*want, r.PeerBusy.Seconds(), 0.02)
}

// Without a queue the law is all there is: connection 0 dials uniformly within two seconds of finding out, the others
// within two and then twenty more.
func TestLawWithoutLoad(t *testing.T) {
	const n = 20_000
	zero := run(t, Config{Tunnels: n, Connections: 1, Told: true, Service: 1, Cores: 64, Bin: 10 * time.Millisecond, Seed: 3})
	require.Less(t, distance(zero, func(x float64) float64 { return x / 2 }), 1.95/math.Sqrt(n)+0.005)

	// Of two connections, the second waits uniformly below 2 s and then below 20 s: the sum's distribution.
	both := run(t, Config{Tunnels: n, Connections: 2, Told: true, Service: 1, Cores: 64, Bin: 10 * time.Millisecond, Seed: 4})
	sum := func(x float64) float64 {
		area := func(x float64) float64 { return max(x, 0) * max(x, 0) / 2 }
		return (area(x) - area(x-2) - area(x-20) + area(x-22)) / 40
	}
	got := distance(both, func(x float64) float64 { return (min(x/2, 1) + sum(x)) / 2 })
	require.Less(t, got, 1.95/math.Sqrt(n)+0.005)

	// A silent edge is found out by the idle time-out, five seconds after a PING that goes out within one.
	silent := run(t, Config{Tunnels: n, Connections: 1, Service: 1, Cores: 64, Bin: 10 * time.Millisecond, Seed: 5})
	triangle := func(x float64) float64 { // uniform below 1 plus uniform below 2
		area := func(x float64) float64 { return max(x, 0) * max(x, 0) / 2 }
		x -= 5
		return (area(x) - area(x-1) - area(x-2) + area(x-3)) / 2
	}
	require.Less(t, distance(silent, triangle), 1.95/math.Sqrt(n)+0.005)
}

// distance is the greatest between the share that is back by the end of each step and what it should be.
func distance(r Result, want func(seconds float64) float64) (d float64) {
	sum := 0
	for i, n := range r.Registered {
		sum += int(n)
		at := (time.Duration(i+1) * r.Bin).Seconds()
		d = max(d, math.Abs(float64(sum)/float64(r.Connections)-min(want(at), 1)))
	}
	return d
}

// An M/D/1 queue's mean wait is ρ·s/(2(1−ρ)): the host alone, fed by Poisson arrivals.
func TestHostIsMD1(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const service = 1_000_000
	for _, load := range []float64{0.3, 0.6, 0.8} {
		h := host{free: make(times, 1)}
		now, waited, n := 0.0, 0.0, 400_000
		for range n {
			now += random.ExpFloat64() * service / load
			start, end := h.begin(int64(now), service)
			require.Equal(t, int64(service), end-start)
			waited += float64(start - int64(now))
		}
		require.InEpsilon(t, load*service/(2*(1-load)), waited/float64(n), 0.03, "load %v", load)
	}
}

// Every dial ends in one way, everybody comes back, and an overloaded edge works in vain.
func TestConservation(t *testing.T) {
	for name, c := range map[string]Config{
		"outage":   {Tunnels: 3000, Cores: 2, Service: time.Millisecond, Outage: 20 * time.Second},
		"overload": {Tunnels: 20_000, Connections: 1, Told: true, Service: 2 * time.Millisecond, Queue: 500},
		"cap":      {Tunnels: 20_000, Connections: 1, Told: true, Service: 2 * time.Millisecond, Cap: 100},
		"retry":    {Tunnels: 3000, Service: 2 * time.Millisecond, RTT: 50 * time.Millisecond, RetryAbove: 20},
		"loss":     {Tunnels: 3000, Service: time.Millisecond, RTT: 50 * time.Millisecond, Loss: 0.2, ClientFlight: 2, ServerFlight: 3, Outage: time.Second},
		"upkeep":   {Tunnels: 3000, Service: time.Millisecond, Upkeep: 40 * time.Microsecond},
	} {
		t.Run(name, func(t *testing.T) {
			c.Seed = 11
			r := run(t, c)
			require.Equal(t, r.Connections, r.Back())
			require.Equal(t, r.Dials, r.Back()+r.Timeouts+r.Refused)
			require.Equal(t, r.Tunnels, total(r.Reachable))
			require.Equal(t, name == "cap", r.Refused > 0)
			require.Equal(t, name == "retry", r.Retries > 0)
			require.Equal(t, name == "overload", r.Lost > 0)
			require.Equal(t, name == "loss", r.InVain > 0)
			half, _ := r.Recovered(0.5)
			all, _ := r.Recovered(1)
			require.LessOrEqual(t, half, all)
			first, _ := r.Reached(1)
			require.LessOrEqual(t, first, all)
		})
	}
}

// Forty seconds of work behind a queue without bound: by the time that a client's turn comes it has given up, and the edge
// computes in vain for ever. What bounds the queue to less than a client's patience brings everybody back.
func TestUnboundedQueueCollapses(t *testing.T) {
	c := Config{Tunnels: 20_000, Connections: 1, Told: true, Service: 2 * time.Millisecond, Horizon: 10 * time.Minute, Seed: 12}
	r := run(t, c)
	require.Less(t, r.Back(), r.Connections/2)
	require.Greater(t, r.InVain, r.Back())
	for name, bound := range map[string]func(*Config){
		"queue": func(c *Config) { c.Queue = 500 },
		"cap":   func(c *Config) { c.Cap = 1000 },
	} {
		c := c
		bound(&c)
		r := run(t, c)
		require.Equal(t, r.Connections, r.Back(), name)
		require.Zero(t, r.InVain, name)
	}
}

// What an edge admits by is how many handshakes are half open, most of which are on their way where the round trip is long.
func TestHalfOpenHandshakesCount(t *testing.T) {
	c := Config{Tunnels: 2000, Connections: 1, Told: true, Cores: 64, Service: 10 * time.Microsecond, RTT: time.Millisecond, RetryAbove: 50, Seed: 5}
	require.Zero(t, run(t, c).Retries)
	c.RTT = 300 * time.Millisecond
	require.Greater(t, run(t, c).Retries, c.Tunnels/4)
	c.RetryAbove, c.Cap = 0, 50
	require.Greater(t, run(t, c).Refused, c.Tunnels/4)
}

// The seed fixes everything, and another one changes it.
func TestSameSeedSameStorm(t *testing.T) {
	c := Config{Tunnels: 2000, Cores: 2, Hosts: 3, Service: time.Millisecond, Shape: []float64{1, 2, 5}, Outage: 10 * time.Second,
		RTT: 30 * time.Millisecond, Loss: 0.05, ServerFlight: 3, Cap: 50, RetryAbove: 10, Seed: 1}
	first := run(t, c)
	require.Equal(t, first, run(t, c))
	c.Seed = 2
	require.NotEqual(t, first, run(t, c))
}

// More of anything that handshakes compete for brings the fleet back later, more cores sooner.
func TestDirections(t *testing.T) {
	base := Config{Tunnels: 4_000, Service: time.Millisecond, Seed: 9}
	after := func(change func(*Config)) float64 {
		c := base
		change(&c)
		r := run(t, c)
		d, ok := r.Recovered(0.99)
		require.True(t, ok)
		return d.Seconds()
	}
	usual := after(func(*Config) {})
	require.Greater(t, usual, after(func(c *Config) { c.Cores = 8 }))
	require.Less(t, usual, after(func(c *Config) { c.Shared = time.Millisecond }))
	require.Less(t, usual, after(func(c *Config) { c.Speed = 0.6 }))
	require.Less(t, usual, after(func(c *Config) { c.Upkeep = 50 * time.Microsecond }))
	require.Less(t, usual, after(func(c *Config) { c.SharedUpkeep = 50 * time.Microsecond }))
	require.Equal(t, usual, after(func(c *Config) { c.Floor, c.SharedFloor = 500*time.Millisecond, 500*time.Millisecond }), "busy cores need no waking")
	require.Less(t, usual, after(func(c *Config) { c.Registration = time.Millisecond }))
	require.Less(t, usual, after(func(c *Config) { c.SharedRegistration = time.Millisecond }))
	fast := func(c *Config) { c.Cores = 64 }
	require.Less(t, after(fast), after(func(c *Config) { fast(c); c.RTT, c.Loss, c.ServerFlight = 200*time.Millisecond, 0.3, 3 }))
}

func TestRunRefuses(t *testing.T) {
	good := Config{Tunnels: 1, Service: 1}
	for name, change := range map[string]func(*Config){
		"no tunnels":  func(c *Config) { c.Tunnels = 0 },
		"negative":    func(c *Config) { c.Tunnels = -1 },
		"too many":    func(c *Config) { c.Tunnels = 1 << 30 },
		"no service":  func(c *Config) { c.Service = 0 },
		"all lost":    func(c *Config) { c.Loss = 1 },
		"speed":       func(c *Config) { c.Speed = 1.2 },
		"cores":       func(c *Config) { c.Cores = -1 },
		"rtt":         func(c *Config) { c.RTT = -1 },
		"shape":       func(c *Config) { c.Shape = []float64{math.NaN()} },
		"retries":     func(c *Config) { c.Retries = 15 },
		"bin":         func(c *Config) { c.Bin = 1 },
		"connections": func(c *Config) { c.Connections = 300 },
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			change(&c)
			_, err := Run(t.Context(), c)
			require.ErrorContains(t, err, "storm: ")
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Run(ctx, good)
	require.ErrorIs(t, err, context.Canceled)
}

// A calendar is a sorted list, whatever its days are.
func FuzzCalendar(f *testing.F) {
	f.Add(uint64(1), uint16(50), uint16(10), uint8(4))
	f.Add(uint64(2), uint16(300), uint16(1), uint8(1))
	f.Add(uint64(3), uint16(2), uint16(60000), uint8(200))
	f.Fuzz(func(t *testing.T, seed uint64, n, day uint16, days uint8) {
		random := rand.New(rand.NewPCG(seed, 0))
		things := int(n)%500 + 1
		c := newCalendar(things, int64(day)+1, int(days)+1)
		type entry struct {
			at    int64
			thing int32
		}
		var planned []entry
		enter := func(thing int32, at int64) {
			c.enter(thing, at)
			planned = append(planned, entry{at, thing})
		}
		for i := range things {
			enter(int32(i), random.Int64N(100_000))
		}
		for again := 2 * things; len(planned) > 0; again-- {
			slices.SortFunc(planned, func(a, b entry) int {
				if a.at != b.at {
					return int(a.at - b.at)
				}
				return int(a.thing - b.thing)
			})
			thing, at, ok := c.take()
			require.True(t, ok)
			require.Equal(t, planned[0], entry{at, thing})
			planned = planned[1:]
			if again > 0 {
				enter(thing, at+random.Int64N(1<<random.IntN(24)))
			}
		}
		_, _, ok := c.take()
		require.False(t, ok)
	})
}

func BenchmarkMillionTunnels(b *testing.B) {
	for b.Loop() {
		r, err := Run(b.Context(), Config{Tunnels: 1_000_000, Hosts: 32, Cores: 16, Service: 800 * time.Microsecond, Outage: 10 * time.Second, RTT: 30 * time.Millisecond, Seed: 1})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(r.Dials), "dials")
	}
}

// A replayed storm draws what the connectors of a fleet with that seed draw.
func TestReplay(t *testing.T) {
	const seed = 42
	c := Config{Tunnels: 1, Connections: 1, Told: true, Service: 1, Bin: time.Millisecond, Replay: seed, Seed: 1}
	r := run(t, c)
	want := time.Duration(connector.OwnDraws(seed+1, 0)() * float64(2*time.Second))
	got, ok := r.Recovered(1)
	require.True(t, ok)
	require.InDelta(t, want.Seconds(), got.Seconds(), 0.002)

	c.Tunnels, c.Connections = 50, 4
	first := run(t, c)
	c.Seed = 2 // decides nothing that is left
	require.Equal(t, first, run(t, c))
	c.Replay++
	require.NotEqual(t, first, run(t, c))
}
