package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"pqbench/daemon/metrics"
	"pqbench/kex"
)

// A ConfigError is the caller's: nothing was started.
type ConfigError struct{ Err error }

func (e *ConfigError) Error() string { return e.Err.Error() }

// Unwrap is what is wrong.
func (e *ConfigError) Unwrap() error { return e.Err }

// A LogSettings says how a daemon logs.
type LogSettings struct {
	Level  string // see ParseLevel
	Output string // "json", or a human's
	File   string // gets the lines, too
}

// NewLogger logs to stderr, in colour when color is set, and to a file when the settings name one. close releases it.
func NewLogger(stderr io.Writer, color bool, s LogSettings) (log *slog.Logger, release func() error, err error) {
	level, err := ParseLevel(s.Level)
	if err != nil {
		return nil, nil, err
	}
	options := LogOptions{Level: level, JSON: s.Output == "json", Color: color}
	handler := NewLogHandler(stderr, options)
	if s.File == "" {
		return slog.New(handler), func() error { return nil }, nil
	}
	f, err := os.OpenFile(s.File, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("logfile: %w", err)
	}
	// cloudflared's file has JSON lines, whatever the terminal shows.
	file := NewLogHandler(f, LogOptions{Level: level, JSON: true})
	return slog.New(slog.NewMultiHandler(handler, file)), f.Close, nil
}

// Revision is the commit that the program was built from, where the program knows better than the go command. It is
// set before anything runs.
var Revision string

// build is what is running.
func build() metrics.Build {
	b := metrics.Build{Version: "DEV", Revision: Revision, GoVersion: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && b.Revision == "" {
			b.Revision = s.Value[:min(12, len(s.Value))]
		}
	}
	return b
}

// sayWhat logs what is running, in cloudflared's words.
func sayWhat(log *slog.Logger, b metrics.Build) {
	version := b.Version
	if b.Revision != "" {
		version += " (Revision " + b.Revision + ")"
	}
	log.Info("Version " + version)
	log.Info(fmt.Sprintf("GOOS: %s, GOVersion: %s, GoArch: %s", runtime.GOOS, b.GoVersion, runtime.GOARCH))
}

// sayWhy logs why a daemon stops. A context that a signal ended says which (os/signal, since Go 1.26).
func sayWhy(ctx context.Context, log *slog.Logger) {
	cause := context.Cause(ctx)
	name, signaled := strings.CutSuffix(cause.Error(), " signal received")
	if signaled {
		log.Info("Initiating graceful shutdown due to signal " + name + " ...")
	} else {
		log.Info("Initiating graceful shutdown ...", "error", cause)
	}
}

// config marks an error as the caller's.
func config(err error) error {
	if err == nil || errors.As(err, new(*ConfigError)) {
		return err
	}
	return &ConfigError{err}
}

// FixProvider chooses who computes this process's KEMs. By default that is CIRCL where the build's crypto/tls takes it,
// since the Draft00 groups come with it, and Go elsewhere.
func FixProvider(name string) error {
	if name == "" {
		name = string(kex.Go)
		if kex.Overlay {
			name = string(kex.CIRCLAsm)
		}
	}
	p, err := kex.ParseProvider(name)
	if err == nil {
		err = kex.Fix(p)
	}
	if err != nil {
		return &SettingError{"provider", err}
	}
	return nil
}
