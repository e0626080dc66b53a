// Package ca is a certificate authority for tests and benchmarks on one's own
// machine: a root made on the spot and one leaf that is valid for every name
// an edge is dialled by. The kind of key and the length of the chain are
// factors of the experiments, since both change the server's first flight.
package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"
)

// Kinds of certificate chain.
const (
	ECDSAP256 = "ecdsa-p256" // one ECDSA P-256 leaf below the root
	RSA2048   = "rsa-2048"   // one RSA leaf below an RSA root
	Ed25519   = "ed25519"    // one Ed25519 leaf below an Ed25519 root
	// Chain3 sends three certificates, all ECDSA P-256: the leaf and two
	// intermediates. It is the shape of a public web certificate.
	Chain3 = "chain3"
	// RSAChain5 sends five certificates, all RSA, some 4 kB: more than an
	// edge may send to a client of one datagram before it has heard from it
	// again (RFC 9000, Section 8.1).
	RSAChain5 = "rsa-chain5"
)

// intermediates are sent with a leaf of some kinds.
var intermediates = map[string]int{Chain3: 2, RSAChain5: 4}

// Kinds lists the kinds that New knows, the default first.
func Kinds() []string { return []string{ECDSAP256, RSA2048, Ed25519, Chain3, RSAChain5} }

// Validity of what New issues. Long enough for a soak of weeks, with an hour
// before for clocks that disagree.
const (
	validity = 90 * 24 * time.Hour
	skew     = time.Hour
)

// names are what an edge is dialled by, all in one leaf.
var (
	names = []string{
		"quic.cftunnel.com", "h2.cftunnel.com", "probe.cftunnel.com", // SNI of tunnel connections
		"*.cfargotunnel.com", // eyeballs, by tunnel id
		"localhost",
	}
	addresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
)

// A CA is a root certificate and one leaf with its chain and key.
type CA struct {
	root *x509.Certificate
	leaf tls.Certificate
}

// relayName is what data centers know each other by (tunnel.RelayServerName).
const relayName = "relay.pqbench.internal"

// New makes a root and a leaf of a kind; "" is ECDSAP256.
func New(kind string) (*CA, error) {
	newKey, err := keyMaker(kind)
	if err != nil {
		return nil, err
	}
	root, err := selfSigned(newKey)
	if err != nil {
		return nil, fmt.Errorf("make %s root: %w", kind, err)
	}
	issuer, chain := root, [][]byte(nil)
	for level := 1; level <= intermediates[kind]; level++ {
		if issuer, err = issuer.issue(authority(fmt.Sprintf("pqbench intermediate %d", level)), newKey); err != nil {
			return nil, fmt.Errorf("make intermediate %d: %w", level, err)
		}
		chain = append([][]byte{issuer.cert.Raw}, chain...)
	}
	leaf, err := issuer.issue(server(), newKey)
	if err != nil {
		return nil, fmt.Errorf("make %s leaf: %w", kind, err)
	}
	return &CA{root: root.cert, leaf: tls.Certificate{
		Certificate: append([][]byte{leaf.cert.Raw}, chain...),
		PrivateKey:  leaf.key,
		Leaf:        leaf.cert,
	}}, nil
}

// Leaf is what an edge presents: the leaf, its intermediates, its key. The
// root is not sent.
func (c *CA) Leaf() tls.Certificate { return c.leaf }

// Pool is what a connector or eyeball trusts.
func (c *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.root)
	return pool
}

// NewRelay makes the authority of an edge's own data centers: its leaf is
// valid at both ends of a relay link, and for nothing else.
func NewRelay() (*CA, error) {
	newKey, err := keyMaker(ECDSAP256)
	if err != nil {
		return nil, err
	}
	root, err := selfSigned(newKey)
	if err != nil {
		return nil, fmt.Errorf("make relay root: %w", err)
	}
	leaf, err := root.issue(relay(), newKey)
	if err != nil {
		return nil, fmt.Errorf("make relay leaf: %w", err)
	}
	return &CA{root: root.cert, leaf: tls.Certificate{
		Certificate: [][]byte{leaf.cert.Raw}, PrivateKey: leaf.key, Leaf: leaf.cert}}, nil
}

// keyMaker is how keys of a kind are generated.
func keyMaker(kind string) (func() (crypto.Signer, error), error) {
	switch kind {
	case "", ECDSAP256, Chain3:
		return func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }, nil
	case RSA2048, RSAChain5:
		return func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }, nil
	case Ed25519:
		return func() (crypto.Signer, error) {
			_, key, err := ed25519.GenerateKey(rand.Reader)
			return key, err
		}, nil
	}
	return nil, fmt.Errorf("certificate kind %q: unknown (valid: %s)", kind, strings.Join(Kinds(), ", "))
}

// party is a certificate with its key.
type party struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func selfSigned(newKey func() (crypto.Signer, error)) (*party, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := authority("pqbench root")
	return sign(template, template, key, key)
}

func (p *party) issue(template *x509.Certificate, newKey func() (crypto.Signer, error)) (*party, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	return sign(template, p.cert, key, p.key)
}

func sign(template, issuer *x509.Certificate, key, by crypto.Signer) (*party, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-skew)
	template.NotAfter = time.Now().Add(validity)
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), by)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &party{cert: cert, key: key}, err
}

func authority(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
}

func server() *x509.Certificate {
	return &x509.Certificate{
		Subject:     pkix.Name{CommonName: names[0]},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    names,
		IPAddresses: addresses,
	}
}

func relay() *x509.Certificate {
	return &x509.Certificate{
		Subject:     pkix.Name{CommonName: relayName},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{relayName},
	}
}
