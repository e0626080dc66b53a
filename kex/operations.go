package kex

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"fmt"
)

// An Operation is one thing to time. Run does it once, from the bytes that
// arrive to the bytes that leave: parsing and checking what the peer sent, and
// drawing randomness, are inside. Run is safe for concurrent use, and returns an
// error when the result is wrong.
type Operation struct {
	Name string // "keygen", "encapsulate", "decapsulate", "client" or "server"
	Run  func() error
}

// Operations returns what there is to time of g on p: the three operations of
// the KEM alone (none for a classical group) and the work of each side of the
// whole exchange, "client" for the share and the secret, "server" for both at
// once. Benchmarks and experiments loop over this list, so that they measure
// the same thing. The errors are those of [Group.Exchange].
func (g Group) Operations(p Provider) ([]Operation, error) {
	exchange, err := g.Exchange(p)
	if err != nil {
		return nil, err
	}
	var operations []Operation
	if g.Hybrid() {
		kem, err := g.KEMOf(p)
		if err != nil {
			return nil, err
		}
		if operations, err = kemOperations(kem); err != nil {
			return nil, fmt.Errorf("prepare operations of %s: %w", kem.Name, err)
		}
	}
	whole, err := exchangeOperations(g, exchange)
	if err != nil {
		return nil, fmt.Errorf("prepare operations of %s: %w", g.Label(), err)
	}
	return append(operations, whole...), nil
}

func kemOperations(kem KEM) ([]Operation, error) {
	decapsulator, err := generate(kem)
	if err != nil {
		return nil, err
	}
	encapsulationKey := decapsulator.Encapsulator().Bytes()
	want, ciphertext := decapsulator.Encapsulator().Encapsulate()

	keygen := func() error {
		key, err := generate(kem)
		if err != nil {
			return err
		}
		return expect("encapsulation key", len(key.Encapsulator().Bytes()), kem.EncapsulationKeySize)
	}
	encapsulate := func() error {
		key, err := kem.NewEncapsulator(encapsulationKey)
		if err != nil {
			return err
		}
		_, ciphertext := key.Encapsulate()
		return expect("ciphertext", len(ciphertext), kem.CiphertextSize)
	}
	decapsulate := func() error {
		got, err := decapsulator.Decapsulate(ciphertext)
		if err == nil && !bytes.Equal(got, want) {
			err = fmt.Errorf("%s: decapsulated another key than was encapsulated", kem.Name)
		}
		return err
	}
	return []Operation{{"keygen", keygen}, {"encapsulate", encapsulate}, {"decapsulate", decapsulate}}, nil
}

func generate(kem KEM) (crypto.Decapsulator, error) {
	seed := make([]byte, kem.SeedSize)
	rand.Read(seed) // never fails, see crypto/rand
	return kem.NewDecapsulator(seed)
}

func expect(what string, got, want int) error {
	if got != want {
		return fmt.Errorf("%s is %d bytes, want %d", what, got, want)
	}
	return nil
}

func exchangeOperations(g Group, exchange Exchange) ([]Operation, error) {
	source := newReplay(seedSize)
	clientShare, _, err := exchange.ClientShare(source)
	if err != nil {
		return nil, err
	}
	serverShare, secret, err := exchange.Server(rand.Reader, clientShare)
	if err != nil {
		return nil, err
	}
	want := kemPart(g, secret)

	// The client replays the seed to which serverShare is the answer, so that
	// the ciphertext decapsulates; any server's point answers its ECDH key, which
	// is new each time.
	client := func() error {
		share, finish, err := exchange.ClientShare(source)
		if err != nil {
			return err
		}
		secret, err := finish(serverShare)
		if err != nil {
			return err
		}
		if !bytes.Equal(kemPart(g, secret), want) {
			return fmt.Errorf("%s: client decapsulated another key than was encapsulated", g.Label())
		}
		return expect("client share", len(share), g.ClientShare)
	}
	server := func() error {
		share, secret, err := exchange.Server(rand.Reader, clientShare)
		if err != nil {
			return err
		}
		if err := expect("secret", len(secret), g.Secret); err != nil {
			return err
		}
		return expect("server share", len(share), g.ServerShare)
	}
	return []Operation{{"client", client}, {"server", server}}, nil
}

// kemPart returns the half of secret that the KEM contributed, nothing for a
// classical group.
func kemPart(g Group, secret []byte) []byte {
	switch {
	case !g.Hybrid():
		return nil
	case g.KEMFirst:
		return secret[:sharedKeySize]
	default:
		return secret[len(secret)-sharedKeySize:]
	}
}

// replay answers every read of its length with the same bytes, at the cost of
// reading new ones from the system, which it does and discards.
type replay struct{ seed []byte }

func newReplay(size int) replay {
	r := replay{make([]byte, size)}
	rand.Read(r.seed)
	return r
}

func (r replay) Read(p []byte) (int, error) {
	rand.Read(p)
	if len(p) == len(r.seed) {
		copy(p, r.seed)
	}
	return len(p), nil
}
