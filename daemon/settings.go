package daemon

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"pqbench/kex"
	"pqbench/tunnel"
)

// ConnectorSettings are what flags, variables and the configuration file can all say about a connector, under one name.
// The zero value of a field means that nobody said anything. The help, name and env tags are the command line's.
type ConnectorSettings struct {
	Tunnel              string         `yaml:"tunnel" kong:"-"`
	Edge                List           `yaml:"edge" env:"PQBENCH_EDGE,TUNNEL_EDGE" placeholder:"HOST:PORT" help:"Edge to dial, one address slot each; repeatable. A name gives a slot for each of its addresses."`
	CACert              string         `yaml:"cacert" name:"cacert" env:"PQBENCH_CACERT,TUNNEL_CACERT" placeholder:"PEM" help:"Trust these certificates for the edge, and no others."`
	Token               string         `yaml:"token" env:"PQBENCH_TOKEN,TUNNEL_TOKEN" placeholder:"TOKEN" help:"The tunnel's token. Other users of this host can read it; --token-file is safer."`
	TokenFile           string         `yaml:"token-file" env:"PQBENCH_TOKEN_FILE,TUNNEL_TOKEN_FILE" placeholder:"FILE" help:"File with the tunnel's token."`
	CredentialsContents string         `yaml:"credentials-contents" env:"PQBENCH_CREDENTIALS_CONTENTS,TUNNEL_CRED_CONTENTS" placeholder:"JSON" help:"What a credentials file would contain."`
	CredentialsFile     string         `yaml:"credentials-file" aliases:"cred-file" env:"PQBENCH_CREDENTIALS_FILE,TUNNEL_CRED_FILE" placeholder:"FILE" help:"The tunnel's credentials file."`
	URL                 string         `yaml:"url" name:"url" env:"PQBENCH_URL,TUNNEL_URL" placeholder:"URL" help:"Send every request to this origin; instead of ingress rules."`
	HAConnections       *int           `yaml:"ha-connections" name:"ha-connections" placeholder:"4" help:"Connections to keep, each on an address slot of its own."`
	Protocol            string         `yaml:"protocol" short:"p" env:"PQBENCH_PROTOCOL,TUNNEL_TRANSPORT_PROTOCOL" placeholder:"auto" help:"auto or quic, which are the same here."`
	PostQuantum         PostQuantum    `yaml:"post-quantum" aliases:"pq" env:"PQBENCH_POST_QUANTUM,TUNNEL_POST_QUANTUM" help:"Offer hybrid groups only, or (=prefer) before a classical one. Also -pq."`
	Compat              string         `yaml:"compat" placeholder:"2022" help:"Behave like cloudflared 2022.9.1 (2022) or 2026.8.2 (today)."`
	Groups              List           `yaml:"groups" placeholder:"GROUP" help:"The named groups that --post-quantum draws from, or offers."`
	Seed                uint64         `yaml:"seed" placeholder:"N" help:"Make random draws repeatable; 0 does not."`
	Provider            string         `yaml:"provider" placeholder:"NAME" help:"Who computes the KEMs; default circl-asm in a build that has the Draft00 groups, go in others."`
	Collector           string         `yaml:"collector" placeholder:"URL" help:"Report one failure of post-quantum key agreement here. Without it nothing is ever sent."`
	Retries             *int           `yaml:"retries" env:"PQBENCH_RETRIES,TUNNEL_RETRIES" placeholder:"5" help:"Cap of the exponential back-off: waits stay below 2^N seconds."`
	GracePeriod         *time.Duration `yaml:"grace-period" env:"PQBENCH_GRACE_PERIOD,TUNNEL_GRACE_PERIOD" placeholder:"30s" help:"How long requests in flight may take after a signal; at most 3m."`
	KeepAlive           *time.Duration `yaml:"keep-alive" placeholder:"1s" help:"Period of PINGs; 0 is none."`
	IdleTimeout         *time.Duration `yaml:"idle-timeout" placeholder:"5s" help:"How long a silent connection is believed alive."`
	Metrics             string         `yaml:"metrics" env:"PQBENCH_METRICS,TUNNEL_METRICS" placeholder:"ADDR" help:"Where to serve /metrics, /ready and /healthcheck; default the first free of 127.0.0.1:20241 to 20245, or any port."`
	Pprof               *bool          `yaml:"pprof" help:"Serve /debug/pprof there, too."`
	LogLevel            string         `yaml:"loglevel" name:"loglevel" env:"PQBENCH_LOGLEVEL,TUNNEL_LOGLEVEL" placeholder:"info" help:"debug, info, warn or error."`
	LogFile             string         `yaml:"logfile" name:"logfile" env:"PQBENCH_LOGFILE,TUNNEL_LOGFILE" placeholder:"FILE" help:"Log to this file, too."`
	Output              string         `yaml:"output" short:"o" env:"PQBENCH_LOG_OUTPUT,TUNNEL_LOG_OUTPUT" placeholder:"default" help:"Format of log lines: default or json."`
	PidFile             string         `yaml:"pidfile" name:"pidfile" env:"PQBENCH_PIDFILE,TUNNEL_PIDFILE" placeholder:"FILE" help:"Write the process id here after the first registration."`
}

// Limits and choices of ConnectorSettings.
const (
	// MaxGracePeriod is cloudflared's.
	MaxGracePeriod = 3 * time.Minute
	// maxRetries keeps the longest wait below two days.
	maxRetries = 14
	// maxConnections is what fits the registration's index, a byte.
	maxConnections = 256
)

// A SettingError says which setting is wrong.
type SettingError struct {
	Key string // as in the configuration file; the flag has two dashes before it
	Err error
}

func (e *SettingError) Error() string { return e.Key + ": " + e.Err.Error() }

// Unwrap is what is wrong with it.
func (e *SettingError) Unwrap() error { return e.Err }

// Or is s with what it leaves open taken from file. A way to give the origin or the credentials counts as one setting
// each: a token on the command line is not joined by the file's credentials.
func (s ConnectorSettings) Or(file ConnectorSettings) ConnectorSettings {
	if s.hasCredentials() {
		file.Token, file.TokenFile, file.CredentialsContents, file.CredentialsFile, file.Tunnel = "", "", "", "", ""
	}
	to, from := reflect.ValueOf(&s).Elem(), reflect.ValueOf(file)
	for i := range to.NumField() {
		if to.Field(i).IsZero() {
			to.Field(i).Set(from.Field(i))
		}
	}
	return s
}

func (s ConnectorSettings) hasCredentials() bool {
	return s.Token != "" || s.TokenFile != "" || s.CredentialsContents != "" || s.CredentialsFile != ""
}

// check finds values that cannot be meant. The error is a *SettingError.
func (s ConnectorSettings) check() error {
	for _, c := range []struct {
		key string
		err error
	}{
		{"tunnel", checkTunnel(s.Tunnel)},
		{"protocol", s.checkProtocol()},
		{"compat", oneOf(s.Compat, "2022", "today")},
		{"output", oneOf(s.Output, "default", "json")},
		{"loglevel", second(ParseLevel(s.LogLevel))},
		{"groups", checkGroups(s.Groups)},
		{"url", checkURL(s.URL)},
		{"collector", checkURL(s.Collector)},
		{"ha-connections", between(s.HAConnections, 1, maxConnections)},
		{"retries", between(s.Retries, 1, maxRetries)},
		{"grace-period", between(s.GracePeriod, 0, MaxGracePeriod)},
		{"keep-alive", between(s.KeepAlive, 0, time.Hour)},
		{"idle-timeout", between(s.IdleTimeout, time.Millisecond, time.Hour)},
		{"metrics", checkListen(s.Metrics)},
	} {
		if c.err != nil {
			return &SettingError{c.key, c.err}
		}
	}
	return nil
}

func second[T any](_ T, err error) error { return err }

func oneOf(value string, valid ...string) error {
	if value == "" || slices.Contains(valid, value) {
		return nil
	}
	return fmt.Errorf("%q is unknown%s; one of %s", value, kex.DidYouMean(value, valid), strings.Join(valid, ", "))
}

func between[T int | time.Duration](v *T, low, high T) error {
	if v != nil && (*v < low || *v > high) {
		return fmt.Errorf("%v is out of range, want %v to %v", *v, low, high)
	}
	return nil
}

func checkTunnel(s string) error {
	if s == "" {
		return nil
	}
	if _, err := uuid.Parse(s); err != nil {
		return fmt.Errorf("%q is not a tunnel's id; names need an account to look them up in, so give the id", s)
	}
	return nil
}

// checkProtocol refuses HTTP/2 in the words that users of cloudflared 2022.9.1 know where they apply.
func (s ConnectorSettings) checkProtocol() error {
	switch s.Protocol {
	case "", "auto", "quic":
		return nil
	case "http2", "h2mux":
		if s.PostQuantum.On() {
			return errors.New("post-quantum is only supported with the quic transport")
		}
		return errors.New("pqbench speaks QUIC only: use quic or auto")
	}
	return oneOf(s.Protocol, "auto", "quic")
}

func checkGroups(names []string) error {
	for _, name := range names {
		if _, err := kex.ByName(name); err != nil {
			return err
		}
	}
	return nil
}

func checkURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q is not an http or https URL with a host", withoutUser(s))
	}
	return nil
}

// withoutUser hides what stands before the last @, which in a URL may be a password.
func withoutUser(s string) string {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		return "xxxxx" + s[i:]
	}
	return s
}

func checkListen(s string) error {
	if s == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(s); err != nil {
		return fmt.Errorf("%q is not host:port", s)
	}
	return nil
}

// Credentials reads the tunnel's credentials from where the settings say: of several ways the token comes first, as at
// cloudflared. The error is a *SettingError.
func (s ConnectorSettings) Credentials() (tunnel.Credentials, error) {
	key, read := "credentials-file", func() (tunnel.Credentials, error) { return tunnel.ReadCredentials(s.CredentialsFile) }
	switch {
	case s.Token != "":
		key, read = "token", func() (tunnel.Credentials, error) { return tunnel.ParseToken(s.Token) }
	case s.TokenFile != "":
		key, read = "token-file", func() (tunnel.Credentials, error) { return tunnel.ReadToken(s.TokenFile) }
	case s.CredentialsContents != "":
		key, read = "credentials-contents", func() (tunnel.Credentials, error) {
			return tunnel.ParseCredentials([]byte(s.CredentialsContents))
		}
	case s.CredentialsFile == "":
		return tunnel.Credentials{}, &SettingError{key, errors.New("the connector has no credentials; give " +
			"--credentials-file or --token-file, which `pqbench edge --issue DIR` makes")}
	}
	c, err := read()
	if err != nil {
		return c, &SettingError{key, err}
	}
	if s.Tunnel != "" && uuid.MustParse(s.Tunnel) != c.TunnelID {
		return c, &SettingError{"tunnel", fmt.Errorf("%s is not the tunnel that the %s is for, which is %s", s.Tunnel, key, c.TunnelID)}
	}
	return c, nil
}
