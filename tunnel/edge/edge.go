// Package edge is the server end of the tunnel: it accepts connections from
// connectors over QUIC, lets them register, and proxies the requests of
// eyeballs to them, one stream per request.
//
// An Edge is one data center. With Config.Relay several of them form one
// edge: each tells the others which tunnels it holds (presence.go), and a
// request that enters where its tunnel is not connected crosses one link to
// where it is (relayed.go at the entering side, holder.go at the other).
//
// A connection that opens no stream (a pre-check, or a handshake that is
// being measured) costs one goroutine and is never logged: everything else
// is made when its first stream arrives.
package edge

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
)

// Config is what an edge is made from. TLS and Authorize are required.
type Config struct {
	// TLS has the certificate and, as CurvePreferences, the named groups
	// that are accepted; ALPN and version are filled in.
	TLS *tls.Config
	// PacketConn is where to listen. The edge owns it. A *net.UDPConn is
	// handed to quic-go as it is, since any wrapper would cost GSO and
	// batching. Default: a UDP socket on Addr.
	PacketConn net.PacketConn
	// Addr is used without a PacketConn; default ":7844".
	Addr string
	// Authorize returns the secret of a tunnel, and false for one that the
	// account does not have. It may be called concurrently.
	Authorize func(accountTag string, id uuid.UUID) (secret []byte, ok bool)
	// Routes leads from host names, in lower case, to tunnels. The host
	// "<tunnel id>.cfargotunnel.com" needs no route.
	Routes map[string]uuid.UUID
	// Location is what connectors are told; default "local".
	Location string
	// QUIC changes cloudflared's values.
	QUIC tunnel.QUICOptions
	// RetryAbove is how many handshakes may be half open before addresses
	// must prove themselves by a Retry (RFC 9000 section 8.1.2), which costs
	// them a round trip and bounds what spoofed ones cost here. Default
	// DefaultRetryAbove; negative is never.
	RetryAbove int
	// RefuseAbove is how many handshakes may be half open before others are
	// refused (CONNECTION_REFUSED), which costs neither side a key agreement
	// and sends a connector into its next wait. Default never. Spoofed
	// addresses could fill it up: have RetryAbove below it.
	RefuseAbove int
	// ConnectionIDLength is that of the IDs by which the edge tells its
	// connections apart, 1 to 20 bytes; default quic-go's 4. Each connection
	// has about four, so that from some ten thousand connections on two are
	// alike, and one of the two connections is lost: give 8 to an edge of
	// that size.
	ConnectionIDLength int
	// AcceptAtOnce has all goroutines that accept connections from the start,
	// where they otherwise come with the first ones; see StartAccepters.
	AcceptAtOnce bool
	// RegisterTimeout is how long a connection may stay open without a
	// registration; default twice tunnel.RPCTimeout, negative is for ever.
	RegisterTimeout time.Duration
	// EyeballTimeout is how long an eyeball may take to accept a piece of a
	// response that is not the last; then the response is cut. What waits
	// for it takes from the flow-control window of all requests on the same
	// tunnel connection. Default 30 s, negative is for ever.
	EyeballTimeout time.Duration
	// VerifySourceAddress says whether an address must prove itself by a
	// Retry below RetryAbove already; nil is never. See quic.Transport.
	VerifySourceAddress func(net.Addr) bool
	// Relay joins this edge to other data centers; nil is none.
	Relay  *RelayConfig
	Trace  *tunnel.Trace
	Logger *slog.Logger // default: discard
}

// An Edge is a running edge. It is an http.Handler for eyeballs.
type Edge struct {
	cfg       Config
	trace     tunnel.Trace
	log       *slog.Logger
	transport *quic.Transport
	listener  *quic.EarlyListener
	relay     *relay // nil without other data centers
	tunnels   registry
	counters  counters
	// Admission control; see Admit.
	retryAbove, refuseAbove atomic.Int64

	mu        sync.Mutex
	open      map[*conn]struct{}
	closed    bool
	serving   sync.WaitGroup // connections
	accepters *Accepters
	requests  inflight
}

// Listen starts an edge. Close it to stop.
func Listen(cfg Config) (*Edge, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("edge: %w", err)
	}
	if cfg.PacketConn == nil {
		conn, err := net.ListenPacket("udp", cfg.Addr)
		if err != nil {
			return nil, fmt.Errorf("edge: %w", err)
		}
		cfg.PacketConn = conn
	}
	e := &Edge{cfg: cfg, log: cfg.Logger, open: make(map[*conn]struct{})}
	if cfg.Trace != nil {
		e.trace = *cfg.Trace
	}
	e.Admit(cfg.RetryAbove, cfg.RefuseAbove)
	e.transport = &quic.Transport{
		Conn:                cfg.PacketConn,
		ConnectionIDLength:  cfg.ConnectionIDLength,
		VerifySourceAddress: e.mustProve,
		ConnContext:         e.handshakeStarted,
	}
	// Note: the early listener hands over a connection while its handshake
	// is under way. The plain one may lose a connection whose peer closes
	// right after the handshake, and adds two goroutine switches to the
	// time at which completion is seen. Nothing is sent before completion.
	listener, err := e.transport.ListenEarly(
		tunnel.TLSConfig(tunnel.EdgeSide, cfg.TLS), tunnel.QUICConfig(tunnel.EdgeSide, cfg.QUIC))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("edge: %w", err), e.transport.Close(), cfg.PacketConn.Close())
	}
	e.listener = listener
	if cfg.Relay != nil {
		if e.relay, err = listenRelay(e, *cfg.Relay); err != nil {
			return nil, errors.Join(fmt.Errorf("edge: %w", err), listener.Close(), e.transport.Close(), cfg.PacketConn.Close())
		}
	}
	e.accepters = StartAccepters(listener, cfg.AcceptAtOnce, e.begin)
	return e, nil
}

func (c *Config) validate() error {
	switch {
	case c.TLS == nil || len(c.TLS.Certificates) == 0 && c.TLS.GetCertificate == nil && c.TLS.GetConfigForClient == nil:
		return errors.New("config has no certificate: set Config.TLS")
	case c.Authorize == nil:
		return errors.New("config accepts no tunnel: set Config.Authorize")
	}
	if c.RefuseAbove < 0 {
		return fmt.Errorf("refuse above %d: must not be negative; 0 is never", c.RefuseAbove)
	}
	if n := c.ConnectionIDLength; n < 0 || n > 20 {
		return fmt.Errorf("connection IDs of %d bytes: want 1 to 20, or 0 for the default", n)
	}
	if err := c.QUIC.Validate(); err != nil {
		return err
	}
	if c.Relay != nil {
		relay := *c.Relay
		if err := relay.validate(c.TLS); err != nil {
			return err
		}
		c.Relay = &relay
	}
	c.Addr = cmp.Or(c.Addr, fmt.Sprintf(":%d", tunnel.DefaultPort))
	c.Location = cmp.Or(c.Location, "local")
	c.RetryAbove = cmp.Or(c.RetryAbove, DefaultRetryAbove)
	c.RegisterTimeout = cmp.Or(c.RegisterTimeout, 2*tunnel.RPCTimeout)
	c.EyeballTimeout = cmp.Or(c.EyeballTimeout, 30*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	routes := make(map[string]uuid.UUID, len(c.Routes))
	for host, id := range c.Routes {
		routes[strings.ToLower(host)] = id
	}
	c.Routes = routes
	return nil
}

// Addr is where connectors dial.
func (e *Edge) Addr() net.Addr { return e.listener.Addr() }

// Connections is how many connections of a tunnel take requests now.
func (e *Edge) Connections(id uuid.UUID) int { return e.tunnels.count(id) }

// Close stops accepting connections and requests, waits until ctx ends for
// the requests in flight, then closes every connection with code 0 and
// releases the socket. The error is ctx's when requests were cut.
func (e *Edge) Close(ctx context.Context) error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	e.mu.Unlock()

	e.tunnels.withdraw()
	cut := e.requests.drain(ctx)
	err := e.listener.Close()
	if e.relay != nil {
		e.relay.linger(ctx)
		err = errors.Join(err, e.relay.close())
	}
	e.mu.Lock()
	for c := range e.open {
		_ = c.quic.CloseWithError(0, "")
	}
	e.mu.Unlock()
	e.accepters.Wait()
	e.serving.Wait()
	e.requests.wait() // cut requests end with their connections
	return errors.Join(cut, err, e.transport.Close(), e.cfg.PacketConn.Close())
}

// begin serves an accepted connection.
func (e *Edge) begin(qc *quic.Conn) {
	c := &conn{edge: e, quic: qc}
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		_ = qc.CloseWithError(0, "")
		return
	}
	e.open[c] = struct{}{}
	e.serving.Go(c.serve)
	e.mu.Unlock()
}

// Accepters is how many goroutines wait for connections; see Config.AcceptAtOnce.
func (e *Edge) Accepters() int { return e.accepters.Count() }

// inflight counts requests and lets one caller wait for the last of them.
type inflight struct {
	mu       sync.RWMutex
	draining bool
	count    sync.WaitGroup
}

// begin counts a request in, unless the edge is closing.
func (f *inflight) begin() bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.draining {
		return false
	}
	f.count.Add(1)
	return true
}

func (f *inflight) end()  { f.count.Done() }
func (f *inflight) wait() { f.count.Wait() }

// drain lets no request in and waits for the others until ctx ends.
func (f *inflight) drain(ctx context.Context) error {
	f.mu.Lock()
	f.draining = true
	f.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		f.count.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("edge: requests cut at close: %w", context.Cause(ctx))
	}
}
