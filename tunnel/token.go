package tunnel

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
)

// Two spellings of Credentials travel between an edge's operator and a
// connector's, both cloudflared's (2026.8.2): the credentials file, and the
// token, which is the same content under short keys in base64 so that it can
// be pasted. Errors name the field at fault and never quote a value: either
// spelling carries the secret.

// token is the JSON inside a token.
type token struct {
	Account  string `json:"a"`
	Secret   string `json:"s"`
	Tunnel   string `json:"t"`
	Endpoint string `json:"e,omitempty"`
}

// file is the JSON of a credentials file.
type file struct {
	AccountTag   string
	TunnelSecret string
	TunnelID     string
	Endpoint     string
}

// ParseCredentials reads the JSON of a credentials file. Keys that it does
// not know are passed over, as cloudflared does.
func ParseCredentials(text []byte) (Credentials, error) {
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return Credentials{}, fmt.Errorf("credentials: %w", withoutValues(err))
	}
	return credentials(f, "AccountTag", "TunnelSecret", "TunnelID")
}

// ReadCredentials reads a credentials file.
func ReadCredentials(path string) (Credentials, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Credentials{}, fmt.Errorf("read credentials: %w", err)
	}
	c, err := ParseCredentials(text)
	if err != nil {
		return Credentials{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// WriteFile writes a credentials file that its owner alone can read. An
// existing file is replaced in one step.
func (c Credentials) WriteFile(path string) error {
	if err := c.Validate(); err != nil {
		return err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".credentials-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when all went well
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	return os.Rename(f.Name(), path)
}

// ParseToken reads a token; white space around it does not count.
func ParseToken(s string) (Credentials, error) {
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
	if err != nil {
		return Credentials{}, errors.New("token: it is not base64; copy all of it, without quotes")
	}
	var t token
	if err := json.Unmarshal(text, &t); err != nil {
		return Credentials{}, fmt.Errorf("token: %w", withoutValues(err))
	}
	c, err := credentials(file{t.Account, t.Secret, t.Tunnel, t.Endpoint}, `"a" (account tag)`, `"s" (secret)`, `"t" (tunnel id)`)
	if err != nil {
		return Credentials{}, fmt.Errorf("token: %w", err)
	}
	return c, nil
}

// Token is the token of c: it contains the secret.
func (c Credentials) Token() (string, error) {
	text, err := json.Marshal(token{c.AccountTag, base64.StdEncoding.EncodeToString(c.TunnelSecret), c.TunnelID.String(), c.Endpoint})
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	return base64.StdEncoding.EncodeToString(text), nil
}

// credentials decodes f, whose first three fields are called by the given names.
func credentials(f file, account, secret, id string) (Credentials, error) {
	c := Credentials{AccountTag: f.AccountTag, Endpoint: f.Endpoint}
	var err error
	switch {
	case f.AccountTag == "":
		return Credentials{}, fmt.Errorf("credentials: %s is missing", account)
	case f.TunnelSecret == "":
		return Credentials{}, fmt.Errorf("credentials: %s is missing", secret)
	case f.TunnelID == "":
		return Credentials{}, fmt.Errorf("credentials: %s is missing", id)
	}
	if c.TunnelSecret, err = base64.StdEncoding.DecodeString(f.TunnelSecret); err != nil || len(c.TunnelSecret) == 0 {
		return Credentials{}, fmt.Errorf("credentials: %s is not base64 (standard alphabet, padded)", secret)
	}
	// uuid.Parse quotes what it could not read, which may be a secret in the wrong place.
	if c.TunnelID, err = uuid.Parse(f.TunnelID); err != nil || c.TunnelID == uuid.Nil {
		return Credentials{}, fmt.Errorf("credentials: %s is not the UUID of a tunnel", id)
	}
	return c, nil
}

// withoutValues rewords an error of encoding/json, some of which quote the input.
func withoutValues(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON: stopped at byte %d", syntax.Offset)
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Errorf("%s must be a string", kind.Field)
	}
	return errors.New("not a JSON object")
}

// ReadToken reads a file with a token in it.
func ReadToken(path string) (Credentials, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Credentials{}, fmt.Errorf("read token: %w", err)
	}
	c, err := ParseToken(string(text))
	if err != nil {
		return Credentials{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}
