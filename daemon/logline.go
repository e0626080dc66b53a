package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
)

// LogOptions say how lines look. The zero value is a human's format from INF on, without colour.
type LogOptions struct {
	Level slog.Level
	// JSON writes one object a line with cloudflared's keys (level, time, message and the attributes).
	JSON bool
	// Color marks levels and keys for a terminal.
	Color bool
}

// NewLogHandler prints records the way cloudflared's users know them (2026.8.2):
//
//	2026-11-23T10:00:00Z INF Registered tunnel connection connIndex=0 location=AMS protocol=quic
//
// Attributes are sorted by key with the error in front; a value is quoted when it has a space, a quote, a backslash or
// anything beyond printable ASCII. A record is one Write, and no value can begin a second line.
func NewLogHandler(w io.Writer, o LogOptions) slog.Handler {
	return &logHandler{options: o, out: &lockedWriter{w: w}}
}

// ParseLevel reads cloudflared's names of levels. fatal and panic, which nothing here uses, are as quiet as error.
func ParseLevel(s string) (slog.Level, error) {
	switch strings.ToLower(s) {
	case "trace", "debug":
		return slog.LevelDebug, nil
	case "", "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error", "fatal", "panic":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("loglevel %q is unknown; one of debug, info, warn, error", s)
}

// lockedWriter makes lines of several goroutines whole.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

type logHandler struct {
	options LogOptions
	out     *lockedWriter
	group   string // prefix of keys, with its dots
	attrs   []slog.Attr
}

func (h *logHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.options.Level }

func (h *logHandler) WithGroup(name string) slog.Handler {
	c := *h
	if name != "" {
		c.group += name + "."
	}
	return &c
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = slices.Clone(h.attrs)
	for _, a := range attrs {
		c.attrs = flatten(c.attrs, h.group, a)
	}
	return &c
}

func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	attrs := slices.Clone(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		attrs = flatten(attrs, h.group, a)
		return true
	})
	var line []byte
	var err error
	if h.options.JSON {
		line, err = jsonLine(r, attrs)
	} else {
		line = h.humanLine(r, attrs)
	}
	if err != nil {
		return err
	}
	_, err = h.out.Write(line)
	return err
}

// flatten resolves a and appends it, a group's members under dotted keys.
func flatten(to []slog.Attr, prefix string, a slog.Attr) []slog.Attr {
	a.Value = a.Value.Resolve()
	switch {
	case a.Value.Kind() == slog.KindGroup:
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range a.Value.Group() {
			to = flatten(to, prefix, member)
		}
		return to
	case a.Equal(slog.Attr{}):
		return to
	}
	a.Key = prefix + a.Key
	return append(to, a)
}

// errorKey is the attribute that is printed first.
const errorKey = "error"

// ANSI colours of zerolog's console.
const (
	dim, red, green, yellow, cyan = 90, 31, 32, 33, 36
)

func (h *logHandler) humanLine(r slog.Record, attrs []slog.Attr) []byte {
	slices.SortStableFunc(attrs, func(a, b slog.Attr) int {
		if (a.Key == errorKey) != (b.Key == errorKey) {
			if a.Key == errorKey {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Key, b.Key)
	})
	name, color := levelName(r.Level)
	line := h.paint(nil, dim, stamp(r.Time))
	line = append(line, ' ')
	line = h.paint(line, color, name)
	line = append(line, ' ')
	line = append(line, oneLine(r.Message)...)
	for _, a := range attrs {
		line = append(line, ' ')
		key := cyan
		if a.Key == errorKey {
			key = red
		}
		line = h.paint(line, key, quoted(a.Key)+"=")
		line = append(line, quoted(text(a.Value))...)
	}
	return append(line, '\n')
}

func (h *logHandler) paint(line []byte, color int, s string) []byte {
	if !h.options.Color {
		return append(line, s...)
	}
	return fmt.Appendf(line, "\x1b[%dm%s\x1b[0m", color, s)
}

func levelName(l slog.Level) (string, int) {
	switch {
	case l < slog.LevelInfo:
		return "DBG", yellow
	case l < slog.LevelWarn:
		return "INF", green
	case l < slog.LevelError:
		return "WRN", red
	}
	return "ERR", red
}

// stamp is the time in UTC, in whole seconds.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// oneLine keeps what a peer sent from passing for a line of its own. A banner of several lines is several records.
func oneLine(message string) string {
	if strings.ContainsFunc(message, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(message)
	}
	return message
}

// quoted is s as zerolog's console prints it.
func quoted(s string) string {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > 0x7e || c == '\\' || c == '"' {
			return strconv.Quote(s)
		}
	}
	return s
}

// text is a value in words.
func text(v slog.Value) string {
	if v.Kind() == slog.KindTime {
		return stamp(v.Time())
	}
	return v.String()
}

var jsonLevels = map[string]string{"DBG": "debug", "INF": "info", "WRN": "warn", "ERR": "error"}

// jsonLine is zerolog's object: its three keys and the attributes; of a key given twice the last one stands.
func jsonLine(r slog.Record, attrs []slog.Attr) ([]byte, error) {
	object := make(map[string]any, len(attrs)+3)
	for _, a := range attrs {
		switch a.Value.Kind() {
		case slog.KindBool, slog.KindInt64, slog.KindUint64:
			object[a.Key] = a.Value.Any()
		default:
			object[a.Key] = text(a.Value)
		}
	}
	name, _ := levelName(r.Level)
	object["level"], object["time"], object["message"] = jsonLevels[name], stamp(r.Time), r.Message
	line, err := json.Marshal(object)
	return append(line, '\n'), err
}
