//go:build pqbench_overlay

package kex

import (
	"crypto/tls"
	"fmt"
	"slices"
)

// Overlay reports whether crypto/tls has the registration hook. The tag comes
// with the overlay, and never without it: scripts/overlay sets both.
const Overlay = true

// register gives crypto/tls every hybrid that p computes. For the ML-KEM groups
// this replaces the KEM that is built in, and nothing else of them.
func register(p Provider) error {
	for _, g := range groups {
		if !slices.Contains(g.Providers(), p) {
			continue
		}
		sizes := kems[g.KEM]
		if err := tls.PQBenchRegister(tls.PQBenchHybrid{
			ID:                   g.ID,
			ECDH:                 curves[g.ECDH].id,
			ECDHSize:             curves[g.ECDH].share,
			EncapsulationKeySize: sizes.encapsulationKey,
			CiphertextSize:       sizes.ciphertext,
			NewDecapsulator:      sizes.circl.decapsulator,
			NewEncapsulator:      sizes.circl.encapsulator,
		}); err != nil {
			return fmt.Errorf("%s: %w", g.Label(), err)
		}
	}
	return nil
}
