package tunnel

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/google/uuid"
)

// Credentials are what a connector proves itself with. The JSON keys are
// those of cloudflared's credentials file. No formatting verb and no logger
// prints the secret; only json.Marshal writes it.
type Credentials struct {
	AccountTag   string    // account the tunnel belongs to
	TunnelSecret []byte    // shared with the edge, 32 bytes or more
	TunnelID     uuid.UUID // the tunnel
	// Endpoint is the region that a tunnel is bound to; empty for most.
	Endpoint string `json:",omitempty"`
}

// Validate reports credentials that no edge can accept.
func (c Credentials) Validate() error {
	switch {
	case c.AccountTag == "":
		return errors.New("credentials: account tag is empty")
	case len(c.TunnelSecret) == 0:
		return errors.New("credentials: tunnel secret is empty")
	case c.TunnelID == uuid.Nil:
		return errors.New("credentials: tunnel id is empty")
	}
	return nil
}

// String names the tunnel and hides the secret.
func (c Credentials) String() string {
	return fmt.Sprintf("tunnel %s of account %s (secret redacted)", c.TunnelID, c.AccountTag)
}

// Format prints String for every verb, so that neither %+v nor %#v shows the secret.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue keeps the secret out of structured logs.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(slog.String("account", c.AccountTag), slog.String("tunnel", c.TunnelID.String()))
}
