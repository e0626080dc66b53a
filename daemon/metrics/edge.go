package metrics

import (
	"errors"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
	"pqbench/tunnel/edge"
)

// An Edge tells what the data centers of a process do.
type Edge struct {
	registry *prometheus.Registry
	*handshakes
	responses *prometheus.CounterVec

	mu        sync.Mutex
	colos     []colo
	collector *edge.Collector
}

type colo struct {
	name string
	edge *edge.Edge
}

// NewEdge makes an edge's metrics.
func NewEdge(b Build) *Edge {
	registry := newRegistry(b)
	e := &Edge{
		registry: registry, handshakes: newHandshakes(registry, "edge"),
		responses: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "pqbench_edge_responses_total",
			Help: "Responses to eyeballs by HTTP status code"}, []string{"status_code"}),
	}
	registry.MustRegister(e.responses, e)
	return e
}

// Gatherer has the series.
func (e *Edge) Gatherer() prometheus.Gatherer { return e.registry }

// Trace is what each data center's edge is to call.
func (e *Edge) Trace() *tunnel.Trace {
	return &tunnel.Trace{
		HandshakeDone: func(h tunnel.Handshake) { e.done(h.Group, h.Done.Sub(h.Start), h.Err) },
		Registered: func(r tunnel.Registration) {
			if r.Err != nil {
				e.failed("registration", r.Err)
			}
		},
		ConnClosed: func(c tunnel.ConnClose) {
			var app *quic.ApplicationError
			if c.Registered && c.Err != nil && !(errors.As(c.Err, &app) && app.ErrorCode == 0) {
				e.failed("connection", c.Err)
			}
		},
		RequestDone: func(r tunnel.Request) {
			if r.Err != nil {
				e.failed("request", r.Err)
			}
			if r.Status != 0 {
				e.responses.WithLabelValues(statusLabel(r.Status)).Inc()
			}
		},
	}
}

// Watch adds a data center's counters.
func (e *Edge) Watch(name string, running *edge.Edge) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.colos = append(e.colos, colo{word(name), running})
}

// WatchCollector adds the counts of failure reports.
func (e *Edge) WatchCollector(c *edge.Collector) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.collector = c
}

// series is one number of edge.Stats.
type series struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(edge.Stats) int64
}

func of(kind prometheus.ValueType, name, help string, read func(edge.Stats) int64) series {
	return series{prometheus.NewDesc("pqbench_edge_"+name, help, []string{"colo"}, nil), kind, read}
}

// Kinds of series, shorter.
const (
	counts = prometheus.CounterValue
	gauges = prometheus.GaugeValue
)

var edgeSeries = []series{
	of(counts, "handshakes_total", "Tunnel handshakes completed", func(s edge.Stats) int64 { return s.Handshakes }),
	of(counts, "handshakes_failed_total", "Tunnel handshakes failed", func(s edge.Stats) int64 { return s.HandshakesFailed }),
	of(gauges, "handshakes_half_open", "Tunnel handshakes begun, neither complete nor failed", func(s edge.Stats) int64 { return s.HalfOpen }),
	of(counts, "retries_total", "Initials that were asked for a proof of their address", func(s edge.Stats) int64 { return s.Retries }),
	of(counts, "initials_refused_total", "Initials refused because too many handshakes were in progress, each of a first flight by itself", func(s edge.Stats) int64 { return s.InitialsRefused }),
	of(counts, "never_registered_total", "Tunnel connections closed because no registration came in time", func(s edge.Stats) int64 { return s.NeverRegistered }),
	of(gauges, "connections", "Tunnel connections open", func(s edge.Stats) int64 { return s.OpenConnections }),
	of(gauges, "registered", "Tunnel connections that take requests", func(s edge.Stats) int64 { return s.Registered }),
	of(counts, "registrations_total", "Registrations accepted", func(s edge.Stats) int64 { return s.Registrations }),
	of(counts, "registrations_refused_total", "Registrations refused", func(s edge.Stats) int64 { return s.RegistrationsRefused }),
	of(counts, "requests_total", "Requests of eyeballs begun", func(s edge.Stats) int64 { return s.Requests }),
	of(gauges, "requests_in_flight", "Requests of eyeballs in flight", func(s edge.Stats) int64 { return s.InFlight }),
	of(counts, "bad_gateways_total", "Requests answered 502", func(s edge.Stats) int64 { return s.BadGateways }),
	of(counts, "aborted_total", "Responses cut after their head", func(s edge.Stats) int64 { return s.Aborted }),
	of(counts, "relayed_out_total", "Attempts to have a request served by another data center", func(s edge.Stats) int64 { return s.RelayedOut }),
	of(counts, "relayed_in_total", "Requests served for another data center", func(s edge.Stats) int64 { return s.RelayedIn }),
	of(counts, "relay_failures_total", "Of those relayed out, refused there or lost with the link", func(s edge.Stats) int64 { return s.RelayFailures }),
	of(counts, "bytes_up_total", "Body bytes towards origins", func(s edge.Stats) int64 { return s.BytesUp }),
	of(counts, "bytes_down_total", "Body bytes from origins", func(s edge.Stats) int64 { return s.BytesDown }),
}

var (
	linkDesc = prometheus.NewDesc("pqbench_edge_relay_up", "Whether the link to another data center is established, by the group negotiated on it",
		[]string{"colo", "peer", "group"}, nil)
	reportsDesc = prometheus.NewDesc("pqbench_edge_reports_total",
		"Failure reports of connectors by group and class of error", []string{"group", "error"}, nil)
	reportsRefusedDesc = prometheus.NewDesc("pqbench_edge_reports_refused_total", "Posts to the collector that were no report", nil, nil)
)

// Describe implements prometheus.Collector.
func (e *Edge) Describe(to chan<- *prometheus.Desc) {
	for _, s := range edgeSeries {
		to <- s.desc
	}
	to <- linkDesc
	to <- reportsDesc
	to <- reportsRefusedDesc
}

// Collect implements prometheus.Collector. It reads the counters at the time of the scrape.
func (e *Edge) Collect(to chan<- prometheus.Metric) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.colos {
		stats := c.edge.Stats()
		for _, s := range edgeSeries {
			to <- prometheus.MustNewConstMetric(s.desc, s.kind, float64(s.read(stats)), c.name)
		}
	}
	for _, c := range e.colos {
		for _, p := range c.edge.Peers() {
			up, group := 0.0, ""
			if p.Up {
				up, group = 1, GroupName(p.Group)
			}
			to <- prometheus.MustNewConstMetric(linkDesc, gauges, up, c.name, word(p.Name), group)
		}
	}
	if e.collector == nil {
		return
	}
	reports := e.collector.Reports()
	for _, r := range reports.Counts {
		to <- prometheus.MustNewConstMetric(reportsDesc, counts, float64(r.Count), r.Group, r.Error)
	}
	to <- prometheus.MustNewConstMetric(reportsRefusedDesc, counts, float64(reports.Refused))
}
