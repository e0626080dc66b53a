package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"pqbench/daemon/metrics"
	"pqbench/kex"
	"pqbench/tunnel/ca"
	"pqbench/tunnel/edge"
)

// RunEdge runs the data centers of the settings until ctx ends, then lets requests in flight end within the grace
// period.
func RunEdge(ctx context.Context, s EdgeSettings, log *slog.Logger) error {
	d := &edgeDaemon{settings: s, log: log, metrics: metrics.NewEdge(build()), failed: make(chan error, 1)}
	if err := d.prepare(); err != nil {
		return config(err)
	}
	sayWhat(log, build())
	if err := d.start(); err != nil {
		return errors.Join(err, d.stop(0))
	}
	var err error
	select {
	case <-ctx.Done():
		sayWhy(ctx, log)
	case err = <-d.failed:
	}
	return errors.Join(err, d.stop(s.GracePeriod))
}

// edgeDaemon is the edge of a process.
type edgeDaemon struct {
	settings EdgeSettings
	log      *slog.Logger
	sites    []site
	state    State
	routes   map[string]uuid.UUID
	leaf     tls.Certificate
	accept   edge.Accept
	metrics  *metrics.Edge

	peers        []edge.Peer // of other processes
	relayTLS     *tls.Config
	relaySockets []*net.UDPConn // one for each site; nil for one alone

	edges   []*edge.Edge
	servers []*http.Server // eyeballs' and the collector's
	scraped *metrics.Server
	failed  chan error // of a listener, while running
}

// prepare reads everything that the settings name.
func (d *edgeDaemon) prepare() (err error) {
	s := &d.settings
	if s.State == "" {
		s.State = DefaultState()
	}
	if s.Cert == "" {
		s.Cert = ca.Kinds()[0]
	}
	if err := FixProvider(s.Provider); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	d.sites, _ = s.sites() // check has asked before
	d.accept, _ = s.accept()
	d.peers, _ = s.peers()
	if d.state, err = OpenState(s.State); err != nil {
		return err
	}
	stored, err := d.state.Routes()
	if err != nil {
		return err
	}
	if d.routes, err = s.routes(stored); err != nil {
		return err
	}
	return d.certificate()
}

// soon is how early an edge begins to warn that its certificate will expire.
const soon = 14 * 24 * time.Hour

func (d *edgeDaemon) certificate() error {
	if d.settings.TLSCert != "" {
		leaf, err := tls.LoadX509KeyPair(d.settings.TLSCert, d.settings.TLSKey)
		if err != nil {
			return &SettingError{"tls-cert", err}
		}
		d.leaf = leaf
	} else {
		authority, err := d.state.CA(d.settings.Cert)
		if err != nil {
			return err
		}
		d.leaf = authority.Leaf()
	}
	if end := d.leaf.Leaf.NotAfter; time.Until(end) < soon {
		d.log.Warn("The certificate expires soon", "at", end)
	}
	return nil
}

func (d *edgeDaemon) start() error {
	d.log.Info("Accepting named groups: " + groupNames(d.accept.Groups()))
	if err := d.openRelays(); err != nil {
		return err
	}
	for i, s := range d.sites {
		if err := d.startSite(i, s); err != nil {
			return err
		}
	}
	if address := d.settings.CollectorListen; address != "" {
		collector := &edge.Collector{}
		d.metrics.WatchCollector(collector)
		l, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("collector: %w", err)
		}
		d.serve(l, collector)
		d.log.Info("Collecting failure reports on http://" + l.Addr().String())
	}
	l, err := metrics.Listen(d.settings.Metrics, metrics.EdgePort)
	if err != nil {
		return err
	}
	d.scraped = metrics.Serve(l, metrics.Config{Gatherer: d.metrics.Gatherer(), Pprof: d.settings.Pprof})
	d.log.Info("Starting metrics server on " + l.Addr().String() + "/metrics")
	return nil
}

func groupNames(groups []kex.Group) string {
	var names []string
	for _, g := range groups {
		names = append(names, g.Name)
	}
	return strings.Join(names, ", ")
}

// startSite opens a data center: where connectors dial, and where eyeballs do.
func (d *edgeDaemon) startSite(i int, s site) error {
	// crypto/tls rotates the keys of session tickets by itself; nothing here resumes for longer.
	config := &tls.Config{Certificates: []tls.Certificate{d.leaf}}
	d.accept.Configure(config)
	socket, err := listenUDP(s.listen)
	if err != nil {
		return fmt.Errorf("colo %s: %w", s.name, err)
	}
	e, err := edge.Listen(edge.Config{
		TLS: config, PacketConn: socket, Authorize: d.state.Authorize, Routes: d.routes, Location: s.name, Relay: d.relay(i), RetryAbove: d.settings.RetryAbove,
		Trace: d.metrics.Trace(), Logger: d.log.With("colo", s.name),
	})
	if err != nil {
		return fmt.Errorf("colo %s: %w", s.name, err)
	}
	d.edges = append(d.edges, e)
	d.metrics.Watch(s.name, e)
	l, err := net.Listen("tcp", s.eyeball)
	if err != nil {
		return fmt.Errorf("colo %s: eyeball: %w", s.name, err)
	}
	d.serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{d.leaf}, NextProtos: []string{"h2", "http/1.1"}}), e)
	d.log.Info("Serving a data center", "colo", s.name, "tunnel", e.Addr().String(), "eyeball", "https://"+l.Addr().String())
	return nil
}

// listenUDP opens a socket that quic-go takes as it is.
func listenUDP(address string) (*net.UDPConn, error) {
	a, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	return net.ListenUDP("udp", a)
}

// serve serves h on l until stop. A listener that fails ends the daemon.
func (d *edgeDaemon) serve(l net.Listener, h http.Handler) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: headTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug)}
	d.servers = append(d.servers, server)
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			select {
			case d.failed <- fmt.Errorf("serve %s: %w", l.Addr(), err):
			default: // one is enough to end it
			}
		}
	}()
}

// stop ends what start began: eyeballs first, so that nothing new comes in, then the tunnels behind them.
func (d *edgeDaemon) stop(grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	for _, s := range d.servers {
		if s.Shutdown(ctx) != nil {
			d.log.Warn("Requests in flight were cut")
			_ = s.Close()
		}
	}
	errs := make([]error, len(d.edges))
	var closing sync.WaitGroup // together, so that none mourns the others' links
	for i, e := range d.edges {
		closing.Go(func() {
			if err := e.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
				errs[i] = err
			}
		})
	}
	closing.Wait()
	for _, s := range d.relaySockets {
		_ = s.Close() // closed already where its data center has started
	}
	if d.scraped != nil {
		_ = d.scraped.Close(ctx) // an unfinished scrape is no failure
		d.log.Info("Metrics server stopped")
	}
	return errors.Join(errs...)
}
