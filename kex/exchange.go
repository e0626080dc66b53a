package kex

import (
	"crypto/ecdh"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
)

// ErrBadShare is wrapped by every error that a peer's key share causes: a wrong
// length, an encapsulation key that fails the modulus check, a point off the
// curve, an all-zero X25519 result. In TLS it ends the handshake with the alert
// illegal_parameter (RFC 8446, Section 4.2.8.2 and RFC 7748, Section 6.1).
var ErrBadShare = errors.New("bad peer share")

// An Exchange is both sides of a whole group, outside TLS, with the work and
// the bytes of TLS: see hybridKeyExchange of crypto/tls.
type Exchange interface {
	// ClientShare makes the client's key share. finish, which may be called
	// once or many times, takes the server's and returns the shared secret.
	//
	// rand is the source of the KEM's seed. The ECDH key always comes from the
	// system's source: crypto/ecdh ignores its argument since Go 1.26.
	ClientShare(rand io.Reader) (share []byte, finish func(serverShare []byte) (secret []byte, err error), err error)

	// Server answers a client's key share. rand is passed on to crypto/ecdh,
	// see above; encapsulation draws from the system's source.
	Server(rand io.Reader, clientShare []byte) (serverShare, secret []byte, err error)
}

// curve describes an ECDH exchange. Sizes are in bytes.
type curve struct {
	id            tls.CurveID
	ecdh          ecdh.Curve
	share, secret int
}

var curves = map[string]curve{
	"X25519":    {tls.X25519, ecdh.X25519(), 32, 32},  // RFC 7748, Section 5
	"secp256r1": {tls.CurveP256, ecdh.P256(), 65, 32}, // uncompressed point, RFC 8446, Section 4.2.8.2
	"secp384r1": {tls.CurveP384, ecdh.P384(), 97, 48},
}

// Exchange returns g as computed with the KEM of p. A classical group is the
// same on every provider. The errors are those of [Group.KEMOf].
func (g Group) Exchange(p Provider) (Exchange, error) {
	c, ok := curves[g.ECDH]
	if !ok {
		return nil, fmt.Errorf("group %q is not one of Groups()", g.Name)
	}
	e := exchange{group: g, pointSize: c.share, generateECDH: c.ecdh.GenerateKey}
	if !g.Hybrid() {
		return e, p.validate()
	}
	var err error
	e.kem, err = g.KEMOf(p)
	return e, err
}

type exchange struct {
	group        Group
	pointSize    int // bytes of the ECDH part of a share
	kem          KEM // zero for a classical group
	generateECDH func(io.Reader) (*ecdh.PrivateKey, error)
}

func (e exchange) ClientShare(rand io.Reader) ([]byte, func([]byte) ([]byte, error), error) {
	private, err := e.generateECDH(rand)
	if err != nil {
		return nil, nil, err
	}
	point := private.PublicKey().Bytes()
	if !e.group.Hybrid() {
		finish := func(serverShare []byte) ([]byte, error) { return agree(private, serverShare) }
		return point, finish, nil
	}
	seed := make([]byte, e.kem.SeedSize)
	if _, err := io.ReadFull(rand, seed); err != nil {
		return nil, nil, err
	}
	decapsulator, err := e.kem.NewDecapsulator(seed)
	if err != nil {
		return nil, nil, err
	}
	finish := func(serverShare []byte) ([]byte, error) {
		point, ciphertext, err := e.split("server", serverShare, e.group.ServerShare)
		if err != nil {
			return nil, err
		}
		shared, err := agree(private, point)
		if err != nil {
			return nil, err
		}
		sharedKey, err := decapsulator.Decapsulate(ciphertext)
		if err != nil {
			return nil, err
		}
		return e.join(shared, sharedKey), nil
	}
	return e.join(point, decapsulator.Encapsulator().Bytes()), finish, nil
}

func (e exchange) Server(rand io.Reader, clientShare []byte) (serverShare, secret []byte, err error) {
	private, err := e.generateECDH(rand)
	if err != nil {
		return nil, nil, err
	}
	if !e.group.Hybrid() {
		if secret, err = agree(private, clientShare); err != nil {
			return nil, nil, err
		}
		return private.PublicKey().Bytes(), secret, nil
	}
	point, key, err := e.split("client", clientShare, e.group.ClientShare)
	if err != nil {
		return nil, nil, err
	}
	shared, err := agree(private, point)
	if err != nil {
		return nil, nil, err
	}
	encapsulator, err := e.kem.NewEncapsulator(key)
	if err != nil {
		return nil, nil, err
	}
	sharedKey, ciphertext := encapsulator.Encapsulate()
	return e.join(private.PublicKey().Bytes(), ciphertext), e.join(shared, sharedKey), nil
}

// agree parses the peer's point and multiplies.
func agree(private *ecdh.PrivateKey, point []byte) ([]byte, error) {
	peer, err := private.Curve().NewPublicKey(point)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadShare, err)
	}
	secret, err := private.ECDH(peer)
	if err != nil { // X25519 only: a point of low order
		return nil, fmt.Errorf("%w: %w", ErrBadShare, err)
	}
	return secret, nil
}

// join and split hold the one rule of concatenation, for shares and secrets
// alike.
func (e exchange) join(ecdhPart, kemPart []byte) []byte {
	if e.group.KEMFirst {
		ecdhPart, kemPart = kemPart, ecdhPart
	}
	return append(append(make([]byte, 0, len(ecdhPart)+len(kemPart)), ecdhPart...), kemPart...)
}

func (e exchange) split(side string, share []byte, want int) (ecdhPart, kemPart []byte, err error) {
	if len(share) != want {
		return nil, nil, fmt.Errorf("%w: %s %s share is %d bytes, want %d",
			ErrBadShare, e.group.Label(), side, len(share), want)
	}
	if e.group.KEMFirst {
		return share[want-e.pointSize:], share[:want-e.pointSize], nil
	}
	return share[:e.pointSize], share[e.pointSize:], nil
}
