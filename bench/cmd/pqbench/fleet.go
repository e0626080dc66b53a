package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"pqbench/bench"
)

// fleetFlags are those of the load command that hold tunnels.
type fleetFlags struct {
	Tunnels          []int         `placeholder:"N" help:"Hold fleets of so many tunnels, registered, kept alive and answering, in place of load: what they take. Several sizes give a line, and the cost of a tunnel."`
	Conns            int           `default:"4" help:"Connections of each tunnel."`
	Keepalive        time.Duration `default:"1s" help:"A tunnel's keep-alive period."`
	Idle             time.Duration `default:"5s" help:"A tunnel's idle time-out, at both ends."`
	Timers           []string      `placeholder:"KEEPALIVE/IDLE" help:"Several pairs of them to compare, in place of --keepalive and --idle: 1s/5s,15s/60s."`
	Sockets          string        `default:"shared" enum:"shared,each" help:"Connections share UDP sockets, or have one each."`
	PostQuantumShare string        `placeholder:"30%" help:"Of a hybrid's tunnels, only so many offer it; the others offer the first of --groups."`
	Outage           time.Duration `help:"Take the edge away for so long, and watch the tunnels return; with --rate, requests go on meanwhile."`
	Colo             bool          `help:"Of an --outage: there are two data centers, and one of them goes."`
	Ending           string        `default:"close" enum:"close,kill" help:"How the edge goes: close tells every connector, kill tells nobody."`
	Admission        []string      `placeholder:"KIND" help:"What an edge does when many return: none, retry-N (prove the address above N handshakes in progress), cap-N (refuse above N); several to compare."`
	RecoverTimeout   time.Duration `default:"2m" help:"How long a fleet may take to return."`
	Beside           bool          `help:"Run the storms of all groups side by side: for fleets that leave CPU time to spare."`
}

// fleetPlan is a plan of one experiment, checked as one from a file would be.
func (c *loadCommand) fleetPlan() (*bench.Plan, error) {
	e, err := c.fleet()
	if err == nil {
		err = c.offers(&e)
	}
	if err != nil {
		return nil, err
	}
	return onePlan(e.Run, c.Seed, e)
}

// fleet is the experiment of a fleet, or of a storm.
func (c *loadCommand) fleet() (e bench.Experiment, err error) {
	f := &c.fleetFlags
	e = bench.Experiment{Run: "fleet", Blocks: c.Blocks, Fresh: 1, Conns: f.Conns, Certs: []bench.Cert{bench.Cert(c.Cert)}}
	e.Sizes, e.Sockets = f.Tunnels, f.Sockets
	if e.Timers, err = c.timers(); err != nil {
		return e, err
	}
	if f.PostQuantumShare != "" {
		if e.Share, err = bench.ParseShare(f.PostQuantumShare); err != nil {
			return e, fmt.Errorf("--post-quantum-share: %w", err)
		}
	}
	if c.Requests || c.Knee || c.ClosedLoop || len(c.Connections) > 0 || len(c.Phases) > 0 || c.Target != "" {
		return e, errors.New("--tunnels holds tunnels and offers no load: leave --requests, --phases, --connections, --closed-loop, --knee and --target out")
	}
	if err := c.only("--tunnels"); err != nil {
		return e, err
	}
	if f.Outage == 0 {
		if c.Rate != "" || len(f.Admission) > 0 || f.Beside || f.Colo {
			return e, errors.New("--rate, --admission, --colo and --beside are about a storm: give an --outage")
		}
		e.Time, e.Timeout = bench.Duration(c.duration()), bench.Duration(c.Timeout)
		return e, nil
	}
	return e, c.storm(&e)
}

func (c *loadCommand) storm(e *bench.Experiment) (err error) {
	f := &c.fleetFlags
	if f.Outage < 0 {
		return errors.New("--outage is a time above zero, such as 5s")
	}
	e.Run, e.Timeout, e.Ending, e.Beside = "storm", bench.Duration(f.RecoverTimeout), f.Ending, f.Beside
	if e.Outage = bench.Duration(f.Outage); f.Colo {
		e.Colos = 2
	}
	for _, a := range f.Admission {
		e.Admission = append(e.Admission, bench.Admission(a))
	}
	if c.Rate != "" {
		if e.Fleet.Requests, err = bench.ParseRate(c.Rate); err != nil {
			return fmt.Errorf("--rate: %w", err)
		}
	}
	return nil
}

func (c *loadCommand) timers() (list []bench.Timers, err error) {
	texts, flag := c.Timers, "--timers"
	if len(texts) == 0 {
		texts, flag = []string{bench.Timers{KeepAlive: c.Keepalive, Idle: c.Idle}.String()}, "--keepalive and --idle"
	} else if slices.Contains(c.given, "keepalive") || slices.Contains(c.given, "idle") {
		return nil, errors.New("--timers names keep-alive periods and idle time-outs itself: leave --keepalive and --idle out")
	}
	for _, text := range texts {
		t, err := bench.ParseTimers(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		list = append(list, t)
	}
	return list, nil
}
