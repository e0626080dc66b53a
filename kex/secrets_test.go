package kex

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
)

// secretVectors are testdata/tls13_hybrid_secrets.json, which names its source.
type secretVectors struct {
	Transcript string `json:"transcript_ascii"`
	Vectors    []secretVector
}

type secretVector struct {
	Group             string
	Codepoint         string
	ClientECDHPrivate hexBytes       `json:"client_ecdh_private"`
	ServerECDHPrivate hexBytes       `json:"server_ecdh_private"`
	KEMSecret         hexBytes       `json:"kem_secret"`
	HybridSecret      hexBytes       `json:"hybrid_secret"`
	SHA256            trafficSecrets `json:"aes128_sha256"`
	SHA384            trafficSecrets `json:"aes256_sha384"`
}

type trafficSecrets struct {
	Client hexBytes `json:"client_handshake_traffic_secret"`
	Server hexBytes `json:"server_handshake_traffic_secret"`
}

// groups resolves "0xfe31 and 0x6399".
func (v secretVector) groups(t *testing.T) []Group {
	names := []string{v.Codepoint}
	if v.Codepoint == "0xfe31 and 0x6399" {
		names = []string{"0xfe31", "0x6399"}
	}
	var groups []Group
	for _, name := range names {
		g, err := ByName(name)
		require.NoError(t, err)
		require.Equal(t, v.Group, g.Name)
		groups = append(groups, g)
	}
	return groups
}

// kemInput returns the seed and the randomness behind the vectors' KEM secrets,
// the first entries of the known answers: for Kyber of NIST's response files, for
// ML-KEM of testdata/mlkem_first_kat.json.
func kemInput(t *testing.T, k KEM) (seed, random []byte) {
	if k.Name == "Kyber512" || k.Name == "Kyber768" {
		first := knownAnswer(t, k, newDRBG(countingSeed()).read(48))
		return first.kemSeed, first.random
	}
	var first struct{ Z, D, Msg hexBytes }
	readJSON(t, "testdata/mlkem_first_kat.json", &first)
	return append(first.D, first.Z...), first.Msg
}

// TestHybridSecrets plays both sides of each hybrid with the private keys of the
// vectors, and compares the secret and what the key schedule makes of it.
func TestHybridSecrets(t *testing.T) {
	var file secretVectors
	readJSON(t, "testdata/tls13_hybrid_secrets.json", &file)
	seen := make(map[Group]bool)
	for _, vector := range file.Vectors {
		for _, g := range vector.groups(t) {
			seen[g] = true
			for _, p := range g.Providers() {
				t.Run(armName(g, p), func(t *testing.T) {
					useProvider(t, p)
					vector.check(t, file.Transcript, g, p)
				})
			}
		}
	}
	for _, g := range Groups() {
		require.Equal(t, g.Hybrid(), seen[g], "%s: every hybrid has a vector", g.Label())
	}
}

func (v secretVector) check(t *testing.T, transcript string, g Group, p Provider) {
	client, server := v.play(t, g, p)
	require.Equal(t, []byte(v.HybridSecret), client)
	require.Equal(t, []byte(v.HybridSecret), server)
	require.Equal(t, []byte(v.KEMSecret), kemPart(g, server))
	require.Equal(t, v.SHA256, handshakeTraffic(t, sha256.New, server, transcript))
	require.Equal(t, v.SHA384, handshakeTraffic(t, sha512.New384, server, transcript))

	// The other order works too, between two ends that agree on it, and weighs
	// the same. Only the vectors tell.
	swapped := g
	swapped.KEMFirst = !g.KEMFirst
	client, server = v.play(t, swapped, p)
	require.Equal(t, client, server)
	require.Len(t, server, g.Secret)
	require.NotEqual(t, []byte(v.HybridSecret), server, "a swapped order passes")
	require.NotEqual(t, v.SHA256, handshakeTraffic(t, sha256.New, server, transcript))
	require.NotEqual(t, v.SHA384, handshakeTraffic(t, sha512.New384, server, transcript))
}

// play returns the secrets that the two sides of g arrive at.
func (v secretVector) play(t *testing.T, g Group, p Provider) (client, server []byte) {
	side := func(private []byte, random []byte) exchange {
		made, err := g.Exchange(p)
		require.NoError(t, err)
		side := made.(exchange)
		side.generateECDH = func(io.Reader) (*ecdh.PrivateKey, error) {
			return curves[g.ECDH].ecdh.NewPrivateKey(private)
		}
		parse := side.kem.NewEncapsulator
		side.kem.NewEncapsulator = func(b []byte) (crypto.Encapsulator, error) {
			key, err := parse(b)
			return determined{t, key, random}, err
		}
		return side
	}
	kem, err := g.KEMOf(p)
	require.NoError(t, err)
	seed, random := kemInput(t, kem)

	share, finish, err := side(v.ClientECDHPrivate, nil).ClientShare(bytes.NewReader(seed))
	require.NoError(t, err)
	answer, server, err := side(v.ServerECDHPrivate, random).Server(nil, share)
	require.NoError(t, err)
	client, err = finish(answer)
	require.NoError(t, err)
	return client, server
}

// determined encapsulates with given randomness.
type determined struct {
	t *testing.T
	crypto.Encapsulator
	random []byte
}

func (d determined) Encapsulate() (sharedKey, ciphertext []byte) {
	return encapsulateWith(d.t, d.Encapsulator, d.random)
}

// handshakeTraffic is the first half of the TLS 1.3 key schedule (RFC 8446,
// Section 7.1), without a pre-shared key.
func handshakeTraffic(t *testing.T, newHash func() hash.Hash, secret []byte, transcript string) trafficSecrets {
	t.Helper()
	size := newHash().Size()
	extract := func(salt, secret []byte) []byte {
		key, err := hkdf.Extract(newHash, secret, salt)
		require.NoError(t, err)
		return key
	}
	derive := func(secret []byte, label, messages string) []byte {
		h := newHash()
		io.WriteString(h, messages)
		var info cryptobyte.Builder
		info.AddUint16(uint16(size))
		info.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("tls13 " + label)) })
		info.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(h.Sum(nil)) })
		key, err := hkdf.Expand(newHash, secret, string(info.BytesOrPanic()), size)
		require.NoError(t, err)
		return key
	}
	early := extract(nil, make([]byte, size))
	handshake := extract(derive(early, "derived", ""), secret)
	return trafficSecrets{
		Client: derive(handshake, "c hs traffic", transcript),
		Server: derive(handshake, "s hs traffic", transcript),
	}
}
