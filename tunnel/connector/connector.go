// Package connector is the client end of the tunnel: it dials the edge, registers its connections, and passes the
// requests that the edge sends down to the origin.
package connector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"time"

	"github.com/google/uuid"

	"pqbench/tunnel"
)

// Config is what a connector is made from. Edges, Credentials, Origin and Dialer.TLS are required.
type Config struct {
	// Edges are the address slots; connection i starts with slot i modulo their number.
	Edges       []net.Addr
	Credentials tunnel.Credentials
	// Origin is where requests go; its path, if any, stands before theirs.
	Origin *url.URL
	// Connections is how many to keep; default tunnel.HAConnections.
	Connections int
	// ClientID names the connector on all its connections; default random.
	ClientID uuid.UUID
	Dialer   *Dialer
	// ListenPacket opens a connection's socket, once: it is kept over reconnects, and with it the port. Default: a
	// UDP socket of its own. A *net.UDPConn is handed to quic-go as it is.
	ListenPacket func() (net.PacketConn, error)
	// Version and Features are announced at registration; default "pqbench" and cloudflared's.
	Version  string
	Features []string
	// Transport carries requests to the origin; default an http.Transport that keeps connections.
	Transport http.RoundTripper
	// GracePeriod is how long requests in flight are served after Run's context has ended; default
	// tunnel.GracePeriod. It ends early when nothing is in flight.
	GracePeriod time.Duration
	Trace       *tunnel.Trace
	Logger      *slog.Logger // default: discard
}

// A Connector keeps a tunnel's connections.
type Connector struct {
	cfg   Config
	trace tunnel.Trace
	log   *slog.Logger
	proxy *proxy

	mu         sync.Mutex
	registered map[uint8]bool
	permanent  error
	changed    chan struct{} // closed and replaced at each change of the above
}

// New checks the configuration.
func New(cfg Config) (*Connector, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("connector: %w", err)
	}
	c := &Connector{cfg: cfg, log: cfg.Logger, registered: map[uint8]bool{}, changed: make(chan struct{})}
	if cfg.Trace != nil {
		c.trace = *cfg.Trace
	}
	c.proxy = &proxy{origin: cfg.Origin, transport: cfg.Transport, client: cfg.ClientID.String(), requestDone: c.trace.RequestDone}
	return c, nil
}

// maxConnections is what fits the registration's index, a byte.
const maxConnections = 256

func (c *Config) complete() error {
	switch {
	case len(c.Edges) == 0:
		return errors.New("config has no edge to dial: set Config.Edges")
	case c.Origin == nil || c.Origin.Host == "" || c.Origin.Scheme != "http" && c.Origin.Scheme != "https":
		return errors.New("config has no origin: set Config.Origin to an http or https URL")
	case c.Dialer == nil || c.Dialer.TLS == nil:
		return errors.New("config has no roots to trust: set Config.Dialer.TLS")
	case c.Connections < 0 || c.Connections > maxConnections:
		return fmt.Errorf("%d connections are out of range, want 1 to %d", c.Connections, maxConnections)
	}
	if err := c.Credentials.Validate(); err != nil {
		return err
	}
	if err := c.Dialer.QUIC.Validate(); err != nil {
		return err
	}
	if c.Connections == 0 {
		c.Connections = tunnel.HAConnections
	}
	if c.ClientID == uuid.Nil {
		c.ClientID = uuid.New()
	}
	if c.ListenPacket == nil {
		c.ListenPacket = func() (net.PacketConn, error) { return net.ListenUDP("udp", nil) }
	}
	if c.Version == "" {
		c.Version = "pqbench"
	}
	if c.Features == nil {
		c.Features = []string{tunnel.FeatureRemoteConfig, tunnel.FeatureSerializedHeaders, tunnel.FeatureQUICEOF}
	}
	if c.Transport == nil {
		c.Transport = newTransport()
	}
	if c.GracePeriod == 0 {
		c.GracePeriod = tunnel.GracePeriod
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// newTransport is an origin transport that keeps as many idle connections as a busy tunnel uses, and neither asks for
// compression nor undoes it: what the origin sent is what the eyeball gets.
func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConns:          1000,
		MaxIdleConnsPerHost:   1000,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true,
		ReadBufferSize:        16 << 10,
		WriteBufferSize:       16 << 10,
	}
}

// arch is how cloudflared names the platform.
const arch = runtime.GOOS + "_" + runtime.GOARCH

// Run keeps the connections until ctx ends; then it unregisters, lets what is in flight end within the grace period,
// and closes. It returns nil, or why no connection can ever be registered.
func (c *Connector) Run(ctx context.Context) error {
	var connections sync.WaitGroup
	for i := range c.cfg.Connections {
		connections.Go(func() { c.keep(ctx, uint8(i)) })
	}
	connections.Wait()
	if t, ok := c.cfg.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.permanent
}

// Ready waits until every connection is registered. The error is ctx's, or the first permanent refusal.
func (c *Connector) Ready(ctx context.Context) error {
	for {
		c.mu.Lock()
		ready, err, changed := len(c.registered) == c.cfg.Connections, c.permanent, c.changed
		have := len(c.registered)
		c.mu.Unlock()
		if err != nil || ready {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d connections are registered: %w", have, c.cfg.Connections, context.Cause(ctx))
		}
	}
}

func (c *Connector) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	close(c.changed)
	c.changed = make(chan struct{})
}
