package edge

import (
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"github.com/google/uuid"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/registration"
)

// Register decides on a connector's registration. It is called on the
// control stream's goroutine, one call at a time.
func (c *conn) Register(r registration.Request) (registration.Details, *registration.Error) {
	start := time.Now()
	details, refused := c.decide(r)
	done := time.Now()
	e := c.edge
	name := tunnel.Connection{Tunnel: r.Credentials.TunnelID, Client: r.Client, Index: r.Index, Remote: c.quic.RemoteAddr()}
	event := tunnel.Registration{Connection: name, Start: start, Done: done, Location: e.cfg.Location, Features: r.Features}
	if refused != nil {
		event.Err = refused
		e.counters.refused.Add(1)
		e.log.Warn("tunnel connection refused", "tunnel", name.Tunnel, "connIndex", name.Index, "cause", refused.Cause)
	} else {
		e.counters.registrations.Add(1)
		e.log.Info("registered tunnel connection", "tunnel", name.Tunnel, "connIndex", name.Index, "connection", details.Connection)
	}
	if e.trace.Registered != nil {
		e.trace.Registered(event)
	}
	return details, refused
}

func (c *conn) decide(r registration.Request) (registration.Details, *registration.Error) {
	if !c.edge.authorized(r.Credentials) {
		return registration.Details{}, &registration.Error{Cause: tunnel.CauseUnauthorized + ": invalid tunnel secret"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.gone:
		return registration.Details{}, &registration.Error{Cause: "connection is closed", ShouldRetry: true}
	case c.name.Tunnel != uuid.Nil:
		return registration.Details{}, &registration.Error{Cause: "connection is registered already"}
	}
	c.key = key{tunnel: r.Credentials.TunnelID, client: r.Client, index: r.Index}
	c.name = tunnel.Connection{Tunnel: c.key.tunnel, Client: c.key.client, Index: c.key.index, Remote: c.quic.RemoteAddr()}
	displaced, ok := c.edge.tunnels.add(c, r.Replace)
	if !ok {
		c.name = tunnel.Connection{} // it may try again
		return registration.Details{}, &registration.Error{Cause: tunnel.CauseDuplicate, ShouldRetry: true}
	}
	if displaced != nil {
		_ = displaced.quic.CloseWithError(0, "replaced")
	}
	return registration.Details{Connection: uuid.New(), Location: c.edge.cfg.Location}, nil
}

// Unregister takes the connection out of rotation. It stays open, for what
// is in flight, until the connector closes it.
func (c *conn) Unregister() {
	c.mu.Lock()
	name := c.name
	c.mu.Unlock()
	if name.Tunnel == uuid.Nil || !c.edge.tunnels.remove(c) {
		return
	}
	if c.edge.trace.Unregistered != nil {
		c.edge.trace.Unregistered(name)
	}
}

// UpdateLocalConfiguration is for an account's dashboard; a local edge has none.
func (c *conn) UpdateLocalConfiguration([]byte) {}

// authorized compares digests: the time it takes tells neither the secret,
// nor its length, nor whether the tunnel exists.
func (e *Edge) authorized(got tunnel.Credentials) bool {
	secret, known := e.cfg.Authorize(got.AccountTag, got.TunnelID)
	want, have := sha256.Sum256(secret), sha256.Sum256(got.TunnelSecret)
	same := subtle.ConstantTimeCompare(want[:], have[:]) == 1
	return same && known && len(secret) > 0
}
