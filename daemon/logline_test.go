package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
)

// printed logs through a handler at a fixed time and returns what was written.
func printed(t testing.TB, o LogOptions, level slog.Level, message string, args ...any) string {
	var out bytes.Buffer
	r := slog.NewRecord(time.Date(2026, 11, 23, 11, 0, 0, 5e8, time.FixedZone("", 3600)), level, message, 0)
	r.Add(args...)
	require.NoError(t, NewLogHandler(&out, o).Handle(t.Context(), r))
	return out.String()
}

func TestHumanLines(t *testing.T) {
	for want, got := range map[string]string{
		"2026-11-23T10:00:00Z INF Registered tunnel connection connIndex=0 connection=c event=0 ip=127.0.0.1 location=AMS protocol=quic\n": printed(t, LogOptions{}, slog.LevelInfo, "Registered tunnel connection",
			"connIndex", 0, "connection", "c", "location", "AMS", "ip", "127.0.0.1", "protocol", "quic", "event", 0),
		"2026-11-23T10:00:00Z ERR Failed error=\"CRYPTO_ERROR 0x128 (remote)\" aFirst=1 z=9\n": printed(t, LogOptions{}, slog.LevelError, "Failed",
			"z", 9, "aFirst", 1, "error", errors.New("CRYPTO_ERROR 0x128 (remote)")),
		"2026-11-23T10:00:00Z WRN m d=1.5s empty= q=\"a\\\"b\" s=\"a\\\\b\" u=\"\\u00e9\"\n": printed(t, LogOptions{}, slog.LevelWarn, "m",
			"d", 1500*time.Millisecond, "q", `a"b`, "s", `a\b`, "u", "\u00e9", "empty", ""),
		"2026-11-23T10:00:00Z DBG m g.a=1 g.h.b=2\n":                                    printed(t, LogOptions{}, slog.LevelDebug, "m", slog.Group("g", "a", 1, slog.Group("h", "b", 2))),
		"2026-11-23T10:00:00Z INF \"two\\nlines\" \"k k\"=\"x\\ny\"\n":                  printed(t, LogOptions{}, slog.LevelInfo, "two\nlines", "k k", "x\ny"),
		"\x1b[90m2026-11-23T10:00:00Z\x1b[0m \x1b[32mINF\x1b[0m m \x1b[36ma=\x1b[0m1\n": printed(t, LogOptions{Color: true}, slog.LevelInfo, "m", "a", 1),
	} {
		// A non-ASCII letter is quoted but printable, as strconv.Quote has it.
		require.Equal(t, strings.ReplaceAll(want, `\u00e9`, "\u00e9"), got)
	}
}

func TestJSONLines(t *testing.T) {
	got := printed(t, LogOptions{JSON: true}, slog.LevelWarn, "m\n", "connIndex", 3, "error", errors.New("e"), "in", time.Second, "ok", true)
	require.JSONEq(t, `{"level":"warn","time":"2026-11-23T10:00:00Z","message":"m\n","connIndex":3,"error":"e","in":"1s","ok":true}`, got)
	require.Equal(t, 1, strings.Count(got, "\n"))
	require.NotContains(t, printed(t, LogOptions{JSON: true}, slog.LevelInfo, "m", "level", "x"), `"x"`)
}

func TestLevels(t *testing.T) {
	for name, want := range map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "": slog.LevelInfo, "WARN": slog.LevelWarn, "error": slog.LevelError, "fatal": slog.LevelError} {
		got, err := ParseLevel(name)
		require.NoError(t, err)
		require.Equal(t, want, got, name)
	}
	_, err := ParseLevel("loud")
	require.ErrorContains(t, err, `"loud"`)
	require.False(t, NewLogHandler(nil, LogOptions{Level: slog.LevelWarn}).Enabled(t.Context(), slog.LevelInfo))
}

func TestAttributesAndGroupsOfALogger(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(NewLogHandler(&out, LogOptions{})).With("colo", "AMS")
	log.WithGroup("g").With("a", 1).Info("m", "b", 2)
	log.Info("n")
	lines := strings.Split(out.String(), "\n")
	require.Contains(t, lines[0], "INF m colo=AMS g.a=1 g.b=2")
	require.Contains(t, lines[1], "INF n colo=AMS")
	require.Len(t, lines, 3)
}

func TestLogsHideSecrets(t *testing.T) {
	c := tunnel.Credentials{AccountTag: "account", TunnelSecret: []byte("hunter2!"), TunnelID: uuid.New()}
	for _, o := range []LogOptions{{}, {JSON: true}} {
		line := printed(t, o, slog.LevelInfo, "m", "c", c, "p", &c, "list", []tunnel.Credentials{c}, "any", map[string]any{"c": c})
		require.Contains(t, line, c.TunnelID.String())
		for _, spelling := range []string{"hunter2", "aHVudGVyMiE", "68756e746572", "104 117"} {
			require.NotContains(t, line, spelling)
		}
	}
}

// Whatever a peer puts into a message or value, a record stays one line, and JSON stays JSON.
func FuzzLogLine(f *testing.F) {
	f.Add("message", "key", "value")
	f.Add("a\nb", "k=1 \"", "2026-11-23T10:00:00Z ERR forged\r\n\x1b[31m\u2028")
	f.Fuzz(func(t *testing.T, message, key, value string) {
		line := printed(t, LogOptions{}, slog.LevelInfo, message, key, value)
		require.Equal(t, len(line)-1, strings.IndexByte(line, '\n'))
		require.NotContains(t, line, "\r")
		require.NotContains(t, line, "\x1b")
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(printed(t, LogOptions{JSON: true}, slog.LevelInfo, message, key, value)), &object))
	})
}
