package capacity

import (
	"errors"
	"fmt"
	"time"

	"pqbench/bench"
	"pqbench/bench/capacity/storm"
	"pqbench/kex"
	"pqbench/tunnel"
)

// A Target is what is asked for, and on what. DefaultTarget has what a target leaves out.
type Target struct {
	Tunnels     int // one connector each
	Connections int // of each tunnel

	RPS    float64 // requests a second through all tunnels
	Egress float64 // bit/s of response bodies to eyeballs

	// Recover is how soon RecoverShare of all connections must be back after the edge has been away for Outage.
	Recover      time.Duration
	RecoverShare float64
	Outage       time.Duration

	Cores  int     // of a host
	Memory int64   // of a host, bytes
	NIC    float64 // of a host, bit/s each way
	// Headroom is the share of each that stays free in normal operation. A storm may have the cores' headroom.
	Headroom float64

	KeepAlive, Idle time.Duration // the connections' timers
	RTT             time.Duration // between connectors and edge
	Loss            float64       // of datagrams, each way

	// Groups are compared: the first one is the classical control.
	Groups []string
	Seed   uint64
}

// DefaultTarget is everything but the number of tunnels: cloudflared's timers, and hosts of a usual size.
func DefaultTarget() Target {
	return Target{
		Connections: tunnel.HAConnections,
		Recover:     time.Minute, RecoverShare: 0.99, Outage: 10 * time.Second,
		Cores: 16, Memory: 64 << 30, NIC: 25e9, Headroom: 0.3,
		KeepAlive: tunnel.KeepAlivePeriod, Idle: tunnel.MaxIdleTimeout,
		RTT:    30 * time.Millisecond,
		Groups: []string{"X25519", "X25519MLKEM768"},
		Seed:   1,
	}
}

// timers are the target's as a fleet's arm names them.
func (t *Target) timers() string { return bench.Timers{KeepAlive: t.KeepAlive, Idle: t.Idle}.String() }

// connections are those of all tunnels.
func (t *Target) connections() float64 { return float64(t.Tunnels * t.Connections) }

// The bounds keep a typing error from computing for a day.
const (
	maxTunnels     = 8_000_000
	maxConnections = 16
)

// Check reports what cannot be meant: fields that are out of range together. Fields check themselves when they are set.
func (t *Target) Check() error {
	switch {
	case t.Tunnels == 0:
		return errors.New("tunnels: say how many, such as --tunnels 100000")
	case t.Tunnels*t.Connections > storm.MaxConnections:
		return fmt.Errorf("%s tunnels of %d connections are more than the %s connections that a storm is simulated with", count(t.Tunnels), t.Connections, count(storm.MaxConnections))
	case t.KeepAlive >= t.Idle:
		return fmt.Errorf("keepalive %v is no less than idle %v: every idle connection would be given up", t.KeepAlive, t.Idle)
	case len(t.Groups) == 0:
		return errors.New("group: name at least one")
	}
	for i, name := range t.Groups {
		g, err := kex.ByName(name)
		if err != nil {
			return fmt.Errorf("group: %w", err)
		}
		t.Groups[i] = g.Name
		for _, earlier := range t.Groups[:i] {
			if earlier == g.Name {
				return fmt.Errorf("group: %s is named twice", g.Name)
			}
		}
	}
	return nil
}
