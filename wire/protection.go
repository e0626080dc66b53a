package wire

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	_ "crypto/sha512" // SHA-384 of TLS_AES_256_GCM_SHA384
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/cryptobyte"
)

const (
	ivLen     = 12 // nonce length of every AEAD of TLS 1.3
	tagLen    = 16 // and their tag
	sampleLen = 16 // RFC 9001 section 5.4.2
	maxPNLen  = 4
)

// initialSalt is the salt of version 1 (RFC 9001 section 5.2).
var initialSalt = []byte{
	0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
	0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a,
}

// errNotOpened is the one reason why a packet stays closed: which of its bits is wrong can not be told.
var errNotOpened = errors.New("packet does not open with these keys")

// keys opens the packets of one direction at one encryption level.
type keys struct {
	aead cipher.AEAD
	iv   []byte
	mask func(sample []byte) [1 + maxPNLen]byte // header protection (RFC 9001 section 5.4.1)
}

// newKeys derives packet protection keys from a traffic secret (RFC 9001 section 5.1).
func newKeys(suite uint16, secret []byte) (*keys, error) {
	hash, keyLen := crypto.SHA256, 16
	switch suite {
	case tls.TLS_AES_128_GCM_SHA256:
	case tls.TLS_AES_256_GCM_SHA384:
		hash, keyLen = crypto.SHA384, 32
	case tls.TLS_CHACHA20_POLY1305_SHA256:
		keyLen = chacha20poly1305.KeySize
	default:
		return nil, fmt.Errorf("cipher suite %#04x has no packet protection here", suite)
	}
	if len(secret) != hash.Size() {
		return nil, fmt.Errorf("traffic secret of %d bytes, %s needs %d", len(secret), tls.CipherSuiteName(suite), hash.Size())
	}
	key := expandLabel(hash, secret, "quic key", keyLen)
	hp := expandLabel(hash, secret, "quic hp", keyLen)
	k := &keys{iv: expandLabel(hash, secret, "quic iv", ivLen)}
	var err error
	if suite == tls.TLS_CHACHA20_POLY1305_SHA256 {
		k.mask = chachaMask(hp)
		k.aead, err = chacha20poly1305.New(key)
	} else {
		k.mask = aesMask(hp)
		k.aead, err = newGCM(key)
	}
	return k, err
}

// newInitialKeys derives the keys of Initial packets from the Destination Connection ID of the client's first
// one (RFC 9001 section 5.2), by the direction they travel in.
func newInitialKeys(dcid []byte) [2]*keys {
	secret, err := hkdf.Extract(sha256.New, dcid, initialSalt)
	if err != nil {
		panic(fmt.Sprintf("wire: initial secret: %v", err)) // only FIPS mode refuses inputs, and not of this size
	}
	var pair [2]*keys
	for dir, label := range [2]string{ClientToServer: "client in", ServerToClient: "server in"} {
		pair[dir], err = newKeys(tls.TLS_AES_128_GCM_SHA256, expandLabel(crypto.SHA256, secret, label, sha256.Size))
		if err != nil {
			panic(fmt.Sprintf("wire: initial keys: %v", err)) // suite and length are constants
		}
	}
	return pair
}

// expandLabel is HKDF-Expand-Label with an empty context (RFC 8446 section 7.1).
func expandLabel(hash crypto.Hash, secret []byte, label string, length int) []byte {
	var info cryptobyte.Builder
	info.AddUint16(uint16(length))
	info.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("tls13 " + label)) })
	info.AddUint8(0)
	out, err := hkdf.Expand(hash.New, secret, string(info.BytesOrPanic()), length)
	if err != nil {
		panic(fmt.Sprintf("wire: expand %q: %v", label, err)) // length is a constant below the hash's limit
	}
	return out
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// aesMask is the header protection of the AES suites (RFC 9001 section 5.4.3).
func aesMask(key []byte) func([]byte) [1 + maxPNLen]byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(fmt.Sprintf("wire: header protection: %v", err)) // key lengths are constants
	}
	return func(sample []byte) (mask [1 + maxPNLen]byte) {
		var out [aes.BlockSize]byte
		block.Encrypt(out[:], sample)
		copy(mask[:], out[:])
		return mask
	}
}

// chachaMask is the header protection of ChaCha20 (RFC 9001 section 5.4.4): the sample is counter and nonce.
func chachaMask(key []byte) func([]byte) [1 + maxPNLen]byte {
	return func(sample []byte) (mask [1 + maxPNLen]byte) {
		c, err := chacha20.NewUnauthenticatedCipher(key, sample[4:sampleLen])
		if err != nil {
			panic(fmt.Sprintf("wire: header protection: %v", err)) // key and nonce lengths are constants
		}
		c.SetCounter(binary.LittleEndian.Uint32(sample))
		c.XORKeyStream(mask[:], mask[:])
		return mask
	}
}

// open removes header protection and decrypts (RFC 9001 sections 5.3 and 5.4). raw is left as it is. largest is
// the largest packet number seen so far in this space and direction, -1 for none.
func (k *keys) open(raw []byte, pnOffset int, largest int64) (pn int64, payload []byte, err error) {
	sampleAt := pnOffset + maxPNLen
	if len(raw) < sampleAt+sampleLen {
		return 0, nil, errNotOpened
	}
	mask := k.mask(raw[sampleAt:][:sampleLen])
	header := bytes.Clone(raw[:sampleAt])
	firstMask := byte(0x1f) // protected bits of a short header
	if header[0]&0x80 != 0 {
		firstMask = 0x0f
	}
	header[0] ^= mask[0] & firstMask
	pnLen := int(header[0]&3) + 1
	header = header[:pnOffset+pnLen]
	var truncated int64
	for i := range pnLen {
		header[pnOffset+i] ^= mask[1+i]
		truncated = truncated<<8 | int64(header[pnOffset+i])
	}
	pn = decodePN(largest, truncated, 8*pnLen)
	nonce := bytes.Clone(k.iv)
	for i := range 8 {
		nonce[ivLen-1-i] ^= byte(pn >> (8 * i))
	}
	payload, err = k.aead.Open(nil, nonce, raw[len(header):], header)
	if err != nil {
		return 0, nil, errNotOpened
	}
	return pn, payload, nil
}

// decodePN restores a truncated packet number: the one nearest to the next expected (RFC 9000 appendix A.3).
func decodePN(largest, truncated int64, bits int) int64 {
	expected, window := largest+1, int64(1)<<bits
	pn := expected&^(window-1) | truncated
	switch {
	case pn <= expected-window/2 && pn < 1<<62-window:
		return pn + window
	case pn > expected+window/2 && pn >= window:
		return pn - window
	}
	return pn
}

// Key and nonce of the Retry integrity tag of version 1 (RFC 9001 section 5.8).
var (
	retryKey   = []byte{0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e}
	retryNonce = []byte{0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb}
)

// retryIntact reports whether the integrity tag of a Retry packet is right. A client obeys no other.
func retryIntact(retry, originalDCID []byte) bool {
	if len(retry) < tagLen {
		return false
	}
	aead, err := newGCM(retryKey)
	if err != nil {
		return false
	}
	body, tag := retry[:len(retry)-tagLen], retry[len(retry)-tagLen:]
	pseudo := append([]byte{byte(len(originalDCID))}, originalDCID...)
	_, err = aead.Open(nil, retryNonce, tag, append(pseudo, body...))
	return err == nil
}
