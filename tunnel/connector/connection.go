package connector

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/registration"
)

// connection keeps one of the connector's connections.
type connection struct {
	*Connector
	index     uint8
	transport *quic.Transport
	slot      int // of Config.Edges
	failures  int // in a row
}

// keep dials, registers and serves, again and again, until ctx ends or the edge refuses for good.
func (c *Connector) keep(ctx context.Context, index uint8) {
	socket, err := c.cfg.ListenPacket()
	if err != nil {
		c.set(func() { c.permanent = errors.Join(c.permanent, err) })
		return
	}
	k := &connection{Connector: c, index: index, transport: &quic.Transport{Conn: socket}, slot: int(index) % len(c.cfg.Edges)}
	defer func() {
		_ = k.transport.Close()
		_ = socket.Close()
	}()
	for ctx.Err() == nil {
		err := k.once(ctx)
		if ctx.Err() != nil {
			return
		}
		var refused *registration.Error
		if errors.As(err, &refused) && !refused.ShouldRetry {
			c.log.Error("tunnel connection refused", "connIndex", index, "error", err)
			c.set(func() { c.permanent = errors.Join(c.permanent, err) })
			return
		}
		if !k.wait(ctx, err) {
			return
		}
	}
}

// once dials, registers and serves one connection until it ends.
func (k *connection) once(ctx context.Context) error {
	edge := k.cfg.Edges[k.slot]
	qc, err := k.cfg.Dialer.Dial(ctx, k.transport, edge)
	if err != nil {
		k.slot = (k.slot + 1) % len(k.cfg.Edges) // slots rotate after dial errors only
		return err
	}
	control, err := k.register(ctx, qc, edge)
	if err != nil {
		_ = qc.CloseWithError(0, "")
		if errors.Is(err, tunnel.ErrDuplicateConnection) {
			k.slot = (k.slot + 1) % len(k.cfg.Edges)
		}
		return err
	}
	k.failures = 0
	k.set(func() { k.registered[k.index] = true })
	err = k.serve(ctx, qc, control)
	k.set(func() { delete(k.registered, k.index) })
	if k.trace.ConnClosed != nil {
		k.trace.ConnClosed(tunnel.ConnClose{Connection: k.name(edge), At: time.Now(), Registered: true, Err: err})
	}
	return err
}

func (k *connection) name(edge net.Addr) tunnel.Connection {
	return tunnel.Connection{Tunnel: k.cfg.Credentials.TunnelID, Client: k.cfg.ClientID, Index: k.index, Remote: edge}
}

// register opens the control stream and registers over it.
func (k *connection) register(ctx context.Context, qc *quic.Conn, edge net.Addr) (*registration.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, tunnel.RPCTimeout)
	defer cancel()
	start := time.Now()
	stream, err := qc.OpenStream() // the first one: its id is 0, which makes it the control stream
	if err != nil {
		return nil, err
	}
	control := registration.NewClient(controlStream{stream})
	details, err := control.Register(ctx, registration.Request{
		Credentials: k.cfg.Credentials, Index: k.index, Client: k.cfg.ClientID,
		Features: k.cfg.Features, Version: k.cfg.Version, Arch: arch, Attempts: uint8(min(k.failures, 255)),
	})
	if k.trace.Registered != nil {
		k.trace.Registered(tunnel.Registration{Connection: k.name(edge), Start: start, Done: time.Now(),
			Location: details.Location, Features: k.cfg.Features, Err: err})
	}
	if err != nil {
		stream.CancelRead(0)
		stream.CancelWrite(0)
		_ = control.Close()
		return nil, err
	}
	k.log.Info("Registered tunnel connection", "connIndex", k.index, "connection", details.Connection,
		"location", details.Location, "ip", edge, "protocol", "quic")
	return control, nil
}

// controlStream makes Close end both directions, which is what unblocks RPC's reader.
type controlStream struct{ *quic.Stream }

func (s controlStream) Close() error {
	s.CancelRead(0)
	return s.Stream.Close()
}

// serve passes the edge's streams on until the connection ends, or ctx: then it unregisters, and closes when nothing
// is in flight or the grace period is over.
func (k *connection) serve(ctx context.Context, qc *quic.Conn, control *registration.Client) error {
	inFlight := newGauge()
	accepting := make(chan error, 1)
	go func() {
		for {
			stream, err := qc.AcceptStream(context.Background())
			if err != nil {
				accepting <- err
				return
			}
			inFlight.add(1)
			go func() {
				defer inFlight.add(-1)
				k.proxy.serve(stream)
			}()
		}
	}()
	var err error
	select {
	case err = <-accepting:
	case <-ctx.Done():
		k.leave(control, inFlight, qc)
		_ = qc.CloseWithError(0, "")
		err = <-accepting
	}
	_ = control.Close()
	<-inFlight.idle() // they end with the connection's context
	return err
}

// leave unregisters and waits for what is in flight.
func (k *connection) leave(control *registration.Client, inFlight *gauge, qc *quic.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), tunnel.RPCTimeout)
	defer cancel()
	if err := control.Unregister(ctx); err != nil {
		return // an edge that does not answer sends no requests either
	}
	grace := time.NewTimer(k.cfg.GracePeriod)
	defer grace.Stop()
	linger := max(lingerRTTs*qc.ConnectionStats().SmoothedRTT, lingerMin)
	wait := func(event <-chan struct{}) bool {
		select {
		case <-event:
			return true
		case <-grace.C:
		case <-qc.Context().Done():
		}
		return false
	}
	for last := -1; last != inFlight.begun(); {
		last = inFlight.begun()
		if !wait(inFlight.idle()) || !wait(after(linger)) {
			return
		}
	}
}

// How long a connection that has unregistered stays open when nothing is in flight: streams that the edge opened before
// may still be on their way, and so may the end of the last response, which a close would drop. A loss is repaired
// within three round trips.
const (
	lingerRTTs = 3
	lingerMin  = 25 * time.Millisecond
)

// after is closed after d.
func after(d time.Duration) <-chan struct{} {
	done := make(chan struct{})
	time.AfterFunc(d, func() { close(done) })
	return done
}

// Backoff laws of cloudflared (2026.8.2 and 2022.9.1): before attempt n, wait uniformly below 2^n seconds, n capped.
const (
	backoffBase = time.Second
	backoffCap  = 5 // --retries: never more than 32 seconds
)

// backoff is the wait after so many failures in a row, one or more. random is uniform in [0, 1).
func backoff(failures int, random float64) time.Duration {
	limit := backoffBase << min(failures, backoffCap)
	return time.Duration(random * float64(limit))
}

// wait sleeps before the next dial; false says that ctx ended first.
func (k *connection) wait(ctx context.Context, cause error) bool {
	k.failures++
	pause := backoff(k.failures, rand.Float64())
	var refused *registration.Error
	if errors.As(cause, &refused) && refused.RetryAfter > 0 {
		pause = refused.RetryAfter
	}
	k.log.Warn("Retrying connection", "connIndex", k.index, "in", pause, "error", cause)
	if k.trace.Backoff != nil {
		k.trace.Backoff(tunnel.Backoff{Index: k.index, Attempt: k.failures, Wait: pause, Err: cause})
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// gauge counts requests in flight. Unlike a sync.WaitGroup it may grow while somebody waits.
type gauge struct {
	mu    sync.Mutex
	n     int
	total int           // of all additions
	zero  chan struct{} // closed while n is 0
}

func newGauge() *gauge {
	g := &gauge{zero: make(chan struct{})}
	close(g.zero)
	return g
}

func (g *gauge) add(d int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.n
	g.n += d
	g.total += max(d, 0)
	switch {
	case before == 0:
		g.zero = make(chan struct{})
	case g.n == 0:
		close(g.zero)
	}
}

// idle is closed when nothing is in flight.
func (g *gauge) idle() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.zero
}

// begun is how many requests there have been.
func (g *gauge) begun() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.total
}
