package daemon

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"pqbench/daemon/metrics"
	"pqbench/kex"
	"pqbench/tunnel"
	"pqbench/tunnel/ca"
	"pqbench/tunnel/connector"
)

// RunConnector runs a connector until ctx ends and what is in flight has ended within the grace period, or until the
// edge refuses it for good. The settings come before the file's; file may be nil.
func RunConnector(ctx context.Context, s ConnectorSettings, file *File, log *slog.Logger) error {
	d := &connectorDaemon{settings: s, file: file, log: log, metrics: metrics.NewConnector(build())}
	if d.file == nil {
		d.file = &File{}
	}
	d.settings = s.Or(d.file.ConnectorSettings)
	cfg, err := d.configure(ctx)
	if err != nil {
		return config(err)
	}
	c, err := connector.New(cfg)
	if err != nil {
		return config(err)
	}
	d.metrics.Watch(c.InFlight)
	d.introduce(cfg)
	return d.run(ctx, c)
}

// connectorDaemon is the connector of a process.
type connectorDaemon struct {
	settings ConnectorSettings
	file     *File
	log      *slog.Logger
	metrics  *metrics.Connector
}

// configure makes the connector's configuration of everything that the settings name.
func (d *connectorDaemon) configure(ctx context.Context) (connector.Config, error) {
	s := d.settings
	if err := FixProvider(s.Provider); err != nil {
		return connector.Config{}, err
	}
	if err := s.check(); err != nil {
		return connector.Config{}, err
	}
	creds, err := s.Credentials()
	if err != nil {
		return connector.Config{}, err
	}
	edges, err := ResolveEdges(ctx, s.Edge, nil)
	if err != nil {
		return connector.Config{}, &SettingError{"edge", err}
	}
	dialer, told, err := s.dialer()
	if err != nil {
		return connector.Config{}, err
	}
	dialer.Trace = d.metrics.Trace()
	cfg := connector.Config{
		Edges: edges, Credentials: creds, Dialer: dialer, ClientID: uuid.New(), Version: "pqbench-" + cmp.Or(build().Revision, build().Version), PostQuantum: told,
		Connections: value(s.HAConnections), Retries: value(s.Retries), GracePeriod: orNone(s.GracePeriod), Seed: s.Seed,
		Features: connector.Features(told.Compat, told.Policy), Trace: d.trace(), Logger: d.log,
	}
	if s.Collector != "" {
		cfg.Report = d.report
	}
	return cfg, d.direct(&cfg)
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// orNone is a duration of which 0 means none, for a field of which it means the default and a negative one none.
func orNone(p *time.Duration) time.Duration {
	if p != nil && *p == 0 {
		return -1
	}
	return value(p)
}

// dialer is how the settings say to dial, and what is to be told about it.
func (s ConnectorSettings) dialer() (*connector.Dialer, connector.PostQuantum, error) {
	told := connector.PostQuantum{Compat: connector.Compat2022, Policy: s.PostQuantum.Policy()}
	if s.Compat != "" {
		told.Compat = connector.Compat(s.Compat)
	}
	if s.PostQuantum == "" && told.Compat == connector.CompatToday {
		told.Policy = kex.Prefer // what today's cloudflared does unasked
	}
	var candidates []kex.Group
	for _, name := range s.Groups {
		g, err := kex.ByName(name)
		if err != nil {
			return nil, told, &SettingError{"groups", err}
		}
		candidates = append(candidates, g)
	}
	var rng *rand.Rand
	if s.Seed != 0 {
		rng = rand.New(rand.NewPCG(s.Seed, s.Seed))
	}
	offer, err := connector.Offer(told.Compat, told.Policy, candidates, rng)
	if err != nil {
		return nil, told, &SettingError{"post-quantum", err}
	}
	config := &tls.Config{}
	kex.Configure(config, offer...)
	if s.CACert != "" {
		pem, err := os.ReadFile(s.CACert)
		if err != nil {
			return nil, told, &SettingError{"cacert", err}
		}
		if config.RootCAs, err = ca.PoolPEM(pem); err != nil {
			return nil, told, &SettingError{"cacert", fmt.Errorf("%s: %w", s.CACert, err)}
		}
	}
	return &connector.Dialer{TLS: config, QUIC: tunnel.QUICOptions{
		KeepAlive: orNone(s.KeepAlive), Idle: value(s.IdleTimeout),
	}}, told, nil
}

// reportTimeout bounds the one request that a connector sends to a collector.
const reportTimeout = 10 * time.Second

func (d *connectorDaemon) report(r tunnel.FailureReport) {
	ctx, cancel := context.WithTimeout(context.Background(), reportTimeout)
	defer cancel()
	if err := connector.PostReport(ctx, &http.Client{}, d.settings.Collector, r); err != nil {
		d.log.Warn("Failed to report the failure", "error", err)
	}
}

// introduce logs what a connector is about to do, in cloudflared's words.
func (d *connectorDaemon) introduce(cfg connector.Config) {
	d.log.Info("Starting tunnel", "tunnelID", cfg.Credentials.TunnelID)
	sayWhat(d.log, build())
	for _, w := range d.file.Warnings {
		d.log.Warn(w)
	}
	d.log.Info(fmt.Sprintf("Settings: %v", d.settings.shown()))
	d.log.Info("Generated Connector ID: " + cfg.ClientID.String())
}

// shown are the settings that somebody gave, without secrets.
func (s ConnectorSettings) shown() map[string]any {
	shown := map[string]any{}
	v := reflect.ValueOf(s)
	for field, f := range v.Fields() {
		if f.IsZero() {
			continue
		}
		if f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch key {
		case "token", "credentials-contents":
			shown[key] = "*****" // as cloudflared shows them
		case "url", "collector":
			shown[key] = withoutUser(f.String())
		default:
			shown[key] = f.Interface()
		}
	}
	return shown
}

// run serves metrics and runs the connector.
func (d *connectorDaemon) run(ctx context.Context, c *connector.Connector) error {
	l, err := metrics.Listen(d.settings.Metrics, metrics.ConnectorPort)
	if err != nil {
		return err
	}
	server := metrics.Serve(l, metrics.Config{
		Gatherer: d.metrics.Gatherer(), Ready: c.Connected, ConnectorID: c.ClientID(), Pprof: value(d.settings.Pprof),
	})
	d.log.Info("Starting metrics server on " + l.Addr().String() + "/metrics")
	stop := context.AfterFunc(ctx, func() { sayWhy(ctx, d.log) })
	err = c.Run(ctx)
	stop()
	if d.settings.PidFile != "" {
		_ = os.Remove(d.settings.PidFile) // it is there only after a registration
	}
	d.log.Info("Tunnel server stopped")
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = server.Close(closing) // an unfinished scrape is no failure
	d.log.Info("Metrics server stopped")
	return err
}

// trace feeds the metrics, and writes the process's id once a connection is registered, as cloudflared does.
func (d *connectorDaemon) trace() *tunnel.Trace {
	trace := d.metrics.Trace()
	if d.settings.PidFile == "" {
		return trace
	}
	count, once := trace.Registered, sync.Once{}
	trace.Registered = func(r tunnel.Registration) {
		count(r)
		if r.Err == nil {
			once.Do(d.writePID)
		}
	}
	return trace
}

func (d *connectorDaemon) writePID() {
	if err := os.WriteFile(d.settings.PidFile, fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		d.log.Error("Failed to write the process id", "error", err)
	}
}

// direct says where requests go.
func (d *connectorDaemon) direct(cfg *connector.Config) (err error) {
	switch {
	case d.settings.URL != "" && len(d.file.Ingress) > 0:
		d.log.Warn("The configuration file's ingress rules are not used, since a url is given outside it")
	case d.settings.URL == "" && len(d.file.Ingress) == 0:
		d.log.Warn("No ingress rules were defined in provided config (if any) nor from the cli, pqbench will return 503 for all incoming HTTP requests")
	}
	if cfg.Ingress, err = d.file.ingress(d.settings.URL); err != nil {
		return &SettingError{"ingress", err}
	}
	return nil
}
