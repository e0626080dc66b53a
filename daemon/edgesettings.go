package daemon

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"pqbench/tunnel"
	"pqbench/tunnel/ca"
	"pqbench/tunnel/edge"
)

// EdgeSettings say how an edge runs. Zero values are defaults.
type EdgeSettings struct {
	// Colos are the names of the data centers of this process; default one, called local.
	Colos []string
	// Listen is where connectors dial: one address for each data center, or one for the first, whose neighbours listen on
	// the ports behind it. Default 127.0.0.1:7844.
	Listen []string
	// Eyeball is where requests arrive over HTTPS, in the same way. Default 127.0.0.1:8443.
	Eyeball []string
	// RelayListen is where the data centers are reached by each other, in the same way; default loopback, which with Peers
	// will not do.
	RelayListen []string
	// Peers are data centers of other processes, NAME=HOST:PORT of their RelayListen. Each lists all others.
	Peers []string
	// Provider computes the KEMs; see FixProvider.
	Provider string
	// Accept is the group policy; see edge.ParseAccept. Default all.
	Accept string
	// Cert is the kind of certificate that the state's authority issues; default the first of ca.Kinds.
	Cert string
	// TLSCert and TLSKey are PEM files to present instead.
	TLSCert, TLSKey string
	// State is the folder; default DefaultState.
	State string
	// Hostnames lead host names to tunnel ids, besides the state's routes.
	Hostnames map[string]string
	// CollectorListen is where connectors may report failures; default nowhere.
	CollectorListen string
	// Metrics is where metrics are served; default the first free of five loopback ports from metrics.EdgePort on.
	Metrics string
	Pprof   bool
	// RetryAbove is how many handshakes may be half open before addresses must prove themselves; default
	// edge.DefaultRetryAbove, negative is never.
	RetryAbove int
	// GracePeriod is how long requests in flight may take at the end.
	GracePeriod time.Duration
}

// Default addresses of an edge: loopback, since an edge that others can reach is a decision.
const (
	defaultListen  = "127.0.0.1:7844"
	defaultEyeball = "127.0.0.1:8443"
	defaultColo    = "local"
)

// site is one data center's addresses.
type site struct{ name, listen, eyeball string }

func (s EdgeSettings) names() []string {
	if len(s.Colos) == 0 {
		return []string{defaultColo}
	}
	return s.Colos
}

// sites are the data centers of the settings.
func (s EdgeSettings) sites() ([]site, error) {
	names := s.names()
	listen, err := spread("listen", s.Listen, defaultListen, len(names))
	if err != nil {
		return nil, err
	}
	eyeball, err := spread("eyeball", s.Eyeball, defaultEyeball, len(names))
	if err != nil {
		return nil, err
	}
	var sites []site
	for i, name := range names {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '=' }) {
			return nil, &SettingError{"colo", fmt.Errorf("%q: want a short name such as AMS", name)}
		}
		if slices.Contains(names[:i], name) {
			return nil, &SettingError{"colo", fmt.Errorf("%s is there twice", name)}
		}
		sites = append(sites, site{name, listen[i], eyeball[i]})
	}
	return sites, nil
}

// spread makes n addresses of one for each, or of one whose port counts up; port 0 stays.
func spread(key string, given []string, fallback string, n int) ([]string, error) {
	if len(given) == 0 {
		given = []string{fallback}
	}
	for _, address := range given {
		if err := checkListen(address); err != nil {
			return nil, &SettingError{key, err}
		}
	}
	if len(given) == n {
		return given, nil
	}
	if len(given) > 1 {
		return nil, &SettingError{key, fmt.Errorf("%d addresses for %d data centers; give one for each, or the first one's alone", len(given), n)}
	}
	host, text, _ := net.SplitHostPort(given[0])
	first, err := strconv.Atoi(text)
	if err != nil || first != 0 && first+n-1 > 65535 {
		return nil, &SettingError{key, fmt.Errorf("%q: want a port with room for %d", given[0], n)}
	}
	all := make([]string, n)
	for i := range all {
		port := first
		if first != 0 {
			port += i
		}
		all[i] = net.JoinHostPort(host, strconv.Itoa(port))
	}
	return all, nil
}

// check finds values that cannot be meant. The error is a *SettingError.
func (s EdgeSettings) check() error {
	if _, err := s.sites(); err != nil {
		return err
	}
	if _, err := s.relayListen(); err != nil {
		return err
	}
	for _, c := range []struct {
		key string
		err error
	}{
		{"peer", second(s.peers())},
		{"accept", second(s.accept())},
		{"cert", oneOf(s.Cert, ca.Kinds()...)},
		{"tls-cert", s.checkFiles()},
		{"collector-listen", checkListen(s.CollectorListen)},
		{"metrics", checkListen(s.Metrics)},
		{"grace-period", between(&s.GracePeriod, 0, time.Hour)},
		{"hostname", second(s.routes(nil))},
	} {
		if c.err != nil {
			return &SettingError{c.key, c.err}
		}
	}
	return nil
}

func (s EdgeSettings) checkFiles() error {
	if (s.TLSCert == "") != (s.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	return nil
}

// accept is the group policy. The process must be fixed on its provider before.
func (s EdgeSettings) accept() (edge.Accept, error) {
	if s.Accept == "" {
		return edge.Accept{}, nil
	}
	return edge.ParseAccept(s.Accept)
}

// routes adds the settings' routes to those of the state.
func (s EdgeSettings) routes(of map[string]uuid.UUID) (map[string]uuid.UUID, error) {
	all := map[string]uuid.UUID{}
	for host, id := range of {
		all[host] = id
	}
	for host, text := range s.Hostnames {
		if err := checkHosts([]string{host}); err != nil {
			return nil, err
		}
		id, err := uuid.Parse(strings.TrimSuffix(text, tunnel.HostSuffix))
		if err != nil {
			return nil, fmt.Errorf("%s=%s: want NAME=TUNNEL-ID", host, text)
		}
		all[strings.ToLower(host)] = id
	}
	return all, nil
}
