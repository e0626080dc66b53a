package ca

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// PEM block types.
const (
	pemCertificate = "CERTIFICATE"
	pemKey         = "PRIVATE KEY"
)

// PEM writes the CA so that it can cross to another process. leaf holds the
// leaf, its intermediates and the private key: an edge's alone to see. root
// is what everybody else needs.
func (c *CA) PEM() (leaf, root []byte, err error) {
	key, err := x509.MarshalPKCS8PrivateKey(c.leaf.PrivateKey)
	if err != nil {
		return nil, nil, fmt.Errorf("encode leaf key: %w", err)
	}
	for _, der := range c.leaf.Certificate {
		leaf = append(leaf, pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: der})...)
	}
	leaf = append(leaf, pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: key})...)
	root = pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: c.root.Raw})
	return leaf, root, nil
}

// Load reads what PEM wrote.
func Load(leaf, root []byte) (*CA, error) {
	cert, err := tls.X509KeyPair(leaf, leaf)
	if err != nil {
		return nil, fmt.Errorf("read leaf: %w", err)
	}
	block, _ := pem.Decode(root)
	if block == nil || block.Type != pemCertificate {
		return nil, errors.New("read root: no PEM certificate found")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read root: %w", err)
	}
	return &CA{root: parsed, leaf: cert}, nil
}

// PoolPEM reads the certificates that a connector or eyeball is to trust.
func PoolPEM(root []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(root) {
		return nil, errors.New("read trusted certificates: no PEM certificate found")
	}
	return pool, nil
}
