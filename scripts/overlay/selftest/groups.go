//go:build pqbench_overlay

package main

import (
	"crypto"
	"crypto/mlkem"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
)

// lastKey is the encapsulation key that a client made last, and calls counts
// the keys made and parsed: they show that the registered KEM is in use.
var (
	lastKey []byte
	calls   struct{ decapsulators, encapsulators int }
)

func newDecapsulator768(seed []byte) (crypto.Decapsulator, error) {
	key, err := mlkem.NewDecapsulationKey768(seed)
	if err != nil {
		return nil, err
	}
	calls.decapsulators++
	lastKey = key.EncapsulationKey().Bytes()
	return key, nil
}

func newEncapsulator768(ek []byte) (crypto.Encapsulator, error) {
	calls.encapsulators++
	return mlkem.NewEncapsulationKey768(ek)
}

func newDecapsulator1024(seed []byte) (crypto.Decapsulator, error) {
	return mlkem.NewDecapsulationKey1024(seed)
}

func newEncapsulator1024(ek []byte) (crypto.Encapsulator, error) {
	return mlkem.NewEncapsulationKey1024(ek)
}

// A brokenKEM is its own content: it sends that instead of a key or ciphertext.
type brokenKEM []byte

func (k brokenKEM) Bytes() []byte                      { return slices.Clone(k) }
func (k brokenKEM) Encapsulator() crypto.Encapsulator  { return k }
func (k brokenKEM) Encapsulate() (secret, ct []byte)   { return make([]byte, 32), slices.Clone(k) }
func (k brokenKEM) Decapsulate([]byte) ([]byte, error) { return make([]byte, 32), nil }

func brokenClient(ek []byte) func([]byte) (crypto.Decapsulator, error) {
	return func([]byte) (crypto.Decapsulator, error) { return brokenKEM(ek), nil }
}

func brokenServer(ct []byte) func([]byte) (crypto.Encapsulator, error) {
	return func([]byte) (crypto.Encapsulator, error) { return brokenKEM(ct), nil }
}

// mlkem768 is a hybrid of X25519 and Go's own ML-KEM-768.
func mlkem768(id tls.CurveID) tls.PQBenchHybrid {
	return tls.PQBenchHybrid{
		ID: id, ECDH: tls.X25519, ECDHSize: 32,
		EncapsulationKeySize: mlkem.EncapsulationKeySize768, CiphertextSize: mlkem.CiphertextSize768,
		NewDecapsulator: newDecapsulator768, NewEncapsulator: newEncapsulator768,
	}
}

func groups() []tls.PQBenchHybrid {
	p256, p384 := mlkem768(withP256), mlkem768(withP384)
	p256.ECDH, p256.ECDHSize = tls.CurveP256, 65
	p384.ECDH, p384.ECDHSize = tls.CurveP384, 97
	p384.EncapsulationKeySize, p384.CiphertextSize = mlkem.EncapsulationKeySize1024, mlkem.CiphertextSize1024
	p384.NewDecapsulator, p384.NewEncapsulator = newDecapsulator1024, newEncapsulator1024

	badKey, short, answer := mlkem768(badClientKey), mlkem768(shortClient), mlkem768(shortServer)
	// Every coefficient is 4095, more than q = 3329 (FIPS 203, Section 7.2).
	badKey.NewDecapsulator = brokenClient(slices.Repeat([]byte{0xff}, mlkem.EncapsulationKeySize768))
	short.NewDecapsulator = brokenClient(make([]byte, mlkem.EncapsulationKeySize768-1))
	answer.NewEncapsulator = brokenServer(make([]byte, mlkem.CiphertextSize768-1))
	// The built-in comes in the middle, so that its place shows in the order.
	return []tls.PQBenchHybrid{mlkem768(withX25519), p256, mlkem768(tls.X25519MLKEM768), p384, badKey, short, answer}
}

func checkRegistration() error {
	if got := tls.PQBenchRegistered(); len(got) != 0 {
		return fmt.Errorf("%v registered in a fresh process", got)
	}
	var want []tls.CurveID
	for _, h := range groups() {
		if err := tls.PQBenchRegister(h); err != nil {
			return err
		}
		want = append(want, h.ID)
	}
	if got := tls.PQBenchRegistered(); !slices.Equal(got, want) {
		return fmt.Errorf("registered %v, want %v", got, want)
	}
	return nil
}

func checkRefusals() error {
	const free = tls.CurveID(0xfe7f)
	refused := map[string]func(*tls.PQBenchHybrid){
		"registered already":    func(h *tls.PQBenchHybrid) { h.ID = withX25519 },
		"no codepoint":          func(h *tls.PQBenchHybrid) { h.ID = 0 },
		"built in, no hybrid":   func(h *tls.PQBenchHybrid) { h.ID = tls.X25519 },
		"built in, other ECDH":  func(h *tls.PQBenchHybrid) { h.ID = tls.SecP256r1MLKEM768 },
		"no such ECDH":          func(h *tls.PQBenchHybrid) { h.ECDH = tls.CurveP521 },
		"ECDH size":             func(h *tls.PQBenchHybrid) { h.ECDHSize = 65 },
		"encapsulation key":     func(h *tls.PQBenchHybrid) { h.EncapsulationKeySize = 0 },
		"ciphertext":            func(h *tls.PQBenchHybrid) { h.CiphertextSize = -1 },
		"no decapsulation key":  func(h *tls.PQBenchHybrid) { h.NewDecapsulator = nil },
		"no encapsulation key":  func(h *tls.PQBenchHybrid) { h.NewEncapsulator = nil },
		"built in, other sizes": func(h *tls.PQBenchHybrid) { h.ID, h.ECDH, h.ECDHSize = tls.SecP384r1MLKEM1024, tls.CurveP384, 97 },
	}
	before := tls.PQBenchRegistered()
	for name, change := range refused {
		h := mlkem768(free)
		change(&h)
		if tls.PQBenchRegister(h) == nil {
			return errors.New("accepted: " + name)
		}
	}
	if after := tls.PQBenchRegistered(); !slices.Equal(after, before) {
		return fmt.Errorf("a refused group was registered: %v, want %v", after, before)
	}
	return nil
}
