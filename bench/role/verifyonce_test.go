package role

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
	"pqbench/tunnel/ca"
)

// What crypto/tls refuses is refused, after a chain that was verified, too; what it accepts is accepted, once and again.
func TestVerifyOnce(t *testing.T) {
	of := func(kind string) (leaf tls.Certificate, roots *x509.CertPool) {
		authority, err := ca.New(kind)
		require.NoError(t, err)
		leafPEM, rootPEM, err := authority.PEM()
		require.NoError(t, err)
		leaf, err = tls.X509KeyPair(leafPEM, leafPEM)
		require.NoError(t, err)
		roots = x509.NewCertPool()
		require.True(t, roots.AppendCertsFromPEM(rootPEM))
		return leaf, roots
	}
	chain, roots := of("chain3")
	foreign, _ := of("ecdsa-p256")
	handshake := func(config *tls.Config, leaf tls.Certificate) error {
		l, err := tls.Listen("tcp4", anyPort, &tls.Config{Certificates: []tls.Certificate{leaf}})
		require.NoError(t, err)
		defer l.Close()
		go func() {
			if there, err := l.Accept(); err == nil {
				_ = there.(*tls.Conn).Handshake()
				_ = there.Close()
			}
		}()
		here, err := tls.Dial("tcp4", l.Addr().String(), config)
		if err == nil {
			err = here.Close()
		}
		return err
	}
	verifications := 0
	config := &tls.Config{RootCAs: roots, ServerName: tunnel.QUICServerName, VerifyConnection: func(tls.ConnectionState) error {
		verifications++
		return nil
	}}
	verifyOnce(config)
	require.NoError(t, handshake(config, chain))
	require.NoError(t, handshake(config, chain))
	assert.Equal(t, 2, verifications, "what else asks to see a connection sees all")
	var refused *tls.CertificateVerificationError
	require.ErrorAs(t, handshake(config, foreign), &refused)
	require.NoError(t, handshake(config, chain))

	config = &tls.Config{RootCAs: roots, ServerName: "elsewhere.example"}
	verifyOnce(config)
	require.ErrorAs(t, handshake(config, chain), &refused)
	require.ErrorAs(t, handshake(config, chain), &refused, "nothing was verified")

	config = &tls.Config{InsecureSkipVerify: true}
	verifyOnce(config)
	require.NoError(t, handshake(config, foreign))
}
