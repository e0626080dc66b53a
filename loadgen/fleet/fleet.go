package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"pqbench/loadgen"
	"pqbench/tunnel"
	"pqbench/tunnel/connector"
)

// Config is what a fleet is made from. Members, Edges and Origin are required.
type Config struct {
	Members []Member
	// Edges are the data centers' addresses, one or two; connections spread evenly over two.
	Edges []net.Addr
	// Origin is where requests through the tunnels go.
	Origin *url.URL
	// Connections of each tunnel; default tunnel.HAConnections.
	Connections int
	// Sockets is how many UDP sockets all connections share; 0 is one for each connection.
	Sockets int
	// Listen opens a socket; default a UDP socket on the loopback interface.
	Listen func() (net.PacketConn, error)
	// AtOnce is how many tunnels come up side by side; default DefaultAtOnce.
	AtOnce int
	// QUIC changes cloudflared's values, the timers above all.
	QUIC tunnel.QUICOptions
	// Seed fixes every wait of the law by which connections come back; 0 is random.
	Seed uint64
	// Clock dates the events.
	Clock loadgen.Clock
}

// A Member is one tunnel: whose it is, and what its connector offers.
type Member struct {
	Credentials tunnel.Credentials
	Offer       *Offer
}

// An Offer is what connectors offer in the handshake; members with the same one share it.
type Offer struct {
	TLS      *tls.Config // roots and CurvePreferences
	Want     tls.CurveID // what must be negotiated
	Features []string    // announced at registration

	dialer *connector.Dialer
}

// DefaultAtOnce keeps a start from being a storm: quic-go refuses a connection when 32 wait to be accepted.
const DefaultAtOnce = 8

// A Fleet is running until Stop.
type Fleet struct {
	cfg        Config
	log        log
	sockets    *connector.Sockets
	connectors []*connector.Connector
	cancel     context.CancelFunc
	running    sync.WaitGroup
}

// Start brings a fleet up and returns when every connection of every tunnel is registered. When ctx ends first, what
// has been started is stopped again.
func Start(ctx context.Context, cfg Config) (*Fleet, error) {
	f := &Fleet{cfg: cfg, log: log{clock: cfg.Clock}}
	if err := f.cfg.complete(); err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	if f.cfg.Sockets > 0 {
		var err error
		if f.sockets, err = connector.OpenSockets(f.cfg.Sockets, f.cfg.Listen); err != nil {
			return nil, fmt.Errorf("fleet: %w", err)
		}
	}
	running, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	if err := f.rampUp(ctx, running); err != nil {
		f.Stop()
		return nil, fmt.Errorf("fleet: %w", err)
	}
	return f, nil
}

func (c *Config) complete() error {
	switch {
	case len(c.Members) == 0:
		return errors.New("config has no tunnel: set Config.Members")
	case len(c.Edges) == 0:
		return errors.New("config has no edge to dial: set Config.Edges")
	case c.Connections < 0 || c.Sockets < 0 || c.AtOnce < 0:
		return fmt.Errorf("%d connections, %d sockets, %d at once: must not be negative", c.Connections, c.Sockets, c.AtOnce)
	}
	if c.Connections == 0 {
		c.Connections = tunnel.HAConnections
	}
	if c.AtOnce == 0 {
		c.AtOnce = DefaultAtOnce
	}
	if c.Listen == nil {
		c.Listen = func() (net.PacketConn, error) {
			return net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		}
	}
	return nil
}

// rampUp starts a connector when the one AtOnce before it stands: as fast as the edge can follow, whatever its speed.
func (f *Fleet) rampUp(ctx, running context.Context) error {
	for i, m := range f.cfg.Members {
		if i >= f.cfg.AtOnce {
			if err := f.connectors[i-f.cfg.AtOnce].Ready(ctx); err != nil {
				return err
			}
		}
		c, err := f.connector(i, m)
		if err != nil {
			return err
		}
		f.connectors = append(f.connectors, c)
		f.running.Go(func() { _ = c.Run(running) })
	}
	for _, c := range f.connectors {
		if err := c.Ready(ctx); err != nil {
			return err
		}
	}
	return f.Wrong()
}

func (f *Fleet) connector(i int, m Member) (*connector.Connector, error) {
	if m.Offer.dialer == nil {
		m.Offer.dialer = &connector.Dialer{TLS: m.Offer.TLS, QUIC: f.cfg.QUIC, Trace: f.log.dialing(m.Offer.Want)}
	}
	seed := uint64(0)
	if f.cfg.Seed != 0 {
		seed = f.cfg.Seed + uint64(i) + 1 // 0 would be a random one
	}
	return connector.New(connector.Config{
		// Two slots of each address for each connection: one that cannot be reached leaves room at the other.
		Edges:       slices.Repeat(f.cfg.Edges, 2*f.cfg.Connections),
		Credentials: m.Credentials, Origin: f.cfg.Origin, Connections: f.cfg.Connections,
		Dialer: m.Offer.dialer, Features: m.Offer.Features, Trace: f.log.member(i),
		ListenPacket: f.cfg.Listen, Sockets: f.sockets,
		Stagger: -1, Seed: seed, GracePeriod: time.Second,
	})
}

// Connections is how many the fleet wants.
func (f *Fleet) Connections() int { return len(f.cfg.Members) * f.cfg.Connections }

// Up is how many connections are registered, as far as the connectors know: one whose edge has vanished is up until
// its idle time-out.
func (f *Fleet) Up() int {
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	return f.log.up
}

// Losses is how many registered connections have ended so far.
func (f *Fleet) Losses() int {
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	return f.log.lost
}

// poll is how often Whole looks; a look costs a lock.
const poll = 20 * time.Millisecond

// Whole waits until at least so many connections have been lost in the fleet's life and all are up again: right after
// an edge has vanished all still seem to be up.
func (f *Fleet) Whole(ctx context.Context, losses int) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for f.Losses() < losses || f.Up() < f.Connections() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d connections are up after %d losses: %w", f.Up(), f.Connections(), f.Losses(), context.Cause(ctx))
		}
	}
	return nil
}

// Take returns what happened since the last call, and the dials of the fleet's life until the same instant.
func (f *Fleet) Take() ([]Event, Dials) { return f.log.take() }

// Wrong is a connection that negotiated another group than its offer expects.
func (f *Fleet) Wrong() error {
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	return f.log.wrong
}

// Stop unregisters and closes all tunnels.
func (f *Fleet) Stop() {
	f.cancel()
	f.running.Wait()
	if f.sockets != nil {
		_ = f.sockets.Close()
	}
}
