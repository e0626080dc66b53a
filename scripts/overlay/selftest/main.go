//go:build pqbench_overlay

// Selftest checks the crypto/tls overlay that it is built with: handshakes with
// registered groups, in memory and over QUIC's side of crypto/tls, which also
// gives the handshake messages without records around them. It is silent and
// exits with status 0 when all holds.
package main

import (
	"crypto/tls"
	"fmt"
	"os"
)

// Private codepoints (RFC 8446, Section 4.2.7: 0xfe00 to 0xfeff for ECDHE use).
const (
	withX25519   tls.CurveID = 0xfe77 // X25519 and ML-KEM-768
	withP256     tls.CurveID = 0xfe78 // P-256 and ML-KEM-768
	withP384     tls.CurveID = 0xfe79 // P-384 and ML-KEM-1024
	badClientKey tls.CurveID = 0xfe7a // sends an encapsulation key that fails FIPS 203's modulus check
	shortClient  tls.CurveID = 0xfe7b // sends a share that is too short
	shortServer  tls.CurveID = 0xfe7c // answers with a share that is too short
)

// A check is one promise of the hook. They run in order: registration is for
// the life of the process.
type check struct {
	name string
	run  func() error
}

var checks = []check{
	{"built-in groups before any registration", measureBuiltin},
	{"a group that is not registered", checkUnregistered},
	{"registration", checkRegistration},
	{"refused registration", checkRefusals},
	{"negotiation", checkNegotiation},
	{"sizes and fallback share", checkSizes},
	{"order in the share", checkShareOrder},
	{"offered only where named", checkOffers},
	{"HelloRetryRequest", checkRetry},
	{"bad shares", checkBadShares},
}

func main() {
	for _, c := range checks {
		if err := c.run(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", c.name, err)
			os.Exit(1)
		}
	}
}
