package storm

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"pqbench/tunnel"
	"pqbench/tunnel/connector"
)

// Config is a storm. Tunnels and Service are required; every other zero is the default that its field names.
type Config struct {
	// Tunnels is how many connectors there are, each with one tunnel.
	Tunnels int
	// Connections of a tunnel; default tunnel.HAConnections.
	Connections int

	// Hosts are the edge's; default 1. A connection finds one of them at random at every dial.
	Hosts int
	// Cores of each host that handshakes are computed on; default 1.
	Cores int
	// Speed is the share of each core that is there for handshakes; default 1. What other work takes is left out of it.
	Speed float64
	// Service is the CPU time of a handshake at the edge, and Registration that of what comes after it, when the client has
	// answered: its last flight and the registration. Both queue for a core, the latter behind all handshakes that came
	// meanwhile. Default of Registration is none: Service is then all there is to do.
	Service, Registration time.Duration
	// Shape is the distribution of service times as multiples of Service, any number of equally likely ones, which are
	// scaled to a mean of 1; none is a constant service time.
	Shape []float64
	// Shared is the CPU time of a handshake that the connector spends on the same cores, on a machine that holds both
	// ends, and SharedRegistration that of its registration. They queue as the edge's do. Default none: connectors have
	// machines of their own.
	Shared, SharedRegistration time.Duration
	// Upkeep is the CPU time that an established connection takes from its host each second; SharedUpkeep what its other end
	// takes from the same cores.
	Upkeep, SharedUpkeep time.Duration
	// Floor is the CPU time that a host takes each second as soon as it has connections at all, and SharedFloor what the
	// other end's process takes from the same cores: the timers of a few connections wake a processor about as often as
	// those of many, so that the first ones cost more than what further ones add. It is counted, and takes nothing from
	// handshakes: a processor that is busy with these is awake.
	Floor, SharedFloor time.Duration

	// Outage is how long the edge is away.
	Outage time.Duration
	// Told says that the edge closed its connections when it went; otherwise they find out by the idle time-out.
	Told bool
	// KeepAlive, Idle and HandshakeIdle are the connection's timers; defaults are package tunnel's.
	KeepAlive, Idle, HandshakeIdle time.Duration
	// Retries caps the exponent of waits; default connector.DefaultRetries.
	Retries int

	// RTT is the round trip between connectors and edge; Loss the share of datagrams lost, each way.
	RTT  time.Duration
	Loss float64
	// ClientFlight and ServerFlight are datagrams of the handshake's first flights; default 1. A flight is delayed when
	// one of its datagrams is lost.
	ClientFlight, ServerFlight int

	// Queue is how many handshakes of a host may wait for a core before the first flights of further ones are lost, which
	// their clients' probes repair: what fits the socket's receive buffer. 0 is no bound.
	Queue int
	// RetryAbove is how many handshakes of a host may be in progress before further ones must make a round trip more;
	// 0 is never.
	RetryAbove int
	// Cap is how many may be in progress before further ones are refused; 0 is no cap.
	Cap int

	// Horizon ends the simulation, counted from the edge's return; default one hour.
	Horizon time.Duration
	// Bin is the width of the time line's steps; default 100 ms.
	Bin  time.Duration
	Seed uint64
	// Replay is the seed of a measured fleet, whose connectors' waits are then drawn as they were there; 0 draws others. It
	// needs a kilobyte for each connection.
	Replay uint64
}

// The bounds of a Config keep indices within 32 bits and memory within a gigabyte.
const (
	MaxConnections = 1 << 25 // of all tunnels together
	maxHosts       = 1 << 20
	maxCores       = 1 << 12
)

// complete is the copy with its defaults, or what is wrong.
func (c Config) complete() (Config, error) {
	c.Connections = cmp.Or(c.Connections, tunnel.HAConnections)
	c.Hosts, c.Cores = cmp.Or(c.Hosts, 1), cmp.Or(c.Cores, 1)
	c.Speed = cmp.Or(c.Speed, 1)
	c.KeepAlive = cmp.Or(c.KeepAlive, tunnel.KeepAlivePeriod)
	c.Idle = cmp.Or(c.Idle, tunnel.MaxIdleTimeout)
	c.HandshakeIdle = cmp.Or(c.HandshakeIdle, tunnel.HandshakeIdleTimeout)
	c.Retries = cmp.Or(c.Retries, connector.DefaultRetries)
	c.ClientFlight, c.ServerFlight = cmp.Or(c.ClientFlight, 1), cmp.Or(c.ServerFlight, 1)
	c.Horizon, c.Bin = cmp.Or(c.Horizon, time.Hour), cmp.Or(c.Bin, 100*time.Millisecond)
	if err := c.check(); err != nil {
		return c, fmt.Errorf("storm: %w", err)
	}
	c.Shape = normal(c.Shape)
	return c, nil
}

func (c *Config) check() error {
	switch {
	case c.Tunnels < 1 || c.Connections < 1 || c.Connections > math.MaxUint8 || c.Tunnels > MaxConnections/c.Connections:
		return fmt.Errorf("%d tunnels of %d connections: want at least one, and at most %d connections together", c.Tunnels, c.Connections, MaxConnections)
	case c.Hosts < 1 || c.Hosts > maxHosts || c.Cores < 1 || c.Cores > maxCores:
		return fmt.Errorf("%d hosts of %d cores: want 1 to %d hosts, 1 to %d cores", c.Hosts, c.Cores, maxHosts, maxCores)
	case c.Service <= 0:
		return fmt.Errorf("service time %v: want more than none", c.Service)
	case !(c.Speed > 0 && c.Speed <= 1):
		return fmt.Errorf("speed %v: want a share of a core above 0, up to 1", c.Speed)
	case !(c.Loss >= 0 && c.Loss < 1):
		return fmt.Errorf("loss %v: want a share from 0 to below 1", c.Loss)
	case slices.Min([]time.Duration{c.Registration, c.Shared, c.SharedRegistration, c.Upkeep, c.SharedUpkeep, c.Floor, c.SharedFloor, c.Outage, c.RTT, c.KeepAlive, c.Idle, c.HandshakeIdle}) < 0:
		return errors.New("a time is negative")
	case c.Bin < time.Millisecond || c.Horizon < c.Bin || c.Horizon+c.Outage > 24*time.Hour:
		return fmt.Errorf("bin %v, horizon %v: want steps of at least 1ms, and a day at the most", c.Bin, c.Horizon)
	case c.Retries < 0 || c.Retries > 14 || c.RetryAbove < 0 || c.Cap < 0 || c.Queue < 0 || c.ClientFlight < 0 || c.ServerFlight < 0:
		return errors.New("a number is out of range: retries are 1 to 14, and no limit is negative")
	}
	if slices.ContainsFunc(c.Shape, func(v float64) bool { return !(v >= 0) || math.IsInf(v, 0) }) {
		return errors.New("shape: service times must be finite and not negative")
	}
	return nil
}

// normal is the shape with a mean of 1; nil for a constant.
func normal(shape []float64) []float64 {
	sum := 0.0
	for _, v := range shape {
		sum += v
	}
	if sum == 0 {
		return nil
	}
	out := make([]float64, len(shape))
	for i, v := range shape {
		out[i] = v * float64(len(shape)) / sum
	}
	return out
}
