package wire

import (
	"errors"

	"golang.org/x/crypto/cryptobyte"
)

// ErrNoClientHello means that the datagrams hold no complete ClientHello in Initial packets of QUIC version 1.
var ErrNoClientHello = errors.New("no complete ClientHello in QUIC version 1 Initials: record from the first datagram on, at the client's socket")

// ClientHelloOf puts the first ClientHello together from a client's datagrams, as a middlebox on the path can: it
// needs no key log and reads nothing but Initial packets, across datagrams, in any order of CRYPTO frames. After a
// Retry it goes by the last attempt. Datagrams of the server are passed over.
//
// msg is the TLS handshake message with its 4-byte header. While complete is false it is only the beginning that
// has arrived without a gap, possibly empty. The error is ErrNoClientHello when no datagram holds an Initial that
// opens, or when the stream does not begin with a ClientHello.
func ClientHelloOf(datagrams [][]byte) (msg []byte, complete bool, err error) {
	o := newOpener()
	o.anyRetry = true
	var pieces []cryptoFrame
	epoch := 0
	for _, d := range datagrams {
		packets, _ := splitDatagram(d)
		for i := range packets {
			p := &packets[i]
			if p.kind != kindInitial || !o.open(ClientToServer, p) {
				continue
			}
			if p.epoch > epoch {
				pieces, epoch = nil, p.epoch
			}
			pieces = append(pieces, p.frames.crypto...)
		}
	}
	msg, complete = firstMessage(assemble(pieces))
	if o.originalDCID == nil || len(msg) > 0 && msg[0] != typeClientHello {
		return nil, false, ErrNoClientHello
	}
	return msg, complete, nil
}

const randomLen = 32

// clientRandom returns the Random of a ClientHello, which names the connection in a key log.
func clientRandom(clientHello []byte) []byte {
	s := cryptobyte.String(clientHello)
	var random []byte
	if !s.Skip(messageHeaderLen+2) || !s.ReadBytes(&random, randomLen) {
		return nil
	}
	return random
}

// greaseBytes returns the bytes that reserved transport parameters take in a ClientHello, identifiers and lengths
// included (RFC 9000 section 18.1).
func greaseBytes(clientHello []byte) (n int) {
	s := transportParameters(clientHello)
	for !s.Empty() {
		before := len(s)
		var id uint64
		var value []byte
		if !readVarint(&s, &id) || !readBlock(&s, &value) {
			return n
		}
		if id%31 == 27 {
			n += before - len(s)
		}
	}
	return n
}

// transportParameters returns the quic_transport_parameters extension of a ClientHello, empty when there is none
// (RFC 9001 section 8.2).
func transportParameters(clientHello []byte) cryptobyte.String {
	const quicTransportParameters = 57
	s := cryptobyte.String(clientHello)
	var sessionID, suites, compression, extensions cryptobyte.String
	if !s.Skip(messageHeaderLen+2+randomLen) || !s.ReadUint8LengthPrefixed(&sessionID) ||
		!s.ReadUint16LengthPrefixed(&suites) || !s.ReadUint8LengthPrefixed(&compression) ||
		!s.ReadUint16LengthPrefixed(&extensions) {
		return nil
	}
	for !extensions.Empty() {
		var id uint16
		var body cryptobyte.String
		if !extensions.ReadUint16(&id) || !extensions.ReadUint16LengthPrefixed(&body) {
			return nil
		}
		if id == quicTransportParameters {
			return body
		}
	}
	return nil
}
