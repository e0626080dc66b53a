package wire

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "record the handshakes of testdata/handshakes anew, and their ledgers")

// recorded are the handshakes that testdata/handshakes keeps: what Read said of them once, it must say again.
var recorded = map[string]trial{
	"x25519":              {client: classical},
	"x25519mlkem768":      {client: hybrid},
	"hello_retry_request": {client: []tls.CurveID{tls.X25519MLKEM768, tls.CurveP256}, server: []tls.CurveID{tls.CurveP256}},
	"retry":               {client: hybrid, retry: true},
	"loss":                {client: hybrid, drop: lose(ClientToServer, 1)},
}

func handshakePath(name, ext string) string { return filepath.Join("testdata", "handshakes", name+ext) }

func TestRecordedHandshakes(t *testing.T) {
	for name, tr := range recorded {
		t.Run(name, func(t *testing.T) {
			if *update {
				out := tr.run(t)
				require.NoError(t, out.err)
				require.NoError(t, os.WriteFile(handshakePath(name, ".txt"), formatHandshake(out), 0o644))
			}
			datagrams, keylog := parseHandshake(t, name)
			l, err := Read(datagrams, keylog)
			require.NoError(t, err)
			got, err := json.MarshalIndent(l, "", "  ")
			require.NoError(t, err)
			got = append(got, '\n')
			if *update {
				require.NoError(t, os.WriteFile(handshakePath(name, ".json"), got, 0o644))
			}
			want, err := os.ReadFile(handshakePath(name, ".json"))
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
		})
	}
}

// formatHandshake writes the key log and the datagrams as lines: "k" and a line of the log, or ">" for client to
// server and "<" for the other way, with the time in nanoseconds and the payload in hexadecimal.
func formatHandshake(out outcome) []byte {
	var b bytes.Buffer
	for line := range strings.Lines(string(out.keylog)) {
		fmt.Fprintf(&b, "k %s", line)
	}
	for _, d := range out.datagrams {
		fmt.Fprintf(&b, "%c %d %x\n", "><"[d.Dir], d.At, d.Payload)
	}
	return b.Bytes()
}

func parseHandshake(t testing.TB, name string) (datagrams []Datagram, keylog []byte) {
	t.Helper()
	text, err := os.ReadFile(handshakePath(name, ".txt"))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "k "); ok {
			keylog = append(keylog, rest...)
			continue
		}
		var arrow rune
		var at time.Duration
		var payload string
		_, err := fmt.Sscanf(line, "%c %d %s", &arrow, &at, &payload)
		require.NoError(t, err)
		b, err := hex.DecodeString(payload)
		require.NoError(t, err)
		datagrams = append(datagrams, Datagram{At: at, Dir: Direction(strings.IndexRune("><", arrow)), Payload: b})
	}
	return datagrams, keylog
}
