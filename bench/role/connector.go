package role

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"pqbench/kex"
	"pqbench/loadgen/fleet"
	"pqbench/tunnel"
	"pqbench/tunnel/connector"
	"pqbench/wire"
)

// ConnectorRole holds tunnels: one connector each, in one process.
type ConnectorRole struct {
	*Control
	stops []func()
	sets  []set
	fleet *fleet.Fleet
	sent  wire.Meter // by the fleet
}

// set is the tunnels of one Connect.
type set struct {
	seen *registrations
	want int // connections
}

// TunnelsArgs describe tunnels that share an edge, an origin and an offer.
type TunnelsArgs struct {
	Edge        string
	RootPEM     []byte
	Origin      string
	Groups      []tls.CurveID
	Want        tls.CurveID
	Initial     int
	Connections int
	Tunnels     []tunnel.Credentials
	Timeout     time.Duration // until all are registered
	Today       bool          // behave as today's cloudflared, not as 2022.9.1
}

// TunnelsReply says how registration went.
type TunnelsReply struct {
	// Registration is how long each connection's registration took, the handshake before it not included.
	Registration []time.Duration
}

// atOnce is how many tunnels come up side by side. An edge that has too many new connections to accept refuses some
// (quic-go: 32), which a connector survives, but a set-up is not a storm.
const atOnce = 8

// Connect starts the tunnels and waits until every connection of each is registered.
func (r *ConnectorRole) Connect(args TunnelsArgs, reply *TunnelsReply) error {
	ctx, cancel := context.WithTimeout(context.Background(), args.Timeout)
	defer cancel()
	seen := &registrations{want: args.Want}
	var started []*connector.Connector
	for i, creds := range args.Tunnels {
		if i >= atOnce {
			if err := started[i-atOnce].Ready(ctx); err != nil {
				return err
			}
		}
		c, err := r.start(args, creds, seen)
		if err != nil {
			return err
		}
		started = append(started, c)
	}
	for _, c := range started {
		if err := c.Ready(ctx); err != nil {
			return err
		}
	}
	r.sets = append(r.sets, set{seen, len(args.Tunnels) * args.Connections})
	return seen.take(reply)
}

func (r *ConnectorRole) start(args TunnelsArgs, creds tunnel.Credentials, seen *registrations) (*connector.Connector, error) {
	edge, err := net.ResolveUDPAddr("udp", args.Edge)
	if err != nil {
		return nil, err
	}
	origin, err := url.Parse(args.Origin)
	if err != nil {
		return nil, err
	}
	config, err := clientTLS(args.RootPEM, args.Groups)
	if err != nil {
		return nil, err
	}
	compat := connector.Compat2022
	if args.Today {
		compat = connector.CompatToday
	}
	trace := seen.trace()
	c, err := connector.New(connector.Config{
		// Slots to spare let a failed dial move on; without the stagger a set-up's length is the handshakes' alone.
		Edges: slices.Repeat([]net.Addr{edge}, 2*args.Connections), Stagger: -1,
		Credentials: creds, Origin: origin, Connections: args.Connections,
		Dialer:   &connector.Dialer{TLS: config, QUIC: tunnel.QUICOptions{InitialPacketSize: args.Initial}, Trace: trace},
		Features: connector.Features(compat, args.policy()), Trace: trace,
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }()
	r.stops = append(r.stops, func() { cancel(); <-done })
	return c, nil
}

// policy is what an offer amounts to.
func (args TunnelsArgs) policy() kex.Policy {
	policy := kex.Strict
	for i, id := range args.Groups {
		if g, ok := kex.ByID(id); ok && g.Hybrid() {
			continue
		}
		if i == 0 {
			return kex.Classical
		}
		policy = kex.Prefer
	}
	return policy
}

// Disconnect unregisters and closes all tunnels, and replies with what went wrong with them while they stood. The
// error is a connection that negotiated another group than the one on offer.
func (r *ConnectorRole) Disconnect(_ None, troubles *[]string) error {
	var wg sync.WaitGroup
	for _, stop := range r.stops {
		wg.Go(stop)
	}
	wg.Wait()
	sets := r.sets
	r.stops, r.sets = nil, nil
	for _, s := range sets {
		more, err := s.seen.troubles(s.want)
		if err != nil {
			return err
		}
		*troubles = append(*troubles, more...)
	}
	return nil
}
