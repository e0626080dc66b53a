// Package metrics tells Prometheus what a connector or an edge does. Names and labels are cloudflared's (2026.8.2) where
// it has them, so that its dashboards work; what it lacks begins with pqbench_.
//
// The number of series is bounded whatever peers do: groups, classes of failure, status codes, connection indexes and
// data centers are the only labels, and each is a short list or folded into "other".
package metrics

import (
	"crypto/tls"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"pqbench/kex"
)

// Names that series of cloudflared's begin with.
const (
	namespace = "cloudflared"
	subsystem = "tunnel"
)

// other is the label of what has no place in a bounded list.
const other = "other"

// Build says what is running.
type Build struct{ Version, Revision, GoVersion string }

// newRegistry has what every process tells.
func newRegistry(b Build) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "build_info", Help: "Build and version information",
		ConstLabels: prometheus.Labels{"goversion": b.GoVersion, "type": "pqbench", "revision": b.Revision, "version": b.Version},
	})
	info.Set(1)
	registry.MustRegister(info, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// handshakes is what both ends tell of handshakes and failures.
type handshakes struct {
	seconds  *prometheus.HistogramVec // group, side
	failures *prometheus.CounterVec   // class
	side     string
}

// handshakeBuckets are seconds from half a millisecond, which loopback has, up to the time-out, with each step half as
// much again: fine enough to tell one round trip from two.
var handshakeBuckets = prometheus.ExponentialBuckets(0.0005, 1.5, 23)

func newHandshakes(registry *prometheus.Registry, side string) *handshakes {
	h := &handshakes{side: side,
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pqbench_handshake_seconds", Buckets: handshakeBuckets,
			Help: "Time of complete tunnel handshakes by negotiated group; the connector counts from its dial, the edge from the first Initial",
		}, []string{"group", "side"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pqbench_failures_total", Help: "Failed handshakes, registrations, connections and requests by class",
		}, []string{"class"}),
	}
	registry.MustRegister(h.seconds, h.failures)
	return h
}

func (h *handshakes) done(group tls.CurveID, took time.Duration, err error) {
	if err != nil {
		h.failed("handshake", err)
		return
	}
	h.seconds.WithLabelValues(GroupName(group), h.side).Observe(took.Seconds())
}

// failed counts an error of a stage (handshake, registration, connection, request).
func (h *handshakes) failed(stage string, err error) {
	h.failures.WithLabelValues(stage + "_" + Class(err)).Inc()
}

// GroupName is the label of a named group.
func GroupName(id tls.CurveID) string {
	if g, ok := kex.ByID(id); ok {
		return g.Name
	}
	return other
}

// statusLabel is the label of a response's status.
func statusLabel(status int) string {
	if status < 100 || status > 599 {
		return other
	}
	return strconv.Itoa(status)
}

// word makes a peer's text fit for a label. What is not UTF-8 would be a panic
// in the client library, so the cut comes first: it may halve a character.
func word(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxWord)], "")
}

// maxWord bounds a label that a peer chose, in bytes; locations are airport codes.
const maxWord = 32
