package daemon

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"pqbench/tunnel"
	"pqbench/tunnel/ca"
)

// Files of an issued folder.
const (
	credentialsFile = "credentials.json"
	tokenFile       = "token"
	caFile          = "ca.pem"
	configFile      = "config.yml"
)

// An Issue says which tunnel to make.
type Issue struct {
	Dir       string   // made, with the files that the tunnel's connector needs
	Kind      string   // of the edge's certificate
	Edges     []string // where the connector is to dial, host:port
	Hostnames []string // that are to lead to the tunnel
}

// secretSize is cloudflared's, in bytes.
const secretSize = 32

// Issue makes a tunnel that the state's edge will accept, and a folder for its connector: credentials file, token,
// certificates to trust, and a configuration that names them all.
func (s State) Issue(i Issue) (tunnel.Credentials, error) {
	dir, err := filepath.Abs(i.Dir)
	if err != nil {
		return tunnel.Credentials{}, err
	}
	if _, err := os.Stat(filepath.Join(dir, credentialsFile)); !errors.Is(err, fs.ErrNotExist) {
		return tunnel.Credentials{}, fmt.Errorf("%s already holds a tunnel; issue into another folder", dir)
	}
	if err := checkHosts(i.Hostnames); err != nil {
		return tunnel.Credentials{}, err
	}
	authority, err := s.CA(i.Kind)
	if err != nil {
		return tunnel.Credentials{}, err
	}
	_, root, err := authority.PEM()
	if err != nil {
		return tunnel.Credentials{}, err
	}
	c := tunnel.Credentials{AccountTag: accountTag, TunnelSecret: make([]byte, secretSize), TunnelID: uuid.New()}
	_, _ = rand.Read(c.TunnelSecret) // never fails (crypto/rand)
	token, err := c.Token()
	if err != nil {
		return tunnel.Credentials{}, err
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return tunnel.Credentials{}, err
	}
	return c, firstError(
		func() error { return c.WriteFile(in(credentialsFile)) },
		func() error { return replaceFile(in(tokenFile), []byte(token+"\n"), 0o600) },
		func() error { return replaceFile(in(caFile), root, 0o644) },
		func() error { return replaceFile(in(configFile), configFor(c, dir, i.Edges), 0o644) },
		func() error { return s.addRoutes(i.Hostnames, c.TunnelID) },
		func() error { return c.WriteFile(s.tunnel(c.TunnelID)) }, // last: half a tunnel is none
	)
}

// accountTag is the account of every tunnel that an edge issues: a local edge has one.
const accountTag = "pqbench"

func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func checkHosts(hosts []string) error {
	for _, h := range hosts {
		if h == "" || strings.ContainsAny(h, ":/*= ") {
			return fmt.Errorf("hostname %q: want a name such as app.example, without scheme, port and wildcard", h)
		}
	}
	return nil
}

// slotsFor repeats the edges' addresses, in turn, until every connection of a connector has one and a spare.
func slotsFor(edges []string) []string {
	var slots []string
	for len(slots) < 2*tunnel.HAConnections {
		slots = append(slots, edges...)
	}
	return slots
}

// configFor is a configuration that pqbench connector and cloudflared understand alike. It has no ingress rules: the
// origin is the connector's business.
func configFor(c tunnel.Credentials, dir string, edges []string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "tunnel: %s\ncredentials-file: %q\ncacert: %q\nprotocol: quic\n", c.TunnelID, filepath.Join(dir, credentialsFile), filepath.Join(dir, caFile))
	b.WriteString("# An address slot serves one connection at a time, so an address stands here once for each, and as often to spare.\nedge:\n")
	for _, e := range slotsFor(edges) {
		fmt.Fprintf(&b, "  - %q\n", e)
	}
	return []byte(b.String())
}

// dialable replaces the host of a listener's address that stands for every interface.
func dialable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port)
}

// Explain prints how to use what was issued. It prints no secret.
func (i Issue) Explain(w io.Writer, c tunnel.Credentials) {
	in := func(name string) string { return filepath.Join(i.Dir, name) }
	fmt.Fprintf(w, "tunnel %s\n\n%s holds %s, %s, %s and %s.\n", c.TunnelID, i.Dir, credentialsFile, tokenFile, caFile, configFile)
	fmt.Fprintf(w, "Whoever has the first or the second can serve this tunnel's requests.\n\nA connector for an application on port 8080:\n\n")
	fmt.Fprintf(w, "  pqbench connector --config %s --url http://127.0.0.1:8080\n\n", in(configFile))
	fmt.Fprintf(w, "The same with a cloudflared of 2026:\n\n  cloudflared tunnel --config %s --no-autoupdate --no-prechecks --url http://127.0.0.1:8080 run\n\n", in(configFile))
	hosts := append(slices.Clone(i.Hostnames), c.TunnelID.String()+tunnel.HostSuffix)
	fmt.Fprintf(w, "Eyeballs reach it under %s.\n", strings.Join(hosts, " and "))
	if len(i.Hostnames) > 0 {
		fmt.Fprintln(w, "An edge that runs already learns host names when it is started again.")
	}
}

// IssueTunnel makes a tunnel of the edge that the settings describe.
func IssueTunnel(dir string, s EdgeSettings) (Issue, tunnel.Credentials, error) {
	issue, creds, err := s.issue(dir)
	return issue, creds, config(err)
}

func (s EdgeSettings) issue(dir string) (Issue, tunnel.Credentials, error) {
	if s.State == "" {
		s.State = DefaultState()
	}
	issue := Issue{Dir: dir, Kind: cmp.Or(s.Cert, ca.Kinds()[0])}
	for host, id := range s.Hostnames {
		if id != "" {
			return issue, tunnel.Credentials{}, &SettingError{"hostname", fmt.Errorf("%s=%s: the new tunnel gets an id of its own; give the name alone", host, id)}
		}
		issue.Hostnames = append(issue.Hostnames, host)
	}
	slices.Sort(issue.Hostnames)
	s.Hostnames, s.Accept = nil, "" // not needed, and the latter would ask which groups this process computes
	if err := s.check(); err != nil {
		return issue, tunnel.Credentials{}, err
	}
	sites, _ := s.sites() // check has asked before
	for _, at := range sites {
		issue.Edges = append(issue.Edges, dialable(at.listen))
	}
	state, err := OpenState(s.State)
	if err != nil {
		return issue, tunnel.Credentials{}, err
	}
	creds, err := state.Issue(issue)
	return issue, creds, err
}
