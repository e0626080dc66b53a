package connector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"pqbench/kex"
)

// Run keeps the connections until ctx ends; then it unregisters, lets what is in flight end within the grace period,
// and closes. It returns nil, or, when every connection was refused for good, why. It can be called once.
//
// Connection 0 is alone until it has registered: what is wrong with a configuration shows once. Then the others start.
func (c *Connector) Run(ctx context.Context) error {
	c.begin(ctx)
	var connections sync.WaitGroup
	zero := make(chan struct{})
	connections.Go(func() { defer close(zero); c.keep(ctx, 0) })
	if c.firstRegistered(zero) {
		c.startOthers(ctx, &connections)
	}
	connections.Wait()
	c.queue.stop()
	c.failures.reports.Wait()
	c.proxy.closeIdle()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused < c.started {
		return nil
	}
	return errors.Join(c.permanent...)
}

func (c *Connector) begin(ctx context.Context) {
	c.set(func() { c.stopping, c.started = ctx.Done(), 1 })
	if c.want < c.cfg.Connections {
		c.log.LogAttrs(ctx, slog.LevelInfo, fmt.Sprintf("You requested %d HA connections but I can give you at most %d.", c.cfg.Connections, c.want))
	}
	c.log.LogAttrs(ctx, slog.LevelInfo, "Initial protocol quic")
	if q := c.cfg.PostQuantum; q.Policy == kex.Strict && q.Compat == Compat2022 {
		c.log.LogAttrs(ctx, slog.LevelInfo, "Using experimental hybrid post-quantum key agreement "+c.firstOffered().Name)
	}
}

// firstRegistered waits until a connection has registered; false says that it has ended before.
func (c *Connector) firstRegistered(ended <-chan struct{}) bool {
	for {
		c.mu.Lock()
		registered, changed := c.registered > 0, c.changed
		c.mu.Unlock()
		if registered {
			return true
		}
		select {
		case <-changed:
		case <-ended:
			return false
		}
	}
}

func (c *Connector) startOthers(ctx context.Context, connections *sync.WaitGroup) {
	for i := 1; i < c.want; i++ {
		if i > 1 && !sleep(ctx, c.cfg.Stagger) {
			return
		}
		c.set(func() { c.started++ })
		connections.Go(func() { c.keep(ctx, uint8(i)) })
	}
}

// sleep waits; false says that ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ClientID is what the connector calls itself on all its connections.
func (c *Connector) ClientID() uuid.UUID { return c.cfg.ClientID }

// InFlight is how many requests and other streams of the edge are being served now.
func (c *Connector) InFlight() int { return int(c.proxy.inFlight.Load()) }

// Connected is how many connections are registered now. From the moment that Run's context ends it is 0: the
// connector then takes no more requests, whatever it still finishes.
func (c *Connector) Connected() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.stopping:
		return 0
	default:
		return c.registered
	}
}

// Ready waits until every connection is registered: as many as Config asks for, or as it has edges. The error is the
// first permanent refusal, or ctx's with why a connection is missing.
func (c *Connector) Ready(ctx context.Context) error {
	for {
		c.mu.Lock()
		have, permanent, last, changed := c.registered, errors.Join(c.permanent...), c.last, c.changed
		c.mu.Unlock()
		if permanent != nil || have == c.want {
			return permanent
		}
		select {
		case <-changed:
		case <-ctx.Done():
			err := fmt.Errorf("%d of %d connections are registered: %w", have, c.want, context.Cause(ctx))
			if last != nil {
				err = fmt.Errorf("%w (last failure: %w)", err, last)
			}
			return err
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

// refuse keeps a permanent refusal. It returns false for one that another connection has met before.
func (c *Connector) refuse(err error) (first bool) {
	c.set(func() {
		c.refused++
		for _, known := range c.permanent {
			if known.Error() == err.Error() {
				return
			}
		}
		first = true
		c.permanent = append(c.permanent, err)
	})
	return first
}
