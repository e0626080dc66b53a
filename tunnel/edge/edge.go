// Package edge is the server end of the tunnel: it accepts connections from
// connectors over QUIC, lets them register, and proxies the requests of
// eyeballs to them, one stream per request.
//
// A connection that opens no stream (a pre-check, or a handshake that is
// being measured) costs one goroutine and is never logged: everything else
// is made when its first stream arrives.
package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
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
	// VerifySourceAddress says whether an address must prove itself by a
	// Retry before a handshake is paid for; nil is never. See quic.Transport.
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

	mu       sync.Mutex
	open     map[*conn]struct{}
	closed   bool
	serving  sync.WaitGroup // accept loop and connections
	requests inflight
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
	e.transport = &quic.Transport{
		Conn:                cfg.PacketConn,
		VerifySourceAddress: cfg.VerifySourceAddress,
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
	e.serving.Go(e.accept)
	return e, nil
}

func (c *Config) validate() error {
	switch {
	case c.TLS == nil || len(c.TLS.Certificates) == 0 && c.TLS.GetCertificate == nil && c.TLS.GetConfigForClient == nil:
		return errors.New("config has no certificate: set Config.TLS")
	case c.Authorize == nil:
		return errors.New("config accepts no tunnel: set Config.Authorize")
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
	if c.Addr == "" {
		c.Addr = fmt.Sprintf(":%d", tunnel.DefaultPort)
	}
	if c.Location == "" {
		c.Location = "local"
	}
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
	e.serving.Wait()
	e.requests.wait() // cut requests end with their connections
	return errors.Join(cut, err, e.transport.Close(), e.cfg.PacketConn.Close())
}

// accept runs until the listener is closed.
func (e *Edge) accept() {
	for {
		qc, err := e.listener.Accept(context.Background())
		if err != nil {
			return
		}
		c := &conn{edge: e, quic: qc}
		e.mu.Lock()
		if e.closed {
			e.mu.Unlock()
			_ = qc.CloseWithError(0, "")
			continue
		}
		e.open[c] = struct{}{}
		e.serving.Go(c.serve)
		e.mu.Unlock()
	}
}

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

// handshake follows one handshake from its first Initial.
type handshake struct {
	start time.Time
	// stop ends the watch for failure; false says it has fired.
	stop func() bool
}

type handshakeKey struct{}

// handshakeStarted is called by quic-go for every Initial that begins a
// connection. A handshake that dies before it has keys is never handed to
// accept; its context is the only thing that tells.
func (e *Edge) handshakeStarted(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
	h := &handshake{start: time.Now()}
	ctx = context.WithValue(ctx, handshakeKey{}, h)
	remote := info.RemoteAddr
	h.stop = context.AfterFunc(ctx, func() {
		cause := context.Cause(ctx)
		var app *quic.ApplicationError
		if errors.As(cause, &app) && app.Remote {
			return // only a complete connection can be closed so: accept has it
		}
		e.handshakeFailed(h, nil, remote, cause)
	})
	return ctx, nil
}

func (e *Edge) handshakeFailed(h *handshake, local, remote net.Addr, err error) {
	e.counters.handshakesFailed.Add(1)
	if e.trace.HandshakeDone != nil {
		e.trace.HandshakeDone(tunnel.Handshake{
			Start: h.start, Done: time.Now(), Local: local, Remote: remote, Err: err})
	}
}
