package role

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"time"

	"pqbench/loadgen/fleet"
	"pqbench/tunnel"
	"pqbench/tunnel/connector"
	"pqbench/wire"
)

// FleetArgs describe a fleet of tunnels.
type FleetArgs struct {
	Edges       []string // one for each data center
	RootPEM     []byte
	Origin      string
	Initial     int
	Connections int
	Offers      []FleetOffer
	Tunnels     []tunnel.Credentials
	// OfferOf is the number of each tunnel's offer.
	OfferOf []int
	// Sockets is how many UDP sockets all connections share; 0 is one for each.
	Sockets         int
	KeepAlive, Idle time.Duration
	Seed            uint64        // of the waits
	Timeout         time.Duration // until all are registered
}

// FleetOffer is what some of a fleet's tunnels offer.
type FleetOffer struct {
	Groups []tls.CurveID
	Want   tls.CurveID
}

// FleetReply is what happened to a fleet since the last reply, and what it took so far.
type FleetReply struct {
	Events []fleet.Event
	Dials  fleet.Dials
	Up     int
	Losses int // in the fleet's life
	Sent   wire.Traffic
	Usage  Usage
	Whole  bool // WaitFleet: all were up before the time was over
}

// StartFleet brings a fleet up.
func (r *ConnectorRole) StartFleet(args FleetArgs, reply *FleetReply) error {
	config, err := args.config()
	if err != nil {
		return err
	}
	config.Clock = r.clock
	config.Listen = func() (net.PacketConn, error) {
		socket, err := listenUDP(anyPort)
		if err != nil {
			return nil, err
		}
		return r.sent.Socket(socket), nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), args.Timeout)
	defer cancel()
	if r.fleet, err = fleet.Start(ctx, config); err != nil {
		return err
	}
	return r.Fleet(None{}, reply)
}

func (args FleetArgs) config() (fleet.Config, error) {
	c := fleet.Config{
		Connections: args.Connections, Sockets: args.Sockets, Seed: args.Seed,
		QUIC: tunnel.QUICOptions{InitialPacketSize: args.Initial, KeepAlive: args.KeepAlive, Idle: args.Idle},
	}
	for _, address := range args.Edges {
		addr, err := net.ResolveUDPAddr("udp", address)
		if err != nil {
			return c, err
		}
		c.Edges = append(c.Edges, addr)
	}
	var err error
	if c.Origin, err = url.Parse(args.Origin); err != nil {
		return c, err
	}
	var offers []*fleet.Offer
	for _, o := range args.Offers {
		config, err := clientTLS(args.RootPEM, o.Groups)
		if err != nil {
			return c, err
		}
		features := connector.Features(connector.Compat2022, TunnelsArgs{Groups: o.Groups}.policy())
		offers = append(offers, &fleet.Offer{TLS: config, Want: o.Want, Features: features})
	}
	if len(args.OfferOf) != len(args.Tunnels) {
		return c, errors.New("a fleet has an offer for each tunnel")
	}
	for i, creds := range args.Tunnels {
		c.Members = append(c.Members, fleet.Member{Credentials: creds, Offer: offers[args.OfferOf[i]]})
	}
	return c, nil
}

// Fleet replies with what happened to the fleet since the last reply.
func (r *ConnectorRole) Fleet(_ None, reply *FleetReply) error {
	if r.fleet == nil {
		return errors.New("there is no fleet")
	}
	events, dials := r.fleet.Take()
	*reply = FleetReply{Events: events, Dials: dials, Up: r.fleet.Up(), Losses: r.fleet.Losses(), Sent: r.sent.Sent(), Usage: ReadUsage()}
	return r.fleet.Wrong()
}

// WaitArgs say what to wait for, and how long.
type WaitArgs struct {
	Losses  int // at least, in the fleet's life
	Timeout time.Duration
}

// WaitFleet waits until the fleet has lost so many connections and is whole again, or until the time is over.
func (r *ConnectorRole) WaitFleet(args WaitArgs, reply *FleetReply) error {
	if r.fleet == nil {
		return errors.New("there is no fleet")
	}
	ctx, cancel := context.WithTimeout(context.Background(), args.Timeout)
	defer cancel()
	whole := r.fleet.Whole(ctx, args.Losses) == nil
	err := r.Fleet(None{}, reply)
	reply.Whole = whole
	return err
}

// StopFleet unregisters and closes the fleet's tunnels.
func (r *ConnectorRole) StopFleet(_ None, _ *None) error {
	if r.fleet != nil {
		r.fleet.Stop()
		r.fleet = nil
	}
	return nil
}
