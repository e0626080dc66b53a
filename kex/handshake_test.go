package kex

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/require"
)

// parameters stand for QUIC transport parameters; TLS does not look inside.
var parameters = []byte("forty bytes of QUIC transport parameters")

// A handshake is one TLS handshake over QUIC's interface to crypto/tls, which
// hands over whole handshake messages and needs no connection.
type handshake struct {
	client, server *tls.QUICConn
	clientHellos   [][]byte // a second one after a HelloRetryRequest
	serverHellos   [][]byte // or HelloRetryRequests

	// tamper, if not nil, sees every hello before it is delivered.
	tamper func(fromClient bool, hello []byte)
}

// shakeHands returns a finished handshake, or the error of the side that gave up.
func shakeHands(t testing.TB, client, server []Group, tamper func(fromClient bool, hello []byte)) (*handshake, error) {
	t.Helper()
	return shakeHandsWith(t, newCertificate(t), client, server, tamper)
}

func shakeHandsWith(t testing.TB, certificate tls.Certificate, client, server []Group, tamper func(fromClient bool, hello []byte)) (*handshake, error) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	clientConfig := &tls.Config{ServerName: "localhost", RootCAs: roots, NextProtos: []string{"kex"}, MinVersion: tls.VersionTLS13}
	serverConfig := &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"kex"}, MinVersion: tls.VersionTLS13}
	Configure(clientConfig, client...)
	Configure(serverConfig, server...)

	h := &handshake{
		client: tls.QUICClient(&tls.QUICConfig{TLSConfig: clientConfig}),
		server: tls.QUICServer(&tls.QUICConfig{TLSConfig: serverConfig}),
		tamper: tamper,
	}
	t.Cleanup(func() {
		h.client.Close()
		h.server.Close()
	})
	return h, h.run()
}

func (h *handshake) run() error {
	h.client.SetTransportParameters(parameters)
	h.server.SetTransportParameters(parameters)
	if err := h.client.Start(context.Background()); err != nil {
		return err
	}
	if err := h.server.Start(context.Background()); err != nil {
		return err
	}
	for !h.client.ConnectionState().HandshakeComplete || !h.server.ConnectionState().HandshakeComplete {
		if err := h.deliver(true); err != nil {
			return err
		}
		if err := h.deliver(false); err != nil {
			return err
		}
	}
	return nil
}

// deliver carries what one side has to say to the other.
func (h *handshake) deliver(fromClient bool) error {
	from, to, hellos := h.client, h.server, &h.clientHellos
	if !fromClient {
		from, to, hellos = h.server, h.client, &h.serverHellos
	}
	for {
		event := from.NextEvent()
		switch event.Kind {
		case tls.QUICNoEvent:
			return nil
		case tls.QUICWriteData:
			data := bytes.Clone(event.Data)
			if event.Level == tls.QUICEncryptionLevelInitial {
				*hellos = append(*hellos, bytes.Clone(data))
				if h.tamper != nil {
					h.tamper(fromClient, data)
				}
			}
			if err := to.HandleData(event.Level, data); err != nil {
				return err
			}
		}
	}
}

// shareIn returns the part of hello that is g's key share.
func shareIn(t testing.TB, hello []byte, g Group, size int) []byte {
	t.Helper()
	var header [4]byte // RFC 8446, Section 4.2.8: group, length
	binary.BigEndian.PutUint16(header[:], uint16(g.ID))
	binary.BigEndian.PutUint16(header[2:], uint16(size))
	at := bytes.Index(hello, header[:])
	require.Positive(t, at, "%s has no key share of %d bytes", g.Label(), size)
	return hello[at+4 : at+4+size]
}

// negotiable are the groups that this process's TLS can negotiate; those it
// cannot must say so.
func negotiable(t testing.TB) []Group {
	var groups []Group
	for _, g := range Groups() {
		if err := g.InTLS(Fixed()); err != nil {
			require.True(t, strings.Contains(err.Error(), "make build") || strings.Contains(err.Error(), "does not compute"), err)
			continue
		}
		groups = append(groups, g)
	}
	return groups
}

// TestHandshake negotiates every group in real TLS and reads the two hellos.
func TestHandshake(t *testing.T) {
	x25519 := Groups()[0]
	control, err := shakeHands(t, []Group{x25519}, []Group{x25519}, nil)
	require.NoError(t, err)
	for _, g := range negotiable(t) {
		t.Run(g.Label(), func(t *testing.T) {
			h, err := shakeHands(t, []Group{g}, []Group{g}, nil)
			require.NoError(t, err)
			require.Equal(t, g.ID, h.client.ConnectionState().CurveID)
			require.Equal(t, g.ID, h.server.ConnectionState().CurveID)

			client, err := ParseClientHello(h.clientHellos[0])
			require.NoError(t, err)
			require.Equal(t, []tls.CurveID{g.ID}, client.Groups)
			require.Equal(t, []KeyShare{{g.ID, g.ClientShare}}, client.KeyShares)
			require.Equal(t, "localhost", client.SNI)
			require.Equal(t, []string{"kex"}, client.ALPN)
			require.Equal(t, []uint16{tls.VersionTLS13}, client.SupportedVersions)
			require.Equal(t, len(parameters), client.QUICTransportParametersSize)
			require.Equal(t, g.ClientShare-x25519.ClientShare, client.Size-len(control.clientHellos[0]), "the share is all the difference")

			server, err := ParseServerHello(h.serverHellos[0])
			require.NoError(t, err)
			require.Equal(t, ServerHello{
				Size: 58 + g.ServerShare, Version: tls.VersionTLS13, CipherSuite: server.CipherSuite,
				Group: g.ID, ShareSize: g.ServerShare,
				Extensions: []Extension{{extensionSupportedVersions, 2}, {extensionKeyShare, 4 + g.ServerShare}},
			}, server)
		})
	}
}

// TestFallbackShare offers X25519 beside each hybrid on X25519, as browsers do:
// the second share must repeat the first one's X25519 half, on every provider.
func TestFallbackShare(t *testing.T) {
	x25519 := Groups()[0]
	for _, g := range negotiable(t) {
		if !g.Hybrid() || g.ECDH != "X25519" {
			continue
		}
		t.Run(g.Label(), func(t *testing.T) {
			h, err := shakeHands(t, []Group{g, x25519}, []Group{g, x25519}, nil)
			require.NoError(t, err)
			require.Equal(t, g.ID, h.client.ConnectionState().CurveID, "the hybrid is preferred")
			client, err := ParseClientHello(h.clientHellos[0])
			require.NoError(t, err)
			require.Equal(t, []KeyShare{{g.ID, g.ClientShare}, {x25519.ID, 32}}, client.KeyShares)

			hybrid := shareIn(t, h.clientHellos[0], g, g.ClientShare)
			fallback := shareIn(t, h.clientHellos[0], x25519, 32)
			require.Equal(t, replaceECDH(g, hybrid, fallback), hybrid)
		})
	}
}

// digestLine is how TestHelloBytes reports to TestOtherProviders.
var digestLine = regexp.MustCompile(`hellos of (\S+): ([0-9a-f]{64})`)

func TestHelloBytes(t *testing.T) {
	for label, digest := range helloDigests(t) {
		t.Logf("hellos of %s: %s", label, digest)
	}
}

// helloDigests hash both hellos of every group that can be negotiated, alone and
// with X25519 beside it, with the system's random source replaced by a fixed one.
func helloDigests(t *testing.T) map[string]string {
	digests := make(map[string]string)
	for _, g := range negotiable(t) {
		hash := sha256.New()
		for _, offer := range [][]Group{{g}, slices.Compact([]Group{g, Groups()[0]})} {
			t.Run("fixed source", func(t *testing.T) { // which lasts as long as the test
				certificate := newCertificate(t)
				cryptotest.SetGlobalRandom(t, 1)
				h, err := shakeHandsWith(t, certificate, offer, []Group{g}, nil)
				require.NoError(t, err)
				hash.Write(h.clientHellos[0])
				hash.Write(h.serverHellos[0])
			})
		}
		digests[g.Label()] = hex.EncodeToString(hash.Sum(nil))
	}
	return digests
}

func TestHelloRetryRequest(t *testing.T) {
	hybrid, _ := ByID(tls.X25519MLKEM768)
	p256, _ := ByID(tls.CurveP256)
	h, err := shakeHands(t, []Group{hybrid, p256}, []Group{p256}, nil)
	require.NoError(t, err)
	require.Len(t, h.clientHellos, 2)
	require.Len(t, h.serverHellos, 2)

	retry, err := ParseServerHello(h.serverHellos[0])
	require.NoError(t, err)
	require.True(t, retry.HelloRetryRequest)
	require.Equal(t, p256.ID, retry.Group)
	require.Zero(t, retry.ShareSize)
	require.Equal(t, uint16(tls.VersionTLS13), retry.Version)

	client, err := ParseClientHello(h.clientHellos[1])
	require.NoError(t, err)
	require.Equal(t, []KeyShare{{p256.ID, p256.ClientShare}}, client.KeyShares)
	server, err := ParseServerHello(h.serverHellos[1])
	require.NoError(t, err)
	require.False(t, server.HelloRetryRequest)
	require.Equal(t, p256.ServerShare, server.ShareSize)
}

// TestBadShareInTLS damages a key share on its way: the other side must end the
// handshake with illegal_parameter (RFC 8446, Section 6.2).
func TestBadShareInTLS(t *testing.T) {
	const illegalParameter = tls.AlertError(47)
	for _, g := range negotiable(t) {
		refuse := func(name string, fromClient bool, damage func(share []byte) []byte) {
			t.Run(g.Label()+"/"+name, func(t *testing.T) {
				_, err := shakeHands(t, []Group{g}, []Group{g}, func(client bool, hello []byte) {
					if client != fromClient {
						return
					}
					size := g.ServerShare
					if client {
						size = g.ClientShare
					}
					share := shareIn(t, hello, g, size)
					copy(share, damage(share))
				})
				require.ErrorIs(t, err, illegalParameter)
			})
		}
		for name, point := range badPoints(g) {
			replace := func(share []byte) []byte { return replaceECDH(g, share, point) }
			refuse("client point "+name, true, replace)
			refuse("server point "+name, false, replace)
		}
		if g.Hybrid() {
			refuse("client coefficient", true, func(share []byte) []byte { return withCoefficient(g, share, 5, modulus) })
		}
	}
}
