package connector

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/quic-go/quic-go"

	"pqbench/kex"
	"pqbench/tunnel"
	"pqbench/tunnel/internal/registration"
)

// connection keeps one of the connector's connections.
type connection struct {
	*Connector
	index    uint8
	edge     net.Addr // of the slot it has
	socket   socket
	law      backoff
	chance   *chance // of its own waits
	failures int     // in a row
}

// keep dials, registers and serves, again and again, until ctx ends or the edge refuses for good.
func (c *Connector) keep(ctx context.Context, index uint8) {
	k := &connection{
		Connector: c, index: index, socket: socket{shared: c.cfg.Sockets, listen: c.cfg.ListenPacket},
		law: backoff{base: retryBase, limit: c.cfg.Retries}, chance: newChance(c.cfg.Seed, uint64(index)),
	}
	defer k.socket.close()
	defer k.slots.giveBack(int(index))
	defer k.queue.back(index)
	for {
		err := k.once(ctx)
		if ctx.Err() != nil {
			return
		}
		k.set(func() { k.last = err })
		if permanent(err) {
			if k.refuse(err) {
				k.trouble("Register tunnel error from server side", err)
			}
			return
		}
		if !k.pause(ctx, err) {
			return
		}
	}
}

// permanent reports a refusal that no other attempt changes. That the edge has the connection already is none,
// whatever the edge says of it: another address may do.
func permanent(err error) bool {
	var refused *registration.Error
	return errors.As(err, &refused) && !refused.ShouldRetry && !errors.Is(err, tunnel.ErrDuplicateConnection)
}

// once dials, registers and serves one connection until it ends.
func (k *connection) once(ctx context.Context) (err error) {
	k.edge = k.slots.take(int(k.index))
	qc, err := k.dial(ctx)
	if err != nil {
		k.slots.rotate(int(k.index))
		return err
	}
	registered := false
	defer func() {
		if k.trace.ConnClosed != nil {
			k.trace.ConnClosed(tunnel.ConnClose{Connection: k.name(), At: time.Now(), Registered: registered, Err: err})
		}
	}()
	control, err := k.register(ctx, qc)
	if err != nil {
		_ = qc.CloseWithError(0, "")
		if ctx.Err() == nil {
			k.notRegistered(err)
		}
		return err
	}
	registered = true
	return k.serve(ctx, qc, control)
}

// notRegistered tells why, but for a permanent refusal, which keep tells once for all connections.
func (k *connection) notRegistered(err error) {
	var refused *registration.Error
	switch {
	case errors.Is(err, tunnel.ErrDuplicateConnection):
		k.slots.rotate(int(k.index))
		k.trouble("Unable to establish connection.", err)
	case !errors.As(err, &refused):
		k.trouble("Serve tunnel error", err)
	case refused.ShouldRetry:
		k.trouble("Register tunnel error from server side", err)
	}
}

func (k *connection) name() tunnel.Connection {
	return tunnel.Connection{Tunnel: k.cfg.Credentials.TunnelID, Client: k.cfg.ClientID, Index: k.index, Remote: k.edge}
}

// dial returns a connection whose handshake is complete.
func (k *connection) dial(ctx context.Context) (*quic.Conn, error) {
	tr, err := k.socket.open()
	if err != nil {
		k.trouble("Failed to dial a quic connection", err)
		return nil, err
	}
	if q := k.cfg.PostQuantum; q.Policy != "" && q.Compat == CompatToday {
		k.info(fmt.Sprintf("Tunnel connection curve preferences: %v", k.cfg.Dialer.TLS.CurvePreferences))
	}
	qc, err := k.cfg.Dialer.Dial(ctx, tr, k.edge)
	if err == nil {
		return qc, nil
	}
	k.socket.drop(err)
	err = fmt.Errorf("failed to dial to edge with quic: %w", err)
	if ctx.Err() == nil {
		if k.cfg.PostQuantum.Policy == kex.Strict {
			k.strictDialFailed(err)
		}
		k.trouble("Failed to dial a quic connection", err)
	}
	return nil, err
}

// register opens the control stream and registers over it.
func (k *connection) register(ctx context.Context, qc *quic.Conn) (*registration.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, k.cfg.RPCTimeout)
	defer cancel()
	k.debug("Registering tunnel connection", protocol)
	start := time.Now()
	stream, err := qc.OpenStream() // the first one: its id is 0, which makes it the control stream
	if err != nil {
		return nil, fmt.Errorf("failed to open a registration control stream: %w", err)
	}
	control := registration.NewClient(controlStream{stream})
	details, err := control.Register(ctx, registration.Request{
		Credentials: k.cfg.Credentials, Index: k.index, Client: k.cfg.ClientID,
		Features: k.cfg.Features, Version: k.cfg.Version, Arch: arch, Attempts: uint8(k.law.n),
	})
	if k.trace.Registered != nil {
		k.trace.Registered(tunnel.Registration{Connection: k.name(), Start: start, Done: time.Now(),
			Location: details.Location, Features: k.cfg.Features, Err: err})
	}
	if err != nil {
		stream.CancelRead(0)
		stream.CancelWrite(0)
		_ = control.Close()
		return nil, err
	}
	k.registeredAs(details)
	return control, nil
}

// registeredAs begins the laws of retry anew.
func (k *connection) registeredAs(details registration.Details) {
	k.failures = 0
	k.law.reset()
	k.info("Registered tunnel connection", locationOf(details), idOf(details), protocol)
	k.set(func() { k.registered++ })
	k.queue.back(k.index)
}

// controlStream makes Close end both directions, which is what unblocks RPC's reader.
type controlStream struct{ *quic.Stream }

func (s controlStream) Close() error {
	s.CancelRead(0)
	return s.Stream.Close()
}

// pause waits before the next dial; false says that ctx ended first. Every connection waits on its own; those but 0
// then wait together, unless the edge has said when to come again.
func (k *connection) pause(ctx context.Context, cause error) bool {
	k.failures++
	wait, below := k.law.next(time.Now(), k.chance.float())
	asked := retryAfter(cause)
	if asked > 0 {
		wait, below = asked, asked
	}
	k.info(fmt.Sprintf("Retrying connection in up to %s", below))
	k.backoff(tunnel.Backoff{Wait: wait, Below: below, Err: cause})
	if !sleep(ctx, wait) {
		return false
	}
	if k.index == 0 || asked > 0 {
		return true
	}
	k.trouble("Connection terminated", cause)
	gate, wait, below := k.queue.join(k.index)
	k.backoff(tunnel.Backoff{Wait: wait, Below: below, Shared: true, Err: cause})
	select {
	case <-gate:
		return true
	case <-ctx.Done():
		return false
	}
}

// retryAfter is how long a refusal asks to wait; 0 when it does not.
func retryAfter(err error) time.Duration {
	var refused *registration.Error
	if !errors.As(err, &refused) || refused.RetryAfter <= 0 {
		return 0
	}
	return max(refused.RetryAfter, retryAfterFloor)
}

func (k *connection) backoff(b tunnel.Backoff) {
	if k.trace.Backoff != nil {
		b.Index, b.Attempt = k.index, k.failures
		k.trace.Backoff(b)
	}
}
