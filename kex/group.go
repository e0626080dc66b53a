// Package kex holds the named groups: what is negotiated (codepoint, key
// shares, ClientHello and ServerHello), what it weighs in bytes, and who
// computes it (the KEM providers).
//
// A group is classical (one ECDH exchange) or hybrid (ECDH and a KEM side by
// side, their shares and their secrets concatenated). Every hybrid is composed
// from crypto/ecdh and a bare KEM, so that between two providers nothing
// differs but the KEM.
package kex

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Group is one row of the TLS Supported Groups registry as this suite
// measures it. The zero value is no group; take groups from [Groups],
// [ByName] or [ByID].
type Group struct {
	Name string      // registry name, e.g. "X25519MLKEM768"; two groups may share it, see [Group.Label]
	ID   tls.CurveID // codepoint
	ECDH string      // "X25519", "secp256r1" or "secp384r1"
	KEM  string      // "Kyber512", "Kyber768", "ML-KEM-768", "ML-KEM-1024"; "" for a classical group

	// KEMFirst is the order of concatenation, in both key shares and in the
	// secret. Length checks cannot tell the two orders apart.
	KEMFirst bool

	ClientShare int // bytes of key_exchange in the ClientHello
	ServerShare int // bytes of key_exchange in the ServerHello
	Secret      int // bytes of the shared secret that enters the key schedule
}

// Codepoints that crypto/tls has no name for.
const (
	x25519Kyber512Draft00    tls.CurveID = 0xfe30 // private use, cloudflared 2022.9
	x25519Kyber768Draft00Old tls.CurveID = 0xfe31 // private use, cloudflared 2022.9 to 2024.6
	x25519Kyber768Draft00    tls.CurveID = 0x6399 // draft-tls-westerbaan-xyber768d00-03, Section 5
	p256Kyber768Draft00      tls.CurveID = 0xfe32 // private use, CIRCL and cloudflared
)

// The order of concatenation, spelled out where the table below uses it.
const (
	ecdhFirst = false // the drafts' general rule
	kemFirst  = true  // X25519MLKEM768 alone: draft-ietf-tls-ecdhe-mlkem, Section 4.1
)

var groups = []Group{
	classical("X25519", tls.X25519, "X25519"),
	classical("secp256r1", tls.CurveP256, "secp256r1"),
	classical("secp384r1", tls.CurveP384, "secp384r1"),
	hybrid("X25519Kyber512Draft00", x25519Kyber512Draft00, "X25519", "Kyber512", ecdhFirst),
	hybrid("X25519Kyber768Draft00", x25519Kyber768Draft00Old, "X25519", "Kyber768", ecdhFirst),
	hybrid("X25519Kyber768Draft00", x25519Kyber768Draft00, "X25519", "Kyber768", ecdhFirst),
	hybrid("P256Kyber768Draft00", p256Kyber768Draft00, "secp256r1", "Kyber768", ecdhFirst),
	hybrid("X25519MLKEM768", tls.X25519MLKEM768, "X25519", "ML-KEM-768", kemFirst),
	hybrid("SecP256r1MLKEM768", tls.SecP256r1MLKEM768, "secp256r1", "ML-KEM-768", ecdhFirst),
	hybrid("SecP384r1MLKEM1024", tls.SecP384r1MLKEM1024, "secp384r1", "ML-KEM-1024", ecdhFirst),
}

func classical(name string, id tls.CurveID, ecdh string) Group {
	curve := curves[ecdh]
	return Group{Name: name, ID: id, ECDH: ecdh,
		ClientShare: curve.share, ServerShare: curve.share, Secret: curve.secret}
}

func hybrid(name string, id tls.CurveID, ecdh, kem string, kemFirst bool) Group {
	curve, sizes := curves[ecdh], kems[kem]
	return Group{Name: name, ID: id, ECDH: ecdh, KEM: kem, KEMFirst: kemFirst,
		ClientShare: curve.share + sizes.encapsulationKey,
		ServerShare: curve.share + sizes.ciphertext,
		Secret:      curve.secret + sharedKeySize}
}

// Groups returns every group, classical ones first, in an order that does not
// change between versions. The slice is the caller's.
func Groups() []Group { return slices.Clone(groups) }

// ByID returns the group with codepoint id.
func ByID(id tls.CurveID) (Group, bool) {
	i := slices.IndexFunc(groups, func(g Group) bool { return g.ID == id })
	if i < 0 {
		return Group{}, false
	}
	return groups[i], true
}

// aliases are the names of the curves outside TLS (FIPS 186-5).
var aliases = map[string]tls.CurveID{
	"p-256": tls.CurveP256, "p256": tls.CurveP256,
	"p-384": tls.CurveP384, "p384": tls.CurveP384,
}

// ByName returns the group that name means: a name, a label, an alias (P-256,
// P-384) or a codepoint such as "0xfe31", in upper or lower case. Where two
// groups share a name, the bare name means the later codepoint. The error for
// an unknown name carries the nearest valid one.
func ByName(name string) (Group, error) {
	if id, ok := aliases[strings.ToLower(name)]; ok {
		g, _ := ByID(id)
		return g, nil
	}
	for _, g := range groups {
		if strings.EqualFold(name, g.Label()) || strings.EqualFold(name, g.Name+"@"+g.Codepoint()) {
			return g, nil
		}
	}
	if id, err := parseCodepoint(name); err == nil {
		if g, ok := ByID(id); ok {
			return g, nil
		}
	}
	return Group{}, fmt.Errorf("unknown group %q%s", name, DidYouMean(name, labels()))
}

func parseCodepoint(s string) (tls.CurveID, error) {
	if len(s) < 2 || !strings.EqualFold(s[:2], "0x") {
		return 0, errors.New("not a codepoint")
	}
	id, err := strconv.ParseUint(s[2:], 16, 16)
	return tls.CurveID(id), err
}

func labels() []string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Label()
	}
	return names
}

// Hybrid reports whether g has a KEM beside its ECDH exchange.
func (g Group) Hybrid() bool { return g.KEM != "" }

// Codepoint returns the ID as "0xfe31".
func (g Group) Codepoint() string { return fmt.Sprintf("%#04x", uint16(g.ID)) }

// Label returns a name that no other group has: Name, and for the old
// codepoint of X25519Kyber768Draft00 Name and codepoint.
func (g Group) Label() string {
	if g.ID == x25519Kyber768Draft00Old {
		return g.Name + "@" + g.Codepoint()
	}
	return g.Name
}

// String returns the label.
func (g Group) String() string { return g.Label() }

// Configure makes cfg offer, or accept, exactly groups. The order is of no
// effect: crypto/tls sorts by its own preference, and the group of the first
// key share follows from that. Hybrids need TLS 1.3, the version floor is the
// caller's to set.
func Configure(cfg *tls.Config, groups ...Group) {
	cfg.CurvePreferences = make([]tls.CurveID, len(groups))
	for i, g := range groups {
		cfg.CurvePreferences[i] = g.ID
	}
}
