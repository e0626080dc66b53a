package kex

import (
	"crypto"
	"crypto/mlkem"
	"fmt"

	"github.com/cloudflare/circl/kem/kyber/kyber512"
	"github.com/cloudflare/circl/kem/kyber/kyber768"
	"github.com/cloudflare/circl/kem/mlkem/mlkem1024"
	"github.com/cloudflare/circl/kem/mlkem/mlkem768"
)

const (
	seedSize      = 64 // d ‖ z, FIPS 203, Section 7.1; Kyber round 3 has the same two halves
	sharedKeySize = 32 // every parameter set of Kyber and ML-KEM
)

// A KEM is one key encapsulation mechanism as one provider computes it. Sizes
// are in bytes. Constructors and the keys they return reject input of the wrong
// length and keys that fail the modulus check with an error that wraps
// [ErrBadShare]; they never panic.
type KEM struct {
	Name                 string // "Kyber768", "ML-KEM-768", ...
	SeedSize             int    // of NewDecapsulator's argument
	EncapsulationKeySize int
	CiphertextSize       int

	// NewDecapsulator derives the key pair from seed, deterministically.
	NewDecapsulator func(seed []byte) (crypto.Decapsulator, error)
	// NewEncapsulator parses and checks a peer's encapsulation key.
	NewEncapsulator func(encapsulationKey []byte) (crypto.Encapsulator, error)
}

// kemSizes describes a KEM without a provider. stdlib is nil where Go's
// standard library does not compute it.
type kemSizes struct {
	encapsulationKey, ciphertext int
	stdlib, circl                *constructors
}

type constructors struct {
	decapsulator func([]byte) (crypto.Decapsulator, error)
	encapsulator func([]byte) (crypto.Encapsulator, error)
}

var kems = map[string]kemSizes{
	"Kyber512": {kyber512.PublicKeySize, kyber512.CiphertextSize,
		nil, circl(kyber512.Scheme(), requireReduced)},
	"Kyber768": {kyber768.PublicKeySize, kyber768.CiphertextSize,
		nil, circl(kyber768.Scheme(), requireReduced)},
	"ML-KEM-768": {mlkem.EncapsulationKeySize768, mlkem.CiphertextSize768,
		stdlib(mlkem.NewDecapsulationKey768, mlkem.NewEncapsulationKey768),
		circl(mlkem768.Scheme(), checkedByCIRCL)},
	"ML-KEM-1024": {mlkem.EncapsulationKeySize1024, mlkem.CiphertextSize1024,
		stdlib(mlkem.NewDecapsulationKey1024, mlkem.NewEncapsulationKey1024),
		circl(mlkem1024.Scheme(), checkedByCIRCL)},
}

// stdlib adapts the constructors of crypto/mlkem, which return concrete types:
// a nil pointer must not become a non-nil interface.
func stdlib[D crypto.Decapsulator, E crypto.Encapsulator](newD func([]byte) (D, error), newE func([]byte) (E, error)) *constructors {
	return &constructors{
		decapsulator: func(seed []byte) (crypto.Decapsulator, error) {
			key, err := newD(seed)
			if err != nil {
				return nil, fmt.Errorf("decapsulation key: %w", err)
			}
			return key, nil
		},
		encapsulator: func(b []byte) (crypto.Encapsulator, error) {
			key, err := newE(b)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrBadShare, err)
			}
			return key, nil
		},
	}
}

// KEMOf returns the KEM of g on provider p. It is an error when g is classical,
// when p does not compute the KEM, and when this process is settled on the
// other CIRCL provider (see [Fix]).
func (g Group) KEMOf(p Provider) (KEM, error) {
	if !g.Hybrid() {
		return KEM{}, fmt.Errorf("group %s has no KEM", g.Label())
	}
	if err := g.computedBy(p); err != nil {
		return KEM{}, err
	}
	sizes := kems[g.KEM]
	build := sizes.stdlib
	if p != Go {
		if err := settle(p); err != nil {
			return KEM{}, err
		}
		build = sizes.circl
	}
	return KEM{
		Name:                 g.KEM,
		SeedSize:             seedSize,
		EncapsulationKeySize: sizes.encapsulationKey,
		CiphertextSize:       sizes.ciphertext,
		NewDecapsulator:      build.decapsulator,
		NewEncapsulator:      build.encapsulator,
	}, nil
}
