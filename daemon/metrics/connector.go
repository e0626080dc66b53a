package metrics

import (
	"errors"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
)

// registerCall is cloudflared's label for the one call that registers.
const registerCall = "registerConnection"

// A Connector tells what a connector does, from its Trace.
type Connector struct {
	registry *prometheus.Registry
	*handshakes
	connections                    prometheus.Gauge
	requests, requestErrors        prometheus.Counter
	responses, registered, refused *prometheus.CounterVec
	locations                      *prometheus.GaugeVec
	dialled, closed, backoffs      prometheus.Counter
	mu                             sync.Mutex
	ready                          map[uint8]bool
	location                       map[uint8]string
	locationSeries                 map[[2]string]bool
}

// NewConnector makes a connector's metrics.
func NewConnector(b Build) *Connector {
	counter := func(subsystem, name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}
	}
	gauge := func(name, help string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}
	}
	registry := newRegistry(b)
	c := &Connector{
		registry: registry, handshakes: newHandshakes(registry, "connector"),
		ready: map[uint8]bool{}, location: map[uint8]string{}, locationSeries: map[[2]string]bool{},
		connections:   prometheus.NewGauge(gauge("ha_connections", "Number of active ha connections")),
		requests:      prometheus.NewCounter(counter(subsystem, "total_requests", "Amount of requests proxied through all the tunnels")),
		requestErrors: prometheus.NewCounter(counter(subsystem, "request_errors", "Count of error proxying to origin")),
		responses: prometheus.NewCounterVec(counter(subsystem, "response_by_code", "Count of responses by HTTP status code"),
			[]string{"status_code"}),
		registered: prometheus.NewCounterVec(counter(subsystem, "tunnel_register_success", "Count of successful tunnel registrations"),
			[]string{"rpcName"}),
		refused: prometheus.NewCounterVec(counter(subsystem, "tunnel_register_fail", "Count of tunnel registration errors by type"),
			[]string{"error", "rpcName"}),
		locations: prometheus.NewGaugeVec(gauge("server_locations",
			"Where each tunnel is connected to. 1 means current location, 0 means previous locations."), []string{"connection_id", "edge_location"}),
		dialled: prometheus.NewCounter(prometheus.CounterOpts{Name: "quic_client_total_connections", Help: "Number of connections initiated"}),
		closed:  prometheus.NewCounter(prometheus.CounterOpts{Name: "quic_client_closed_connections", Help: "Number of connections that has been closed"}),
		backoffs: prometheus.NewCounter(prometheus.CounterOpts{Name: "pqbench_backoffs_total",
			Help: "Waits before another dial"}),
	}
	registry.MustRegister(c.connections, c.requests, c.requestErrors, c.responses, c.registered, c.refused,
		c.locations, c.dialled, c.closed, c.backoffs)
	return c
}

// Gatherer has the series.
func (c *Connector) Gatherer() prometheus.Gatherer { return c.registry }

// Watch adds the requests in flight, which a Trace does not tell: it hears of a request when it is done.
func (c *Connector) Watch(inFlight func() int) {
	c.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Subsystem: subsystem, Name: "concurrent_requests_per_tunnel",
		Help: "Concurrent requests proxied through each tunnel",
	}, func() float64 { return float64(inFlight()) }))
}

// Trace is what a connector and its dialer are to call.
func (c *Connector) Trace() *tunnel.Trace {
	return &tunnel.Trace{
		HandshakeDone: c.handshakeDone,
		Registered:    c.onRegistered,
		Unregistered:  func(n tunnel.Connection) { c.setReady(n.Index, false) },
		ConnClosed:    c.onClosed,
		RequestDone:   c.requestDone,
		Backoff:       func(tunnel.Backoff) { c.backoffs.Inc() },
	}
}

func (c *Connector) handshakeDone(h tunnel.Handshake) {
	c.dialled.Inc()
	c.done(h.Group, h.Done.Sub(h.Start), h.Err)
	if h.Err != nil {
		c.closed.Inc() // quic-go's tracer, which cloudflared counts by, closes a failed dial, too
	}
}

func (c *Connector) onRegistered(r tunnel.Registration) {
	if r.Err != nil {
		kind := "server_error" // cloudflared tells these two apart
		if errors.Is(r.Err, tunnel.ErrDuplicateConnection) {
			kind = "dup_edge_conn"
		}
		c.refused.WithLabelValues(kind, registerCall).Inc()
		c.failed("registration", r.Err)
		return
	}
	c.registered.WithLabelValues(registerCall).Inc()
	c.setReady(r.Index, true)
	c.setLocation(r.Index, word(r.Location))
}

func (c *Connector) onClosed(e tunnel.ConnClose) {
	c.closed.Inc()
	if e.Registered {
		c.setReady(e.Index, false)
	}
	var app *quic.ApplicationError
	if e.Err != nil && !(errors.As(e.Err, &app) && app.ErrorCode == 0) {
		c.failed("connection", e.Err)
	}
}

func (c *Connector) setReady(index uint8, ready bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ready {
		c.ready[index] = true
	} else {
		delete(c.ready, index)
	}
	c.connections.Set(float64(len(c.ready)))
}

// maxLocations bounds the series of past locations; reaching it forgets them.
const maxLocations = 1024

func (c *Connector) setLocation(index uint8, location string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := func(i uint8) string { return strconv.Itoa(int(i)) }
	if old, ok := c.location[index]; ok {
		c.locations.WithLabelValues(id(index), old).Set(0)
	}
	c.location[index] = location
	c.locationSeries[[2]string{id(index), location}] = true
	if len(c.locationSeries) > maxLocations {
		c.locations.Reset()
		clear(c.locationSeries)
		for i, l := range c.location {
			c.locations.WithLabelValues(id(i), l).Set(1)
			c.locationSeries[[2]string{id(i), l}] = true
		}
	}
	c.locations.WithLabelValues(id(index), location).Set(1)
}

func (c *Connector) requestDone(r tunnel.Request) {
	c.requests.Inc()
	if r.Err != nil {
		c.requestErrors.Inc()
		c.failed("request", r.Err)
	}
	if r.Status != 0 {
		c.responses.WithLabelValues(statusLabel(r.Status)).Inc()
	}
}
