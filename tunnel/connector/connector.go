// Package connector is the client end of the tunnel: it dials the edge, registers its connections, and passes the
// requests that the edge sends down to the origin.
package connector

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"sync"
	"time"

	"github.com/google/uuid"

	"pqbench/tunnel"
)

// Config is what a connector is made from. Edges, Credentials, Origin and Dialer.TLS are required.
type Config struct {
	// Edges are address slots, each for one connection at a time: fewer slots than connections means fewer connections,
	// and twice as many leaves every connection a choice. An address may be repeated. Entries at even positions are one
	// data center, those at odd positions another; connections are spread evenly over the two, and move to another slot
	// when a dial fails or the edge has the connection already.
	Edges       []net.Addr
	Credentials tunnel.Credentials
	// Origin is where requests go; its path, if any, stands before theirs. It is short for an Ingress of one rule.
	Origin *url.URL
	// Ingress says where each request goes, in place of Origin.
	Ingress *Ingress
	// TCPDestinations are what TCP streams may reach; default nothing.
	TCPDestinations []netip.AddrPort
	// Connections is how many to keep; default tunnel.HAConnections.
	Connections int
	// ClientID names the connector on all its connections; default random.
	ClientID uuid.UUID
	Dialer   *Dialer
	// ListenPacket opens a connection's socket, which is kept over reconnects, and with it the port, until it dies and
	// the next one is opened. Default: a UDP socket of its own, on the same port each time. A *net.UDPConn is handed to
	// quic-go as it is.
	ListenPacket func() (net.PacketConn, error)
	// Sockets are shared with other connectors; nil is a socket for each connection. The connector does not close them.
	Sockets *Sockets
	// Version and Features are announced at registration; default "pqbench" and cloudflared's.
	Version  string
	Features []string
	// Transport carries requests in place of the ingress's own clients; default nil.
	Transport http.RoundTripper
	// GracePeriod is how long requests in flight are served after Run's context has ended; default
	// tunnel.GracePeriod, negative is none. It ends early when nothing is in flight.
	GracePeriod time.Duration
	// RPCTimeout bounds a call on the control stream, registration included; default tunnel.RPCTimeout.
	RPCTimeout time.Duration
	// Retries caps the exponent of the waits between dials; default DefaultRetries. It is no number of attempts: a
	// connector tries for ever.
	Retries int
	// Stagger is the time between the starts of connections 1, 2, 3…, which begin when connection 0 is registered;
	// default DefaultStagger. Negative starts them all at once, which is what a benchmark wants.
	Stagger time.Duration
	// Seed fixes the waits and the choice of slots; 0 is a random one.
	Seed uint64
	// PostQuantum says what to tell about the offer in Dialer.TLS.
	PostQuantum PostQuantum
	// Report, if set, is told of the first dial that fails under kex.Strict, once in the connector's life. It runs on a
	// goroutine of its own, for which Run waits: bound it. PostReport is meant for it. Without it nothing is sent.
	Report func(tunnel.FailureReport)
	Trace  *tunnel.Trace
	Logger *slog.Logger // default: discard
}

// A Connector keeps a tunnel's connections.
type Connector struct {
	cfg      Config
	trace    tunnel.Trace
	log      *slog.Logger
	proxy    *proxy
	want     int // connections: as many as asked for, or as there are slots
	slots    *slots
	queue    *queue
	failures failures

	mu         sync.Mutex
	stopping   <-chan struct{} // closed when Run's context ends; nil before Run
	registered int
	started    int
	permanent  []error // refusals for good, each cause once
	refused    int     // connections that met one
	last       error   // why a connection is not there
	changed    chan struct{}
}

// New checks the configuration.
func New(cfg Config) (*Connector, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("connector: %w", err)
	}
	slotChance, queueChance := newChance(cfg.Seed, slotDraws), newChance(cfg.Seed, queueDraws)
	c := &Connector{
		cfg: cfg, log: cfg.Logger, changed: make(chan struct{}),
		want:  min(cfg.Connections, len(cfg.Edges)),
		slots: newSlots(cfg.Edges, slotChance.below),
		queue: &queue{random: queueChance.float, law: backoff{base: queueBase, limit: cfg.Retries}},
	}
	if cfg.Trace != nil {
		c.trace = *cfg.Trace
	}
	var err error
	if c.proxy, err = newProxy(cfg); err != nil {
		return nil, fmt.Errorf("connector: %w", err)
	}
	return c, nil
}

// The numbers of a connector's sources of chance; a connection's is its index.
const (
	slotDraws  = 1 << 16
	queueDraws = slotDraws + 1
)

// maxConnections is what fits the registration's index, a byte.
const maxConnections = 256

// maxRetries keeps waits below two days.
const maxRetries = 14

func (c *Config) complete() error {
	switch {
	case len(c.Edges) == 0:
		return errors.New("config has no edge to dial: set Config.Edges")
	case c.Ingress == nil && (c.Origin == nil || c.Origin.Host == "" || c.Origin.Scheme != "http" && c.Origin.Scheme != "https"):
		return errors.New("config has no origin: set Config.Origin to an http or https URL, or Config.Ingress")
	case c.Dialer == nil || c.Dialer.TLS == nil:
		return errors.New("config has no roots to trust: set Config.Dialer.TLS")
	case c.Connections < 0 || c.Connections > maxConnections:
		return fmt.Errorf("%d connections are out of range, want 1 to %d", c.Connections, maxConnections)
	case c.Retries < 0 || c.Retries > maxRetries:
		return fmt.Errorf("%d retries are out of range, want 1 to %d: it is an exponent", c.Retries, maxRetries)
	case c.RPCTimeout < 0:
		return fmt.Errorf("rpc time-out %v: must not be negative", c.RPCTimeout)
	}
	if err := c.Credentials.Validate(); err != nil {
		return err
	}
	if err := c.Dialer.QUIC.Validate(); err != nil {
		return err
	}
	if err := c.PostQuantum.complete(c.Dialer.TLS.CurvePreferences); err != nil {
		return err
	}
	c.fill()
	return nil
}

// fill puts the defaults in.
func (c *Config) fill() {
	if c.Connections == 0 {
		c.Connections = tunnel.HAConnections
	}
	if c.ClientID == uuid.Nil {
		c.ClientID = uuid.New()
	}
	if c.Version == "" {
		c.Version = "pqbench"
	}
	if c.Features == nil {
		c.Features = Features(c.PostQuantum.Compat, c.PostQuantum.Policy)
	}
	if c.GracePeriod == 0 {
		c.GracePeriod = tunnel.GracePeriod
	}
	if c.RPCTimeout == 0 {
		c.RPCTimeout = tunnel.RPCTimeout
	}
	if c.Retries == 0 {
		c.Retries = DefaultRetries
	}
	if c.Stagger == 0 {
		c.Stagger = DefaultStagger
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// arch is how cloudflared names the platform.
const arch = runtime.GOOS + "_" + runtime.GOARCH
