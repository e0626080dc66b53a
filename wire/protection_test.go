package wire

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sample reads a known answer of RFC 9001 appendix A from testdata: hex, white space ignored.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/rfc9001/" + name + ".hex")
	require.NoError(t, err)
	return unhex(t, string(text))
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	require.NoError(t, err)
	return b
}

// The client's first Destination Connection ID in all samples of RFC 9001 appendix A.
const sampleDCID = "8394c8f03e515708"

func TestInitialKeysOfAppendixA1(t *testing.T) {
	pair := newInitialKeys(unhex(t, sampleDCID))
	require.Equal(t, "fa044b2f42a3fd3b46fb255c", hex.EncodeToString(pair[ClientToServer].iv))
	require.Equal(t, "0ac1493ca1905853b0bba03e", hex.EncodeToString(pair[ServerToClient].iv))
	mask := pair[ClientToServer].mask(unhex(t, "d1b1c98dd7689fb8ec11d242b123dc9b"))
	require.Equal(t, "437b9aec36", hex.EncodeToString(mask[:]))
	mask = pair[ServerToClient].mask(unhex(t, "2cd0991cd25b0aac406a5816b6394100"))
	require.Equal(t, "2ec0d8356a", hex.EncodeToString(mask[:]))
}

func TestInitialsOfAppendixA2AndA3(t *testing.T) {
	pair := newInitialKeys(unhex(t, sampleDCID))
	tests := []struct {
		name  string
		dir   Direction
		pn    int64
		plain string // testdata: the frames, without PADDING
		size  int    // of the payload, PADDING included
	}{
		{"client_initial", ClientToServer, 2, "client_payload", 1162},
		{"server_initial", ServerToClient, 1, "server_payload", 99},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			packets, padding := splitDatagram(sample(t, test.name))
			require.Len(t, packets, 1)
			require.Zero(t, padding)
			require.Equal(t, kindInitial, packets[0].kind)
			pn, payload, err := pair[test.dir].open(packets[0].raw, packets[0].pnOffset, -1)
			require.NoError(t, err)
			require.Equal(t, test.pn, pn)
			require.Len(t, payload, test.size)
			plain := sample(t, test.plain)
			require.Equal(t, plain, payload[:len(plain)])
			require.True(t, allZero(payload[len(plain):]), "the rest is PADDING")
		})
	}
}

func TestRetryOfAppendixA4(t *testing.T) {
	retry := sample(t, "retry")
	require.True(t, retryIntact(retry, unhex(t, sampleDCID)))
	require.False(t, retryIntact(retry, unhex(t, "8394c8f03e515709")), "another connection's Retry")
	retry[10] ^= 1
	require.False(t, retryIntact(retry, unhex(t, sampleDCID)), "a damaged Retry")
	require.False(t, retryIntact(retry[:tagLen-1], nil), "a short Retry")
}

func TestChaCha20OfAppendixA5(t *testing.T) {
	k, err := newKeys(tls.TLS_CHACHA20_POLY1305_SHA256, unhex(t, "9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b"))
	require.NoError(t, err)
	require.Equal(t, "e0459b3474bdd0e44a41c144", hex.EncodeToString(k.iv))
	mask := k.mask(unhex(t, "5e5cd55c41f69080575d7999c25a5bfb"))
	require.Equal(t, "aefefe7d03", hex.EncodeToString(mask[:]))
	packet := unhex(t, "4cfe4189655e5cd55c41f69080575d7999c25a5bfb")
	before := bytes.Clone(packet)
	// The sample's packet number needs 3 bytes, so the receiver must have seen something near it.
	pn, payload, err := k.open(packet, 1, 654360563)
	require.NoError(t, err)
	require.Equal(t, int64(654360564), pn)
	require.Equal(t, []byte{framePing}, payload)
	require.Equal(t, before, packet, "opening must not write to the datagram")
}

func TestOpenRefuses(t *testing.T) {
	good := sample(t, "client_initial")
	packets, _ := splitDatagram(good)
	at := packets[0].pnOffset
	damaged := bytes.Clone(good)
	damaged[len(damaged)-1] ^= 1
	pair := newInitialKeys(unhex(t, sampleDCID))
	tests := []struct {
		name string
		keys *keys
		raw  []byte
	}{
		{"damaged", pair[ClientToServer], damaged},
		{"other direction", pair[ServerToClient], good},
		{"other connection", newInitialKeys([]byte("elsewhere"))[ClientToServer], good},
		{"too short to sample", pair[ClientToServer], good[:at+maxPNLen+sampleLen-1]},
		{"shorter than the tag", pair[ClientToServer], good[:at+maxPNLen+sampleLen]},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := test.keys.open(test.raw, at, -1)
			require.ErrorIs(t, err, errNotOpened)
		})
	}
}

func TestNewKeysRefuses(t *testing.T) {
	_, err := newKeys(tls.TLS_AES_256_GCM_SHA384, make([]byte, 32))
	require.ErrorContains(t, err, "traffic secret of 32 bytes, TLS_AES_256_GCM_SHA384 needs 48")
	_, err = newKeys(tls.TLS_RSA_WITH_AES_128_CBC_SHA, make([]byte, 32))
	require.ErrorContains(t, err, "cipher suite 0x002f")
	_, err = newKeys(tls.TLS_AES_128_GCM_SHA256, nil)
	require.ErrorContains(t, err, "traffic secret of 0 bytes")
}

func TestDecodePN(t *testing.T) {
	tests := []struct {
		largest, truncated int64
		bits               int
		want               int64
	}{
		{-1, 0, 8, 0},
		{-1, 2, 32, 2},
		{0xa82f30ea, 0x9b32, 16, 0xa82f9b32}, // RFC 9000 appendix A.3
		{0xfe, 0x01, 8, 0x101},               // forward over the window's edge
		{0x102, 0xff, 8, 0xff},               // and back
		{0x100, 0x00, 8, 0x100},
	}
	for _, test := range tests {
		require.Equal(t, test.want, decodePN(test.largest, test.truncated, test.bits), "largest %#x truncated %#x", test.largest, test.truncated)
	}
}
