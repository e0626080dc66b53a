package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"pqbench/origin"
)

// Time-outs of the HTTP servers of an origin and of an edge's eyeball side. A request and its response may take as long
// as they take: a soak downloads for hours.
const (
	headTimeout = 10 * time.Second
	idleTimeout = 2 * time.Minute
)

// OriginSettings say what an origin listens on.
type OriginSettings struct {
	Listen string // host:port
}

// RunOrigin serves the application behind a tunnel until ctx ends, then lets requests in flight end for a while.
func RunOrigin(ctx context.Context, s OriginSettings, log *slog.Logger) error {
	l, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("origin: %w", err)
	}
	log.Info("Serving the origin on http://" + l.Addr().String())
	return serveHTTP(ctx, l, origin.New(), log, originGrace)
}

// originGrace is how long an origin waits for requests in flight. Its connector decides about longer ones.
const originGrace = 5 * time.Second

// serveHTTP serves on l until ctx ends, then lets requests in flight end within the grace period.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger, grace time.Duration) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: headTimeout, IdleTimeout: idleTimeout, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	sayWhy(ctx, log)
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(shutdown); err != nil {
		log.Warn("Requests in flight were cut", "error", err)
		_ = server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return nil
}
