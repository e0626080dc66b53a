package kex

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/cloudflare/circl/kem/schemes"
	"github.com/stretchr/testify/require"
)

// circlHybrids are the groups that CIRCL composes itself, in kem/hybrid.
var circlHybrids = map[string]string{
	"X25519Kyber512Draft00": "Kyber512-X25519",
	"X25519Kyber768Draft00": "Kyber768-X25519",
	"P256Kyber768Draft00":   "P256Kyber768Draft00",
	"X25519MLKEM768":        "X25519MLKEM768",
}

// TestCIRCLHybrids exchanges keys with CIRCL's own hybrids, once from each end:
// shares must parse and secrets must agree, order included.
func TestCIRCLHybrids(t *testing.T) {
	forEachArm(t, func(t *testing.T, g Group, p Provider) {
		name, ok := circlHybrids[g.Name]
		if !ok {
			t.Skip("CIRCL does not compose this group")
		}
		scheme := schemes.ByName(name)
		exchange, err := g.Exchange(p)
		require.NoError(t, err)

		clientShare, finish, err := exchange.ClientShare(rand.Reader)
		require.NoError(t, err)
		theirKey, err := scheme.UnmarshalBinaryPublicKey(clientShare)
		require.NoError(t, err)
		serverShare, want, err := scheme.Encapsulate(theirKey)
		require.NoError(t, err)
		got, err := finish(serverShare)
		require.NoError(t, err)
		require.Equal(t, want, got, "client to CIRCL")

		public, private, err := scheme.GenerateKeyPair()
		require.NoError(t, err)
		clientShare, err = public.MarshalBinary()
		require.NoError(t, err)
		serverShare, got, err = exchange.Server(rand.Reader, clientShare)
		require.NoError(t, err)
		want, err = scheme.Decapsulate(private, serverShare)
		require.NoError(t, err)
		require.Equal(t, want, got, "server to CIRCL")
	})
}

// TestOpenSSL shakes hands with `openssl s_server` over loopback, in every group
// that the installed OpenSSL speaks: the hybrids since 3.5.
func TestOpenSSL(t *testing.T) {
	major, minor := opensslVersion(t)
	p := Fixed()
	for _, g := range Groups() {
		t.Run(g.Label(), func(t *testing.T) {
			switch {
			case g.Hybrid() && g.KEM[:2] != "ML":
				t.Skip("NOT RUN: OpenSSL has no Kyber round 3")
			case g.Hybrid() && (major < 3 || major == 3 && minor < 5):
				t.Skipf("NOT RUN: needs OpenSSL 3.5 or later for %s, this is %d.%d", g.Name, major, minor)
			case g.InTLS(p) != nil:
				t.Skip("NOT RUN: ", g.InTLS(p))
			}
			address, roots := startOpenSSL(t, g)
			cfg := &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS13}
			Configure(cfg, g)
			conn, err := tls.Dial("tcp", address, cfg)
			require.NoError(t, err)
			defer conn.Close()
			require.Equal(t, g.ID, conn.ConnectionState().CurveID)
		})
	}
}

func opensslVersion(t *testing.T) (major, minor int) {
	output, err := exec.CommandContext(t.Context(), "openssl", "version").Output()
	match := regexp.MustCompile(`^OpenSSL (\d+)\.(\d+)`).FindSubmatch(output)
	if err != nil || match == nil {
		t.Skipf("NOT RUN: no usable openssl on PATH: %v %q", err, output)
	}
	major, _ = strconv.Atoi(string(match[1]))
	minor, _ = strconv.Atoi(string(match[2]))
	return major, minor
}

// startOpenSSL runs a server that accepts g alone and returns its address and
// the root to trust.
func startOpenSSL(t *testing.T, g Group) (address string, roots *x509.CertPool) {
	certificate, key, roots := writeCertificate(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	server := exec.CommandContext(ctx, "openssl", "s_server", "-accept", "127.0.0.1:0", "-tls1_3", "-naccept", "1",
		"-cert", certificate, "-key", key, "-groups", opensslName(g))
	stdout, err := server.StdoutPipe()
	require.NoError(t, err)
	_, err = server.StdinPipe() // held open: s_server hangs up at its end
	require.NoError(t, err)
	var stderr bytes.Buffer
	server.Stderr = &stderr
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		cancel()
		server.Wait()
	})

	// s_server prints "ACCEPT 127.0.0.1:PORT" once it listens.
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if match := regexp.MustCompile(`^ACCEPT .*:(\d+)$`).FindStringSubmatch(lines.Text()); match != nil {
			go io.Copy(io.Discard, stdout) // ends with the process
			return net.JoinHostPort("127.0.0.1", match[1]), roots
		}
	}
	cancel()
	server.Wait()
	t.Fatalf("openssl s_server did not listen: %s", stderr.String())
	return "", nil
}

// opensslName is OpenSSL's name for g.
func opensslName(g Group) string {
	if g.ID == tls.CurveP256 {
		return "prime256v1"
	}
	return g.Name
}

func writeCertificate(t *testing.T) (certificateFile, keyFile string, roots *x509.CertPool) {
	certificate := newCertificate(t)
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	require.NoError(t, err)
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	roots = x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	return write("cert.pem", "CERTIFICATE", certificate.Certificate[0]), write("key.pem", "PRIVATE KEY", key), roots
}

// newCertificate returns a self-signed ECDSA P-256 certificate for localhost.
func newCertificate(tb testing.TB) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(tb, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(tb, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
