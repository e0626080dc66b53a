package kex

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// helloSeeds are hellos of real handshakes: one share, two shares, a retry.
func helloSeeds(tb testing.TB) (clients, servers [][]byte) {
	x25519, p256, hybrid := Groups()[0], Groups()[1], Groups()[7]
	for _, offer := range []struct{ client, server []Group }{
		{[]Group{x25519}, []Group{x25519}},
		{[]Group{hybrid, x25519}, []Group{hybrid}},
		{[]Group{hybrid, p256}, []Group{p256}},
	} {
		h, err := shakeHands(tb, offer.client, offer.server, nil)
		require.NoError(tb, err)
		clients = append(clients, h.clientHellos...)
		servers = append(servers, h.serverHellos...)
	}
	return clients, servers
}

// message puts the header of a handshake message before body.
func message(kind uint8, body ...[]byte) []byte {
	joined := bytes.Join(body, nil)
	header := binary.BigEndian.AppendUint32(nil, uint32(len(joined)))
	header[0] = kind
	return append(header, joined...)
}

// clientHello is a minimal ClientHello with the given extensions block, nil for
// none.
func clientHello(extensions []byte) []byte {
	head := append([]byte{3, 3}, make([]byte, 32)...)
	head = append(head, 0, 0, 2, 0x13, 0x01, 1, 0) // session id, suites, compression
	if extensions == nil {
		return message(typeClientHello, head)
	}
	return message(typeClientHello, head, sized(extensions))
}

func serverHello(random [32]byte, extensions []byte) []byte {
	head := append([]byte{3, 3}, random[:]...)
	head = append(head, 0, 0x13, 0x01, 0)
	return message(typeServerHello, head, sized(extensions))
}

func sized(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

func extensionOf(kind uint16, data ...byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, kind), sized(data)...)
}

func TestParseClientHelloErrors(t *testing.T) {
	plain, err := ParseClientHello(clientHello(nil))
	require.NoError(t, err)
	require.Equal(t, ClientHello{Size: 45, CipherSuites: []uint16{0x1301}}, plain, "extensions are optional")
	empty, err := ParseClientHello(clientHello(extensionOf(extensionKeyShare, 0, 0)))
	require.NoError(t, err)
	require.Empty(t, empty.KeyShares, "an empty list asks for a HelloRetryRequest")

	shares := extensionOf(extensionKeyShare, 0, 5, 0, 29, 0, 1, 7)
	for _, test := range []struct {
		name string
		msg  []byte
		want string
	}{
		{"wrong type", message(typeServerHello, make([]byte, 50)), "client hello: handshake message has type 2, want 1"},
		{"trailing bytes", append(clientHello(nil), 0, 0), "client hello: 2 bytes follow the message"},
		{"empty body", message(typeClientHello), "client hello: malformed before its extensions"},
		{"odd cipher suites", message(typeClientHello, make([]byte, 35), []byte{0, 1, 0, 0}), "client hello: malformed before its extensions"},
		{"extensions too short", message(typeClientHello, clientHello(nil)[4:], []byte{0, 0, 0}), "client hello: extensions do not fill the message"},
		{"extension cut short", clientHello([]byte{0, 51, 0}), "client hello: extension 1 of the list is cut short"},
		{"extension twice", clientHello(append(bytes.Clone(shares), shares...)), "client hello: extension 51 appears twice"},
		{"groups empty", clientHello(extensionOf(extensionSupportedGroups, 0, 0)), "client hello: extension 10 is malformed"},
		{"groups odd", clientHello(extensionOf(extensionSupportedGroups, 0, 1, 0)), "client hello: extension 10 is malformed"},
		{"groups with a tail", clientHello(extensionOf(extensionSupportedGroups, 0, 2, 0, 29, 0)), "client hello: extension 10 is malformed"},
		{"share empty", clientHello(extensionOf(extensionKeyShare, 0, 4, 0, 29, 0, 0)), "client hello: extension 51 is malformed"},
		{"share too long", clientHello(extensionOf(extensionKeyShare, 0, 5, 0, 29, 0, 2, 7)), "client hello: extension 51 is malformed"},
		{"versions empty", clientHello(extensionOf(extensionSupportedVersions, 0)), "client hello: extension 43 is malformed"},
		{"protocol empty", clientHello(extensionOf(extensionALPN, 0, 1, 0)), "client hello: extension 16 is malformed"},
		{"protocols empty", clientHello(extensionOf(extensionALPN, 0, 0)), "client hello: extension 16 is malformed"},
		{"two names", clientHello(extensionOf(extensionServerName, 0, 8, 0, 0, 1, 'a', 0, 0, 1, 'b')), "client hello: extension 0 is malformed"},
		{"no name", clientHello(extensionOf(extensionServerName, 0, 0)), "client hello: extension 0 is malformed"},
	} {
		hello, err := ParseClientHello(test.msg)
		require.EqualError(t, err, test.want, test.name)
		require.Zero(t, hello, test.name)
	}
}

func TestParseServerHelloErrors(t *testing.T) {
	var random [32]byte
	for _, test := range []struct {
		name string
		msg  []byte
		want string
	}{
		{"wrong type", message(typeClientHello, make([]byte, 50)), "server hello: handshake message has type 1, want 2"},
		{"empty body", message(typeServerHello), "server hello: malformed before its extensions"},
		{"trailing bytes", append(serverHello(random, nil), 0), "server hello: 1 bytes follow the message"},
		{"share empty", serverHello(random, extensionOf(extensionKeyShare, 0, 29, 0, 0)), "server hello: extension 51 is malformed"},
		{"share with a tail", serverHello(random, extensionOf(extensionKeyShare, 0, 29, 0, 1, 7, 7)), "server hello: extension 51 is malformed"},
		{"share of a retry", serverHello(random, extensionOf(extensionKeyShare, 0, 29)), "server hello: extension 51 is malformed"},
		{"retry with a share", serverHello(retryRandom, extensionOf(extensionKeyShare, 0, 29, 0, 1, 7)), "server hello: extension 51 is malformed"},
		{"version with a tail", serverHello(random, extensionOf(extensionSupportedVersions, 3, 4, 0)), "server hello: extension 43 is malformed"},
	} {
		hello, err := ParseServerHello(test.msg)
		require.EqualError(t, err, test.want, test.name)
		require.Zero(t, hello, test.name)
	}
}

// TestPartOfAHello wants the beginning of a message told apart from a bad one:
// a reader of CRYPTO frames waits for the rest.
func TestPartOfAHello(t *testing.T) {
	clients, servers := helloSeeds(t)
	for _, hello := range clients {
		for n := range hello {
			_, err := ParseClientHello(hello[:n])
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d bytes of %d", n, len(hello))
		}
	}
	for _, hello := range servers {
		for n := range hello {
			_, err := ParseServerHello(hello[:n])
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d bytes of %d", n, len(hello))
		}
	}
}

// extensionsSize is what a list of extensions takes in a message, its length
// included.
func extensionsSize(extensions []Extension) int {
	size := 0
	for _, e := range extensions {
		size += 4 + e.Size
	}
	if size > 0 {
		size += 2
	}
	return size
}

// FuzzParseClientHello holds the parser to two things: the sizes that it reports
// account for every byte of the message, and what crypto/tls accepts, it accepts
// and reads alike.
func FuzzParseClientHello(f *testing.F) {
	clients, _ := helloSeeds(f)
	for _, hello := range clients {
		f.Add(hello)
	}
	f.Add(clientHello(nil))
	f.Fuzz(func(t *testing.T, msg []byte) {
		hello, err := ParseClientHello(msg)
		if err != nil {
			require.Zero(t, hello)
		} else {
			accountForClientHello(t, msg, hello)
		}
		info := readByTLS(msg)
		_, bodyErr := handshakeBody(msg, typeClientHello)
		if info == nil || bodyErr != nil { // refused, or followed by another message
			return
		}
		require.NoError(t, err, "crypto/tls accepts it")
		require.Equal(t, info.ServerName, hello.SNI)
		require.True(t, slices.Equal(info.SupportedCurves, hello.Groups))
		require.True(t, slices.Equal(info.SupportedProtos, hello.ALPN))
		require.True(t, slices.Equal(info.CipherSuites, hello.CipherSuites))
		require.Len(t, hello.Extensions, len(info.Extensions))
		for i, e := range hello.Extensions {
			require.Equal(t, info.Extensions[i], e.Type)
		}
		if hello.SupportedVersions != nil {
			require.Equal(t, info.SupportedVersions, hello.SupportedVersions)
		}
	})
}

func accountForClientHello(t *testing.T, msg []byte, hello ClientHello) {
	sessionID := int(msg[38])
	compression := int(msg[39+sessionID+2+2*len(hello.CipherSuites)])
	size := 4 + 2 + 32 + 1 + sessionID + 2 + 2*len(hello.CipherSuites) + 1 + compression + extensionsSize(hello.Extensions)
	if hello.Extensions == nil && len(msg) == size+2 {
		size += 2 // an empty list of extensions
	}
	require.Equal(t, len(msg), size)
	require.Equal(t, len(msg), hello.Size)

	shares := 2
	for _, share := range hello.KeyShares {
		require.Positive(t, share.Size)
		shares += 4 + share.Size
	}
	for _, e := range hello.Extensions {
		switch e.Type {
		case extensionKeyShare:
			require.Equal(t, e.Size, shares)
		case extensionSupportedGroups:
			require.Equal(t, e.Size, 2+2*len(hello.Groups))
		case extensionSupportedVersions:
			require.Equal(t, e.Size, 1+2*len(hello.SupportedVersions))
		case extensionQUICTransportParameters:
			require.Equal(t, e.Size, hello.QUICTransportParametersSize)
		}
	}
}

// readByTLS returns what a server of crypto/tls makes of a ClientHello, nil when
// it refuses it.
func readByTLS(msg []byte) (info *tls.ClientHelloInfo) {
	server := tls.QUICServer(&tls.QUICConfig{TLSConfig: &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(i *tls.ClientHelloInfo) (*tls.Config, error) {
			info = i
			return nil, errors.New("seen enough")
		},
	}})
	defer server.Close()
	if server.Start(context.Background()) == nil {
		server.HandleData(tls.QUICEncryptionLevelInitial, msg)
	}
	return info
}

// FuzzParseServerHello wants the sizes to account for every byte.
func FuzzParseServerHello(f *testing.F) {
	_, servers := helloSeeds(f)
	for _, hello := range servers {
		f.Add(hello)
	}
	f.Add(serverHello([32]byte{}, nil))
	f.Fuzz(func(t *testing.T, msg []byte) {
		hello, err := ParseServerHello(msg)
		if err != nil {
			require.Zero(t, hello)
			return
		}
		size := 4 + 2 + 32 + 1 + int(msg[38]) + 2 + 1 + extensionsSize(hello.Extensions)
		if hello.Extensions == nil && len(msg) == size+2 {
			size += 2 // an empty list of extensions
		}
		require.Equal(t, len(msg), size)
		require.Equal(t, len(msg), hello.Size)
		for _, e := range hello.Extensions {
			switch {
			case e.Type == extensionKeyShare && hello.HelloRetryRequest:
				require.Equal(t, 2, e.Size)
				require.Zero(t, hello.ShareSize)
			case e.Type == extensionKeyShare:
				require.Equal(t, e.Size, 4+hello.ShareSize)
				require.Positive(t, hello.ShareSize)
			}
		}
		require.Equal(t, bytes.Equal(msg[6:38], retryRandom[:]), hello.HelloRetryRequest)
	})
}
