package kex

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// A ServerHello is what a ServerHello message, or a HelloRetryRequest, says and
// weighs.
type ServerHello struct {
	Size int // bytes of the whole message, its 4-byte header included

	Version     uint16 // the negotiated one, e.g. tls.VersionTLS13
	CipherSuite uint16

	// Group is the one chosen, or for a HelloRetryRequest the one asked for; 0
	// when the message has no key_share (TLS 1.2, or a pure PSK).
	Group     tls.CurveID
	ShareSize int // bytes of key_exchange; 0 in a HelloRetryRequest

	HelloRetryRequest bool
	Extensions        []Extension
}

// retryRandom marks a HelloRetryRequest (RFC 8446, Section 4.1.3).
var retryRandom = sha256.Sum256([]byte("HelloRetryRequest"))

// ParseServerHello reads a ServerHello or HelloRetryRequest handshake message
// (RFC 8446, Sections 4.1.3 and 4.1.4), which starts at its 4-byte header and
// fills msg. The error for a message that msg holds only the beginning of wraps
// [io.ErrUnexpectedEOF].
func ParseServerHello(msg []byte) (ServerHello, error) {
	body, err := handshakeBody(msg, typeServerHello)
	if err != nil {
		return ServerHello{}, fmt.Errorf("server hello: %w", err)
	}
	hello := ServerHello{Size: len(msg)}
	var random []byte
	var sessionID, extensions cryptobyte.String
	if !body.ReadUint16(&hello.Version) ||
		!body.ReadBytes(&random, 32) ||
		!body.ReadUint8LengthPrefixed(&sessionID) ||
		!body.ReadUint16(&hello.CipherSuite) ||
		!body.Skip(1) { // legacy_compression_method
		return ServerHello{}, fmt.Errorf("server hello: malformed before its extensions")
	}
	hello.HelloRetryRequest = bytes.Equal(random, retryRandom[:])
	if body.Empty() { // TLS 1.2 and older may end here
		return hello, nil
	}
	if !body.ReadUint16LengthPrefixed(&extensions) || !body.Empty() {
		return ServerHello{}, fmt.Errorf("server hello: extensions do not fill the message")
	}
	hello.Extensions, err = readExtensions(extensions, hello.read)
	if err != nil {
		return ServerHello{}, fmt.Errorf("server hello: %w", err)
	}
	return hello, nil
}

// read decodes the extensions of interest. ok is false when one is malformed.
func (hello *ServerHello) read(extension uint16, data cryptobyte.String) (ok bool) {
	switch {
	case extension == extensionSupportedVersions:
		return data.ReadUint16(&hello.Version) && data.Empty()
	case extension == extensionKeyShare && hello.HelloRetryRequest:
		return data.ReadUint16((*uint16)(&hello.Group)) && data.Empty()
	case extension == extensionKeyShare:
		share, ok := readKeyShare(&data)
		hello.Group, hello.ShareSize = share.Group, share.Size
		return ok && data.Empty()
	}
	return true
}
