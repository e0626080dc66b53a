package kex

import (
	"crypto/tls"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"
)

// Handshake message types (RFC 8446, Section 4).
const (
	typeClientHello uint8 = 1
	typeServerHello uint8 = 2
)

// Extension types that are read here; those without a comment are of RFC 8446,
// Section 4.2.
const (
	extensionServerName              uint16 = 0 // RFC 6066, Section 3
	extensionSupportedGroups         uint16 = 10
	extensionALPN                    uint16 = 16 // RFC 7301, Section 3.1
	extensionSupportedVersions       uint16 = 43
	extensionKeyShare                uint16 = 51
	extensionQUICTransportParameters uint16 = 57 // RFC 9001, Section 8.2
)

// A ClientHello is what a ClientHello message says and weighs. Sizes are in
// bytes; lists are in the order of the message and keep what is unknown, GREASE
// (RFC 8701) included.
type ClientHello struct {
	Size int // of the whole message, its 4-byte header included

	CipherSuites      []uint16
	SupportedVersions []uint16      // nil without the extension: TLS 1.2 or older
	Groups            []tls.CurveID // supported_groups
	KeyShares         []KeyShare
	SNI               string // "" if none
	ALPN              []string
	Extensions        []Extension // all of them, those decoded above too

	// QUICTransportParametersSize is that of the parameters, without the header
	// of the extension; 0 if there are none. quic-go pads them at random, by up
	// to 15 bytes: Size less this is exact.
	QUICTransportParametersSize int
}

// A KeyShare is one entry of the key_share extension.
type KeyShare struct {
	Group tls.CurveID
	Size  int // bytes of key_exchange
}

// An Extension is one extension of a hello message.
type Extension struct {
	Type uint16
	Size int // bytes of extension_data, without the 4-byte header
}

// ParseClientHello reads a ClientHello handshake message (RFC 8446, Section
// 4.1.2), which starts at its 4-byte header and fills msg. The error for a
// message that msg holds only the beginning of wraps [io.ErrUnexpectedEOF].
func ParseClientHello(msg []byte) (ClientHello, error) {
	body, err := handshakeBody(msg, typeClientHello)
	if err != nil {
		return ClientHello{}, fmt.Errorf("client hello: %w", err)
	}
	hello := ClientHello{Size: len(msg)}
	var sessionID, suites, compression, extensions cryptobyte.String
	if !body.Skip(2+32) || // legacy_version, random
		!body.ReadUint8LengthPrefixed(&sessionID) ||
		!body.ReadUint16LengthPrefixed(&suites) ||
		!readList(suites, &hello.CipherSuites) ||
		!body.ReadUint8LengthPrefixed(&compression) {
		return ClientHello{}, fmt.Errorf("client hello: malformed before its extensions")
	}
	if body.Empty() { // TLS 1.2 and older may end here
		return hello, nil
	}
	if !body.ReadUint16LengthPrefixed(&extensions) || !body.Empty() {
		return ClientHello{}, fmt.Errorf("client hello: extensions do not fill the message")
	}
	hello.Extensions, err = readExtensions(extensions, hello.read)
	if err != nil {
		return ClientHello{}, fmt.Errorf("client hello: %w", err)
	}
	return hello, nil
}

// read decodes the extensions of interest. ok is false when one is malformed.
func (hello *ClientHello) read(extension uint16, data cryptobyte.String) (ok bool) {
	var list cryptobyte.String
	switch extension {
	case extensionServerName:
		return data.ReadUint16LengthPrefixed(&list) && data.Empty() && hello.readServerNames(list)
	case extensionSupportedGroups:
		return data.ReadUint16LengthPrefixed(&list) && data.Empty() && !list.Empty() && readList(list, &hello.Groups)
	case extensionALPN:
		return data.ReadUint16LengthPrefixed(&list) && data.Empty() && !list.Empty() && hello.readALPN(list)
	case extensionSupportedVersions:
		return data.ReadUint8LengthPrefixed(&list) && data.Empty() && !list.Empty() && readList(list, &hello.SupportedVersions)
	case extensionKeyShare:
		return data.ReadUint16LengthPrefixed(&list) && data.Empty() && hello.readKeyShares(list)
	case extensionQUICTransportParameters:
		hello.QUICTransportParametersSize = len(data)
	}
	return true
}

func (hello *ClientHello) readServerNames(list cryptobyte.String) bool {
	ok := !list.Empty()
	for ok && !list.Empty() {
		var kind uint8
		var name cryptobyte.String
		ok = list.ReadUint8(&kind) && list.ReadUint16LengthPrefixed(&name) && !name.Empty()
		if ok && kind == 0 { // host_name, at most one
			ok = hello.SNI == ""
			hello.SNI = string(name)
		}
	}
	return ok
}

func (hello *ClientHello) readALPN(list cryptobyte.String) bool {
	for !list.Empty() {
		var protocol cryptobyte.String
		if !list.ReadUint8LengthPrefixed(&protocol) || protocol.Empty() {
			return false
		}
		hello.ALPN = append(hello.ALPN, string(protocol))
	}
	return true
}

// readKeyShares accepts an empty list, which asks for a HelloRetryRequest.
func (hello *ClientHello) readKeyShares(list cryptobyte.String) bool {
	for !list.Empty() {
		share, ok := readKeyShare(&list)
		if !ok {
			return false
		}
		hello.KeyShares = append(hello.KeyShares, share)
	}
	return true
}

func readKeyShare(s *cryptobyte.String) (KeyShare, bool) {
	var group uint16
	var share cryptobyte.String
	ok := s.ReadUint16(&group) && s.ReadUint16LengthPrefixed(&share) && !share.Empty()
	return KeyShare{tls.CurveID(group), len(share)}, ok
}

// handshakeBody checks the header of a handshake message and that the message
// fills msg, and returns what follows the header.
func handshakeBody(msg []byte, want uint8) (cryptobyte.String, error) {
	s := cryptobyte.String(msg)
	var kind uint8
	var length uint32
	if !s.ReadUint8(&kind) || !s.ReadUint24(&length) {
		return nil, fmt.Errorf("%d bytes are less than a handshake header: %w", len(msg), io.ErrUnexpectedEOF)
	}
	if kind != want {
		return nil, fmt.Errorf("handshake message has type %d, want %d", kind, want)
	}
	if len(s) < int(length) {
		return nil, fmt.Errorf("%d bytes of %d: %w", len(msg), 4+length, io.ErrUnexpectedEOF)
	}
	if len(s) > int(length) {
		return nil, fmt.Errorf("%d bytes follow the message", len(s)-int(length))
	}
	return s, nil
}

// readExtensions walks a list of extensions, none of which may appear twice, and
// hands each to read.
func readExtensions(s cryptobyte.String, read func(uint16, cryptobyte.String) bool) ([]Extension, error) {
	var extensions []Extension
	seen := make(map[uint16]bool)
	for !s.Empty() {
		var kind uint16
		var data cryptobyte.String
		if !s.ReadUint16(&kind) || !s.ReadUint16LengthPrefixed(&data) {
			return nil, fmt.Errorf("extension %d of the list is cut short", len(extensions)+1)
		}
		if seen[kind] {
			return nil, fmt.Errorf("extension %d appears twice", kind)
		}
		seen[kind] = true
		extensions = append(extensions, Extension{kind, len(data)})
		if !read(kind, data) {
			return nil, fmt.Errorf("extension %d is malformed", kind)
		}
	}
	return extensions, nil
}

// readList appends the 16-bit numbers of s to list.
func readList[T ~uint16](s cryptobyte.String, list *[]T) bool {
	for !s.Empty() {
		var v uint16
		if !s.ReadUint16(&v) {
			return false
		}
		*list = append(*list, T(v))
	}
	return true
}
