package wire

import (
	"bytes"
	"crypto/tls"
	"errors"

	"pqbench/kex"
)

// ErrForeignKeyLog means that the key log holds secrets, but none of this connection.
var ErrForeignKeyLog = errors.New("the key log has no secret of this connection: pass what its own tls.Config.KeyLogWriter received")

// Bytes of IP and UDP headers around each datagram, without IP options (RFC 791, RFC 8200, RFC 768).
const (
	headerBytes4 = 20 + 8
	headerBytes6 = 40 + 8
)

// Ledger is what one QUIC handshake cost on the wire, seen from the client's socket.
//
// Sizes are bytes. Those of messages are TLS handshake messages with their 4-byte header; those of datagrams are
// UDP payload. A message that was not seen has size 0.
//
// Unless a field says otherwise, it counts through completion: through the client datagram that carries the client's
// Finished, and of the server's datagrams those that the client's socket had received by then. When Complete is
// false, it counts everything up to confirmation or the last datagram given.
type Ledger struct {
	Complete  bool // the client's whole Finished was sent
	Confirmed bool // and the client received HANDSHAKE_DONE

	Group       tls.CurveID // named group of the ServerHello, 0 without one
	CipherSuite uint16      // of the ServerHello, 0 without one

	ClientHelloBytes         int // the first one; see the package comment for why it varies
	ClientHelloGreaseBytes   int // of these, reserved transport parameters of random size
	SecondClientHelloBytes   int // the answer to a HelloRetryRequest
	HelloRetryRequestBytes   int
	ServerHelloBytes         int // the final one
	ClientShareBytes         int // key_exchange of all shares of the first ClientHello together
	ServerShareBytes         int // key_exchange of the ServerHello
	EncryptedExtensionsBytes int // from here on only with the key log
	CertificateRequestBytes  int
	CertificateBytes         int // the server's Certificate
	CertificateVerifyBytes   int // the server's; varies by 2 or so with ECDSA
	ServerFinishedBytes      int

	// ClientInitialDatagrams is the client's first flight: datagrams that carry the first ClientHello, until all of
	// it has been sent once. Repeats (after a PTO, a loss or a Retry) are not counted.
	ClientInitialDatagrams int
	// ServerFlightDatagrams and ServerFlightBytes are the received datagrams that brought something new of the
	// server's messages from ServerHello through Finished. The anti-amplification limit or a loss may have spread
	// them over several round trips, which is not told here: one end does not see what the other had heard. 0
	// unless the whole flight arrived and the key log opens it.
	ServerFlightDatagrams, ServerFlightBytes int

	ClientDatagrams, ServerDatagrams int
	ClientBytes, ServerBytes         int
	HeaderBytes4                     int // IPv4 and UDP headers of all these datagrams, 28 bytes each; not in any other field
	HeaderBytes6                     int // the same over IPv6, 48 bytes each

	ClientPaddingBytes, ServerPaddingBytes               int // PADDING frames, and zero bytes behind the last packet
	ClientCryptoBytes, ServerCryptoBytes                 int // data of CRYPTO frames, repeats included
	ClientRepeatedCryptoBytes, ServerRepeatedCryptoBytes int // of these, what the tap had seen before (a Retry starts anew)
	ClientAckOnlyDatagrams, ServerAckOnlyDatagrams       int // datagrams whose packets say nothing but ACK and PADDING
	ConfirmedClientDatagrams, ConfirmedServerDatagrams   int // through the datagram with HANDSHAKE_DONE; 0 unless Confirmed
	ConfirmedClientBytes, ConfirmedServerBytes           int

	HelloRetryRequests int
	Retries            int // 1 when the client had to obey a Retry: it obeys one at most, however many arrive

	// PTOs counts the client's probes: the times it repeated CRYPTO data that could not have been declared lost, for
	// want of an acknowledgement of anything later, or sent a PING without any (RFC 9002 section 6.2.4). Probes less than
	// a millisecond apart, the timer's granularity, are one. ConfirmedPTOs counts on until confirmation.
	PTOs, ConfirmedPTOs int

	// LostClientPackets counts the Initial and Handshake packets that the server never acknowledged although it
	// acknowledged a later one; LostServerPackets those that never arrived although a later one did (with quic-go, which
	// numbers all packets in one sequence, 1-RTT packets between them too). Both are judged by everything up to
	// confirmation. What they can not see, the package comment tells.
	LostClientPackets, LostServerPackets int

	// Undecrypted counts, up to confirmation, the packets that could not be read: no key for them, another QUIC
	// version, damaged, or not QUIC. A stateless reset and a packet after a key update look like that too.
	Undecrypted int
}

// Read keeps the ledger of one connection from the datagrams of a tap at its client, in order. keylog is the
// connection's key log in NSS format (SSLKEYLOGFILE, RFC 9850); lines of other connections do no harm.
//
// Without a key log, or when the connection got nowhere, the ledger holds what the Initials tell. The error is
// ErrNoClientHello when there is nothing to tell, ErrForeignKeyLog when the key log belongs to other connections, and
// otherwise about a ClientHello or ServerHello that does not parse; the ledger is filled in as far as it went.
func Read(datagrams []Datagram, keylog []byte) (Ledger, error) {
	var l Ledger
	t := newTrace(datagrams)
	hellos := t.messages(ClientToServer, spaceInitial)
	if len(hellos) == 0 || hellos[0].typ != typeClientHello {
		return l, ErrNoClientHello
	}
	err := l.readHellos(hellos, t.messages(ServerToClient, spaceInitial))
	secrets := parseKeyLog(keylog, clientRandom(hellos[0].raw))
	if len(secrets) == 0 && len(bytes.TrimSpace(keylog)) > 0 {
		err = errors.Join(err, ErrForeignKeyLog)
	}
	t.install(l.CipherSuite, secrets)
	l.Confirmed = t.openProtected()
	if t.opener.retrySCID != nil {
		l.Retries = 1
	}
	l.readFlight(t.messages(ServerToClient, spaceHandshake))
	l.count(t)
	return l, err
}

// readHellos fills in what the unprotected messages say.
func (l *Ledger) readHellos(client, server []message) error {
	hello, err := kex.ParseClientHello(client[0].raw)
	if err != nil {
		return err
	}
	l.ClientHelloBytes = hello.Size
	l.ClientHelloGreaseBytes = greaseBytes(client[0].raw)
	for _, share := range hello.KeyShares {
		l.ClientShareBytes += share.Size
	}
	if len(client) > 1 {
		l.SecondClientHelloBytes = len(client[1].raw)
	}
	for _, m := range server {
		if err := l.readServerHello(m); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) readServerHello(m message) error {
	hello, err := kex.ParseServerHello(m.raw)
	if err != nil {
		return err
	}
	l.CipherSuite = hello.CipherSuite
	if hello.HelloRetryRequest {
		l.HelloRetryRequests++
		l.HelloRetryRequestBytes = hello.Size
		return nil
	}
	l.Group, l.ServerHelloBytes, l.ServerShareBytes = hello.Group, hello.Size, hello.ShareSize
	return nil
}

// readFlight fills in the sizes of the server's protected messages.
func (l *Ledger) readFlight(messages []message) {
	l.EncryptedExtensionsBytes = len(ofType(messages, typeEncryptedExtensions).raw)
	l.CertificateRequestBytes = len(ofType(messages, typeCertificateRequest).raw)
	l.CertificateBytes = len(ofType(messages, typeCertificate).raw)
	l.CertificateVerifyBytes = len(ofType(messages, typeCertificateVerify).raw)
	l.ServerFinishedBytes = len(ofType(messages, typeFinished).raw)
}
