package ca

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryKindHandshakesUnderEveryName(t *testing.T) {
	sent := map[string]int{ECDSAP256: 1, RSA2048: 1, Ed25519: 1, Chain3: 3, RSAChain5: 5}
	for _, kind := range Kinds() {
		t.Run(kind, func(t *testing.T) {
			authority, err := New(kind)
			require.NoError(t, err)
			leaf, root, err := authority.PEM()
			require.NoError(t, err)
			loaded, err := Load(leaf, root)
			require.NoError(t, err)
			require.Len(t, loaded.Leaf().Certificate, sent[kind])
			pool, err := PoolPEM(root)
			require.NoError(t, err)

			for _, name := range []string{
				"quic.cftunnel.com", "h2.cftunnel.com", "probe.cftunnel.com",
				"0b1f.cfargotunnel.com", "localhost", "127.0.0.1", "::1",
			} {
				require.NoError(t, handshake(loaded.Leaf(), pool, name), name)
			}
			require.Error(t, handshake(loaded.Leaf(), pool, "example.com"))
			require.Error(t, handshake(loaded.Leaf(), x509.NewCertPool(), "localhost"))
		})
	}
}

func TestKeysAreOfTheirKind(t *testing.T) {
	want := map[string]x509.PublicKeyAlgorithm{"": x509.ECDSA, ECDSAP256: x509.ECDSA, RSA2048: x509.RSA, Ed25519: x509.Ed25519, Chain3: x509.ECDSA, RSAChain5: x509.RSA}
	for kind, algorithm := range want {
		authority, err := New(kind)
		require.NoError(t, err)
		require.Equal(t, algorithm, authority.Leaf().Leaf.PublicKeyAlgorithm, kind)
	}
}

func TestUnknownKindListsTheValidOnes(t *testing.T) {
	_, err := New("dsa")
	require.ErrorContains(t, err, `"dsa"`)
	require.ErrorContains(t, err, strings.Join(Kinds(), ", "))
}

func TestLoadRefusesWhatIsNoPEM(t *testing.T) {
	authority, err := New("")
	require.NoError(t, err)
	leaf, root, err := authority.PEM()
	require.NoError(t, err)
	_, err = Load(root, root)
	require.Error(t, err, "a leaf without its key")
	_, err = Load(leaf, []byte("nothing"))
	require.Error(t, err)
	_, err = PoolPEM(nil)
	require.Error(t, err)
}

// handshake runs TLS 1.3 over loopback. A net.Pipe would do only for those
// that succeed: without a buffer, an alert blocks against the peer's flight.
func handshake(leaf tls.Certificate, pool *x509.CertPool, name string) error {
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{leaf}})
	if err != nil {
		return err
	}
	defer listener.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := listener.Accept()
		if err == nil {
			_ = conn.(*tls.Conn).Handshake()
			_ = conn.Close()
		}
	}()
	conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{RootCAs: pool, ServerName: name, MinVersion: tls.VersionTLS13})
	if err == nil {
		err = conn.Close()
	}
	<-served
	return err
}

// A relay leaf proves a data center at either end of a link; a tunnel's leaf at neither.
func TestRelayLeafServesBothEnds(t *testing.T) {
	relay, err := NewRelay()
	require.NoError(t, err)
	other, err := New("")
	require.NoError(t, err)
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		options := x509.VerifyOptions{Roots: relay.Pool(), DNSName: "relay.pqbench.internal", KeyUsages: []x509.ExtKeyUsage{usage}}
		_, err := relay.Leaf().Leaf.Verify(options)
		require.NoError(t, err)
		options.Roots = other.Pool()
		_, err = other.Leaf().Leaf.Verify(options)
		require.Error(t, err)
	}
	leaf, root, err := relay.PEM()
	require.NoError(t, err)
	_, err = Load(leaf, root)
	require.NoError(t, err)
}
