package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Where metrics are served unless an address is given: the first free port of five, as cloudflared does, so that
// several on one host can be told apart. Loopback alone, since nothing here asks who is asking.
const (
	host  = "127.0.0.1"
	ports = 5
	// ConnectorPort is cloudflared's first port.
	ConnectorPort = 20241
	// EdgePort is an edge's, which cloudflared does not have.
	EdgePort = 20251
)

// Listen opens address, or, when that is empty, the first free port from the given one on, or any.
func Listen(address string, first int) (net.Listener, error) {
	if address != "" {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
		return l, nil
	}
	for port := first; port < first+ports; port++ {
		if l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))); err == nil {
			return l, nil
		}
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return l, nil
}

// Config says what a Server serves.
type Config struct {
	Gatherer prometheus.Gatherer
	// Ready is how many connections are registered; nil: there is no /ready.
	Ready func() int
	// ConnectorID is told at /ready.
	ConnectorID uuid.UUID
	// Pprof adds /debug/pprof, without the command line, which may hold a token.
	Pprof bool
}

// Time-outs of the server. A CPU profile takes 30 seconds unless asked otherwise, and nobody is to hold a connection
// longer than two.
const (
	readTimeout  = 10 * time.Second
	writeTimeout = 2 * time.Minute
	idleTimeout  = 2 * time.Minute
)

// A Server is a running metrics server.
type Server struct {
	http    *http.Server
	address net.Addr
	done    chan error
}

// Serve serves on l, which it owns. Close it to stop.
func Serve(l net.Listener, c Config) *Server {
	s := &Server{address: l.Addr(), done: make(chan error, 1)}
	s.http = &http.Server{Handler: s.handler(c), ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout}
	go func() { s.done <- s.http.Serve(l) }()
	return s
}

// Addr is where it listens.
func (s *Server) Addr() net.Addr { return s.address }

// Close stops serving when what is being answered is answered, or ctx ends.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func (s *Server) handler(c Config) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(c.Gatherer, promhttp.HandlerOpts{}))
	mux.HandleFunc("/healthcheck", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "OK\n") })
	if c.Ready != nil {
		mux.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) { s.ready(w, c) })
	}
	if c.Pprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
		mux.HandleFunc("/debug/pprof/cmdline", http.NotFound)
	}
	return mux
}

// readiness is cloudflared's answer at /ready.
type readiness struct {
	Status      int       `json:"status"`
	Connections int       `json:"readyConnections"`
	Connector   uuid.UUID `json:"connectorId"`
}

func (s *Server) ready(w http.ResponseWriter, c Config) {
	r := readiness{Status: http.StatusOK, Connections: c.Ready(), Connector: c.ConnectorID}
	if r.Connections == 0 {
		r.Status = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(r.Status)
	_ = json.NewEncoder(w).Encode(r)
}
