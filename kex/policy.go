package kex

import (
	"crypto/tls"
	"fmt"
	"slices"
)

// A Policy says whether a connector insists on post-quantum key agreement. The
// names are those of cloudflared, whose --post-quantum flag is Strict.
type Policy string

// The policies.
const (
	Strict    Policy = "strict"    // hybrids alone: a peer without them is refused (alert 40)
	Prefer    Policy = "prefer"    // hybrids, and a classical group to fall back on
	Classical Policy = "classical" // no hybrid
)

// Policies returns every policy. The slice is the caller's.
func Policies() []Policy { return []Policy{Strict, Prefer, Classical} }

// ParsePolicy returns the policy called s. The error for an unknown name
// carries the nearest valid one.
func ParsePolicy(s string) (Policy, error) {
	if p := Policy(s); slices.Contains(Policies(), p) {
		return p, nil
	}
	names := make([]string, 0, 3)
	for _, p := range Policies() {
		names = append(names, string(p))
	}
	return "", fmt.Errorf("unknown policy %q%s", s, DidYouMean(s, names))
}

// Groups returns what p offers, for [Configure]: the given hybrids, or
// X25519MLKEM768 when none are given, and P-256 as the classical group. That
// pair is what cloudflared offers. Having no X25519 in the list, crypto/tls
// sends one key share, and a peer without the hybrid costs a HelloRetryRequest.
func (p Policy) Groups(hybrids ...Group) ([]Group, error) {
	if i := slices.IndexFunc(hybrids, func(g Group) bool { return !g.Hybrid() }); i >= 0 {
		return nil, fmt.Errorf("policy %s: group %s is not a hybrid", p, hybrids[i].Label())
	}
	p256, _ := ByID(tls.CurveP256)
	if len(hybrids) == 0 {
		mlkem768, _ := ByID(tls.X25519MLKEM768)
		hybrids = []Group{mlkem768}
	}
	switch p {
	case Strict:
		return slices.Clone(hybrids), nil
	case Prefer:
		return append(slices.Clone(hybrids), p256), nil
	case Classical:
		return []Group{p256}, nil
	default:
		_, err := ParsePolicy(string(p))
		return nil, err
	}
}

// Configure makes cfg offer, or accept, what p says; see [Policy.Groups].
func (p Policy) Configure(cfg *tls.Config, hybrids ...Group) error {
	offered, err := p.Groups(hybrids...)
	if err != nil {
		return err
	}
	Configure(cfg, offered...)
	return nil
}
