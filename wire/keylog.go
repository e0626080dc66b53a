package wire

import (
	"bytes"
	"encoding/hex"
	"sync"
)

// KeyLog keeps the secrets of one connection in memory, for [Read]; they go nowhere else. It is a tls.Config.KeyLogWriter. The
// zero value is ready.
type KeyLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer, for several goroutines.
func (k *KeyLog) Write(b []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.Write(b)
}

// Bytes returns what was written so far.
func (k *KeyLog) Bytes() []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return bytes.Clone(k.text.Bytes())
}

// Labels of the NSS key log (RFC 9850 section 2.1), by the direction whose packets the secret protects.
var (
	handshakeLabels   = [2]string{ClientToServer: "CLIENT_HANDSHAKE_TRAFFIC_SECRET", ServerToClient: "SERVER_HANDSHAKE_TRAFFIC_SECRET"}
	applicationLabels = [2]string{ClientToServer: "CLIENT_TRAFFIC_SECRET_0", ServerToClient: "SERVER_TRAFFIC_SECRET_0"}
)

// parseKeyLog returns the secrets of the connection with this client random, by label. Lines that are comments,
// of other connections or not key log lines at all are skipped, as the format asks.
func parseKeyLog(keylog, clientRandom []byte) map[string][]byte {
	secrets := make(map[string][]byte)
	for line := range bytes.Lines(keylog) {
		fields := bytes.Fields(line)
		if len(fields) != 3 {
			continue
		}
		random, err := hex.DecodeString(string(fields[1]))
		if err != nil || !bytes.Equal(random, clientRandom) {
			continue
		}
		if secret, err := hex.DecodeString(string(fields[2])); err == nil {
			secrets[string(fields[0])] = secret
		}
	}
	return secrets
}
