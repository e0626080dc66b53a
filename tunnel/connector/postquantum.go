package connector

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"pqbench/kex"
	"pqbench/tunnel"
)

// Compat says which cloudflared a connector behaves like where the two differ.
type Compat string

// The two.
const (
	Compat2022  Compat = "2022"  // tag 2022.9.1, the first with --post-quantum
	CompatToday Compat = "today" // tag 2026.8.2
)

// Compats returns every Compat. The slice is the caller's.
func Compats() []Compat { return []Compat{Compat2022, CompatToday} }

// ParseCompat returns the Compat called s.
func ParseCompat(s string) (Compat, error) {
	if c := Compat(s); slices.Contains(Compats(), c) {
		return c, nil
	}
	return "", fmt.Errorf("unknown compat %q (want %q or %q)", s, Compat2022, CompatToday)
}

// PostQuantum says what a connector tells about its offer, which itself is Dialer.TLS.CurvePreferences; [Offer] makes
// it. The zero value tells nothing.
type PostQuantum struct {
	Compat Compat     // default Compat2022
	Policy kex.Policy // "": nothing is told; kex.Strict: New refuses an offer that is not hybrid alone
}

// codepoints of the two groups that 2022.9.1 draws from.
const (
	kyber512Draft00 tls.CurveID = 0xfe30
	kyber768Draft00 tls.CurveID = 0xfe31
)

// hybrids are the groups that a Compat offers when nobody names any.
func (c Compat) hybrids() []kex.Group {
	ids := []tls.CurveID{tls.X25519MLKEM768}
	if c == Compat2022 {
		ids = []tls.CurveID{kyber512Draft00, kyber768Draft00}
	}
	groups := make([]kex.Group, len(ids))
	for i, id := range ids {
		groups[i], _ = kex.ByID(id)
	}
	return groups
}

// Offer is what a connector offers to the edge, for [kex.Configure].
//
// Under Compat2022 one hybrid is drawn from the candidates, each with the same chance, as cloudflared 2022.9.1 did once
// per process; by default the two are X25519Kyber512Draft00 and X25519Kyber768Draft00 (0xfe31). (2022.9.1 offered the
// other one, too, as its second choice; the announcement says one, and one it is.) Under CompatToday all candidates
// are offered, by default X25519MLKEM768. kex.Prefer adds P-256, kex.Classical offers it alone and takes no candidates.
//
// A nil rng is the process's. The error names a group that this process cannot negotiate, drawn or not, and what to do.
func Offer(compat Compat, policy kex.Policy, candidates []kex.Group, rng *rand.Rand) ([]kex.Group, error) {
	if _, err := ParseCompat(string(compat)); err != nil {
		return nil, err
	}
	if policy == kex.Classical {
		if len(candidates) > 0 {
			return nil, errors.New("policy classical offers no hybrid: leave the groups out, or choose strict or prefer")
		}
		return policy.Groups()
	}
	if len(candidates) == 0 {
		candidates = compat.hybrids()
	}
	if _, err := policy.Groups(candidates...); err != nil {
		return nil, err
	}
	for _, g := range candidates {
		if err := available(g); err != nil {
			return nil, err
		}
	}
	if compat == Compat2022 {
		draw := rand.IntN
		if rng != nil {
			draw = rng.IntN
		}
		candidates = []kex.Group{candidates[draw(len(candidates))]}
	}
	return policy.Groups(candidates...)
}

// available says why this process cannot negotiate g, if so.
func available(g kex.Group) error {
	err := g.InTLS(kex.Fixed())
	if err == nil {
		return nil
	}
	if kex.Overlay {
		return fmt.Errorf("offer %s: %w", g.Label(), err)
	}
	return fmt.Errorf("offer %s: this build's crypto/tls does not know the group: build with `make build`, or choose --compat today or --groups X25519MLKEM768", g.Label())
}

// Features are what a connector announces at registration: those of cloudflared's that it has, and "postquantum" when
// nothing but hybrids is on offer. Both tags announce FeatureRemoteConfig besides, which would be a promise to take
// configurations from the edge. FeatureQUICEOF came a month after 2022.9.1, but an edge may rely on it here.
func Features(_ Compat, policy kex.Policy) []string {
	features := []string{tunnel.FeatureSerializedHeaders, tunnel.FeatureQUICEOF}
	if policy == kex.Strict {
		features = append(features, tunnel.FeaturePostQuantum)
	}
	return features
}

// complete fills in the default and compares the offer with the policy.
func (q *PostQuantum) complete(offer []tls.CurveID) error {
	if q.Compat == "" {
		q.Compat = Compat2022
	}
	if _, err := ParseCompat(string(q.Compat)); err != nil {
		return err
	}
	if q.Policy == "" {
		return nil
	}
	if _, err := kex.ParsePolicy(string(q.Policy)); err != nil {
		return err
	}
	if q.Policy != kex.Strict {
		return nil
	}
	if len(offer) == 0 {
		return errors.New("post-quantum strict, but crypto/tls's own groups are on offer: set Config.Dialer.TLS.CurvePreferences from Offer")
	}
	for _, id := range offer {
		if g, ok := kex.ByID(id); !ok || !g.Hybrid() {
			return fmt.Errorf("post-quantum strict, but %s is on offer: set Config.Dialer.TLS.CurvePreferences from Offer", groupName(id))
		}
	}
	return nil
}

// groupName is the registry's name of a group.
func groupName(id tls.CurveID) string {
	if g, ok := kex.ByID(id); ok {
		return g.Name
	}
	return id.String()
}
