package edge

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"pqbench/kex"
)

// An Accept is the group policy of an edge: the named groups it agrees to.
// A connector that offers none of them is refused with alert 40, which
// cloudflared users know as CRYPTO_ERROR 0x128; one that sent no key share of
// them pays a HelloRetryRequest. The zero value accepts all.
type Accept struct {
	text   string
	groups []kex.Group // nil is all
}

// The policies that have a name.
const (
	AcceptAll       = "all"       // every group that this build speaks
	AcceptPQ        = "pq"        // the hybrids of them
	AcceptClassical = "classical" // the others
)

// ParseAccept reads "all", "pq", "classical", or a list of groups such as
// "X25519MLKEM768,P-256" (see [kex.ByName]). A listed group that this build's
// crypto/tls cannot negotiate is an error, so the process must be fixed on
// its provider before (see [kex.Fix]).
func ParseAccept(s string) (Accept, error) {
	switch s {
	case AcceptAll:
		return Accept{text: s}, nil
	case AcceptPQ, AcceptClassical:
		groups := slices.DeleteFunc(spoken(), func(g kex.Group) bool { return g.Hybrid() != (s == AcceptPQ) })
		return Accept{text: s, groups: groups}, nil
	}
	a := Accept{text: s}
	for name := range strings.SplitSeq(s, ",") {
		g, err := kex.ByName(strings.TrimSpace(name))
		if err != nil {
			return Accept{}, fmt.Errorf("accept %q: %w; or give %s, %s or %s", s, err, AcceptAll, AcceptPQ, AcceptClassical)
		}
		if err := g.InTLS(kex.Fixed()); err != nil {
			return Accept{}, fmt.Errorf("accept %q: %w", s, err)
		}
		if slices.Contains(a.groups, g) {
			return Accept{}, fmt.Errorf("accept %q: group %s is listed twice", s, g.Label())
		}
		a.groups = append(a.groups, g)
	}
	return a, nil
}

// spoken are the groups that this build's crypto/tls computes with the
// process's provider.
func spoken() []kex.Group {
	return slices.DeleteFunc(kex.Groups(), func(g kex.Group) bool { return g.InTLS(kex.Fixed()) != nil })
}

// Groups returns the groups, for display. The order has no effect.
func (a Accept) Groups() []kex.Group {
	if a.groups == nil {
		return spoken()
	}
	return slices.Clone(a.groups)
}

// Configure makes cfg, for [Config].TLS, accept the groups.
func (a Accept) Configure(cfg *tls.Config) { kex.Configure(cfg, a.Groups()...) }

// String returns what ParseAccept read.
func (a Accept) String() string {
	if a.text == "" {
		return AcceptAll
	}
	return a.text
}

// UnmarshalText is ParseAccept, for flags and configuration files.
func (a *Accept) UnmarshalText(text []byte) (err error) {
	*a, err = ParseAccept(string(text))
	return err
}
