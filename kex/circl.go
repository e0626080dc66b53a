package kex

import (
	"crypto"
	"encoding/binary"
	"fmt"

	"github.com/cloudflare/circl/kem"
)

// modulus is q of Kyber and ML-KEM (FIPS 203, Section 2.4).
const modulus = 3329

// circlEncapsulator and circlDecapsulator put CIRCL's keys behind the
// interfaces of package crypto, which is what crypto/tls computes with.
type circlEncapsulator struct{ key encapsulationKey }

type circlDecapsulator struct {
	key          decapsulationKey
	encapsulator circlEncapsulator
}

// encapsulationKey and decapsulationKey are what CIRCL's Kyber and ML-KEM keys
// have in common beyond kem.PublicKey and kem.PrivateKey.
type encapsulationKey interface {
	kem.PublicKey
	Pack(buf []byte)
	EncapsulateTo(ciphertext, sharedKey, seed []byte)
}

type decapsulationKey interface {
	kem.PrivateKey
	DecapsulateTo(sharedKey, ciphertext []byte)
}

// circl adapts a CIRCL scheme. check is given an encapsulation key of the right
// length before CIRCL is.
func circl(scheme kem.Scheme, check func([]byte) error) *constructors {
	badShare := func(err error) error {
		return fmt.Errorf("%w: %s encapsulation key: %w", ErrBadShare, scheme.Name(), err)
	}
	return &constructors{
		decapsulator: func(seed []byte) (crypto.Decapsulator, error) {
			if len(seed) != scheme.SeedSize() { // DeriveKeyPair would panic
				return nil, fmt.Errorf("%s seed is %d bytes, want %d", scheme.Name(), len(seed), scheme.SeedSize())
			}
			public, private := scheme.DeriveKeyPair(seed)
			return newCIRCLDecapsulator(public, private)
		},
		encapsulator: func(b []byte) (crypto.Encapsulator, error) {
			if len(b) != scheme.PublicKeySize() { // the check would run past its end
				return nil, badShare(fmt.Errorf("%d bytes, want %d", len(b), scheme.PublicKeySize()))
			}
			if err := check(b); err != nil {
				return nil, badShare(err)
			}
			key, err := scheme.UnmarshalBinaryPublicKey(b)
			if err != nil {
				return nil, badShare(err)
			}
			return newCIRCLEncapsulator(key)
		},
	}
}

func newCIRCLEncapsulator(public kem.PublicKey) (crypto.Encapsulator, error) {
	key, ok := public.(encapsulationKey)
	if !ok {
		return nil, fmt.Errorf("%T cannot encapsulate", public)
	}
	return circlEncapsulator{key}, nil
}

func newCIRCLDecapsulator(public kem.PublicKey, private kem.PrivateKey) (crypto.Decapsulator, error) {
	encapsulation, ok := public.(encapsulationKey)
	if !ok {
		return nil, fmt.Errorf("%T cannot encapsulate", public)
	}
	decapsulation, ok := private.(decapsulationKey)
	if !ok {
		return nil, fmt.Errorf("%T cannot decapsulate", private)
	}
	return circlDecapsulator{decapsulation, circlEncapsulator{encapsulation}}, nil
}

// Bytes returns the encapsulation key as it goes on the wire.
func (e circlEncapsulator) Bytes() []byte {
	b := make([]byte, e.key.Scheme().PublicKeySize())
	e.key.Pack(b)
	return b
}

// Encapsulate draws from the system's random source. It cannot fail: the key
// was checked when it was parsed, and the three lengths are the scheme's own.
func (e circlEncapsulator) Encapsulate() (sharedKey, ciphertext []byte) {
	sharedKey = make([]byte, sharedKeySize)
	ciphertext = make([]byte, e.key.Scheme().CiphertextSize())
	e.key.EncapsulateTo(ciphertext, sharedKey, nil)
	return sharedKey, ciphertext
}

func (d circlDecapsulator) Encapsulator() crypto.Encapsulator { return d.encapsulator }

// Decapsulate rejects a ciphertext of the wrong length. Any other ciphertext
// gives a key, a pseudorandom one if it was not made for d (implicit rejection,
// FIPS 203, Section 6.3).
func (d circlDecapsulator) Decapsulate(ciphertext []byte) (sharedKey []byte, err error) {
	if want := d.key.Scheme().CiphertextSize(); len(ciphertext) != want {
		return nil, fmt.Errorf("%w: %s ciphertext is %d bytes, want %d",
			ErrBadShare, d.key.Scheme().Name(), len(ciphertext), want)
	}
	sharedKey = make([]byte, sharedKeySize)
	d.key.DecapsulateTo(sharedKey, ciphertext)
	return sharedKey, nil
}

// checkedByCIRCL stands where CIRCL makes the modulus check itself, as it does
// for ML-KEM and not for Kyber.
func checkedByCIRCL([]byte) error { return nil }

// requireReduced is the modulus check of FIPS 203, Section 7.2: every 12-bit
// coefficient of the key, which ends in the 32-byte seed of the matrix, is
// below q.
//
// Kyber round 3 does not ask for it, and the xyber768d00 draft adds nothing;
// CIRCL reduces such a coefficient and goes on. We refuse the key for both
// generations alike, as BoringSSL's Kyber did in the deployments the Draft00
// groups were made for: an honest peer never sends one.
//
// It has no branches on the coefficients only because that makes it quick: 0.3 µs
// beside some 25 for parsing and encapsulating. The key is public.
func requireReduced(key []byte) error {
	const low, carry = 1<<12 - 1, 1 << 12
	const headroom = carry - modulus // a coefficient of q or more overflows into the carry
	var overflow uint64
	for i := 0; i < len(key)-32; i += 6 { // four coefficients; the load's last two bytes are the next ones'
		v := binary.LittleEndian.Uint64(key[i:])
		overflow |= v&low + headroom
		overflow |= v>>12&low + headroom
		overflow |= v>>24&low + headroom
		overflow |= v>>36&low + headroom
	}
	if overflow&carry != 0 {
		return fmt.Errorf("a coefficient is not reduced modulo %d", modulus)
	}
	return nil
}
