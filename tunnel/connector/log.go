package connector

import (
	"context"
	"log/slog"
	"net"

	"pqbench/tunnel/internal/registration"
)

// The messages, and the names of their attributes, are those that cloudflared's users know; how a line looks is the
// Logger's business.

// event is cloudflared's number for "about the tunnel itself".
var event = slog.Int("event", 0)

var protocol = slog.String("protocol", "quic")

func locationOf(d registration.Details) slog.Attr { return slog.String("location", d.Location) }

func idOf(d registration.Details) slog.Attr { return slog.String("connection", d.Connection.String()) }

// say logs a line about the connection.
func (k *connection) say(level slog.Level, message string, more ...slog.Attr) {
	if !k.log.Enabled(context.Background(), level) {
		return
	}
	attrs := append([]slog.Attr{slog.Int("connIndex", int(k.index)), event}, more...)
	if ip := host(k.edge); ip != "" {
		attrs = append(attrs, slog.String("ip", ip))
	}
	k.log.LogAttrs(context.Background(), level, message, attrs...)
}

func (k *connection) info(message string, more ...slog.Attr) {
	k.say(slog.LevelInfo, message, more...)
}

func (k *connection) debug(message string, more ...slog.Attr) {
	k.say(slog.LevelDebug, message, more...)
}

// trouble is an error while the tunnel has no connection at all, and a warning while it has (cloudflared's
// ConnAwareLogger).
func (k *connection) trouble(message string, err error) {
	level := slog.LevelWarn
	if k.Connected() == 0 {
		level = slog.LevelError
	}
	k.say(level, message, slog.Any("error", err))
}

// host is an address without its port.
func host(a net.Addr) string {
	if a == nil {
		return ""
	}
	ip, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return ip
}
