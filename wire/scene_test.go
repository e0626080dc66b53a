package wire

import (
	"crypto/tls"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// scene is a connection written by hand, for what quic-go does not do.
type scene struct {
	t         *testing.T
	initial   [2]*keys
	dcid      []byte // of the client's Initials
	pn        int64
	datagrams []Datagram
}

func newScene(t *testing.T) *scene {
	s := &scene{t: t}
	s.rekey(unhex(t, sampleDCID))
	return s
}

func (s *scene) rekey(dcid []byte) { s.dcid, s.initial = dcid, newInitialKeys(dcid) }

func (s *scene) send(dir Direction, packets ...[]byte) {
	s.datagrams = append(s.datagrams, Datagram{Dir: dir, Payload: slices.Concat(packets...)})
}

// long makes a packet of the kind with the frames in it, its number the next of one sequence.
func (s *scene) long(dir Direction, kind kind, frames ...[]byte) []byte {
	k := s.initial[dir]
	if kind == kindHandshake {
		var err error
		k, err = newKeys(tls.TLS_AES_128_GCM_SHA256, fixedSecret(int(dir), int(spaceHandshake)))
		require.NoError(s.t, err)
	}
	s.pn++
	return sealLong(k, kind, s.dcid, []byte("source"), s.pn-1, slices.Concat(frames...))
}

// retry makes a Retry packet for the connection, with a right integrity tag.
func (s *scene) retry(originalDCID, scid []byte) []byte {
	raw := append([]byte{0xf0, 0, 0, 0, version1, 0, byte(len(scid))}, scid...)
	raw = append(raw, "token"...)
	aead, err := newGCM(retryKey)
	require.NoError(s.t, err)
	return aead.Seal(raw, retryNonce, nil, slices.Concat([]byte{byte(len(originalDCID))}, originalDCID, raw))
}

// cryptoBytes makes a CRYPTO frame.
func cryptoBytes(offset int, data []byte) []byte {
	return append([]byte{frameCrypto, 0x40 | byte(offset>>8), byte(offset), 0x40 | byte(len(data)>>8), byte(len(data))}, data...)
}

// sampleHellos are the messages of RFC 9001 appendix A.
func sampleHellos(t *testing.T) (client, server []byte) {
	const clientFrame, ack, serverFrame = 4, 5, 4
	return sample(t, "client_payload")[clientFrame:], sample(t, "server_payload")[ack+serverFrame:]
}

func (s *scene) read() Ledger {
	s.t.Helper()
	hello, _ := sampleHellos(s.t)
	l, err := Read(s.datagrams, fixedKeyLog(clientRandom(hello)))
	require.NoError(s.t, err)
	checkLedger(s.t, l, s.datagrams)
	return l
}

func TestSceneForgedRetry(t *testing.T) {
	s := newScene(t)
	hello, _ := sampleHellos(t)
	s.send(ClientToServer, s.long(ClientToServer, kindInitial, cryptoBytes(0, hello)))
	forged := s.retry(s.dcid, []byte("elsewhere"))
	forged[len(forged)-1] ^= 1
	s.send(ServerToClient, forged)
	s.rekey([]byte("elsewhere"))
	s.send(ClientToServer, s.long(ClientToServer, kindInitial, cryptoBytes(0, hello)))
	l := s.read()
	require.Zero(t, l.Retries)
	require.Equal(t, 2, l.Undecrypted, "the Retry, and the Initial with keys of nobody")
}

func TestSceneSecondRetry(t *testing.T) {
	for _, obeyed := range []string{"first", "second"} {
		s := newScene(t)
		hello, _ := sampleHellos(t)
		s.send(ClientToServer, s.long(ClientToServer, kindInitial, cryptoBytes(0, hello)))
		s.send(ServerToClient, s.retry(s.dcid, []byte("first")))
		s.send(ServerToClient, s.retry(s.dcid, []byte("second")))
		s.rekey([]byte(obeyed))
		s.send(ClientToServer, s.long(ClientToServer, kindInitial, cryptoBytes(0, hello)))
		l := s.read()
		require.Equal(t, 1, l.Retries)
		require.Equal(t, obeyed == "second", l.Undecrypted > 0, "a client obeys the first Retry only")
		require.Zero(t, l.ClientRepeatedCryptoBytes)
	}
}

// TestSceneRetryOfHalfAHello: the Retry comes when only half of the ClientHello was sent, and the next attempt says
// something else.
func TestSceneRetryOfHalfAHello(t *testing.T) {
	s := newScene(t)
	hello, _ := sampleHellos(t)
	other := slices.Clone(hello)
	other[messageHeaderLen+2+randomLen+1] ^= 0xff // in the cipher suites, before the cut
	s.send(ClientToServer, s.long(ClientToServer, kindInitial, cryptoBytes(0, other[:100])))
	s.send(ServerToClient, s.retry(s.dcid, []byte("new")))
	s.rekey([]byte("new"))
	s.send(ClientToServer, s.long(ClientToServer, kindInitial, cryptoBytes(0, hello[:100])))
	s.send(ClientToServer, s.long(ClientToServer, kindInitial, cryptoBytes(100, hello[100:])))
	l := s.read()
	require.Equal(t, 2, l.ClientInitialDatagrams)
	require.Equal(t, len(hello), l.ClientHelloBytes)
	require.Zero(t, l.LostClientPackets+l.PTOs+l.Undecrypted)

	require.Equal(t, hello, newTrace(s.datagrams).messages(ClientToServer, spaceInitial)[0].raw)
	msg, complete, err := ClientHelloOf(payloads(s.datagrams, ClientToServer))
	require.NoError(t, err)
	require.True(t, complete)
	require.Equal(t, hello, msg)
}

// TestSceneTwoPartFinished: a client's Finished may be cut, and the handshake is complete with its last byte only.
func TestSceneTwoPartFinished(t *testing.T) {
	s := newScene(t)
	client, server := sampleHellos(t)
	s.send(ClientToServer, s.long(ClientToServer, kindInitial, cryptoBytes(0, client)))
	s.send(ServerToClient, s.long(ServerToClient, kindInitial, cryptoBytes(0, server)))
	finished := append([]byte{typeFinished, 0, 0, 32}, make([]byte, 32)...)
	s.send(ClientToServer, s.long(ClientToServer, kindHandshake, cryptoBytes(20, finished[20:])))
	s.send(ClientToServer, s.long(ClientToServer, kindHandshake, cryptoBytes(0, finished[:10])))
	s.send(ClientToServer, s.long(ClientToServer, kindHandshake, cryptoBytes(10, finished[10:20])))
	s.send(ClientToServer, s.long(ClientToServer, kindHandshake, []byte{framePing}))
	l := s.read()
	require.True(t, l.Complete)
	require.Equal(t, 4, l.ClientDatagrams)
	require.Zero(t, l.PTOs)
	require.Equal(t, 1, l.ConfirmedPTOs, "a PING without data")
}

func TestSceneAckOnly(t *testing.T) {
	s := newScene(t)
	client, server := sampleHellos(t)
	ack := []byte{frameAck, 0, 0, 0, 0}
	s.send(ClientToServer, s.long(ClientToServer, kindInitial, cryptoBytes(0, client)))
	s.send(ServerToClient, s.long(ServerToClient, kindInitial, ack))
	s.send(ServerToClient, s.long(ServerToClient, kindInitial, cryptoBytes(0, server)), s.long(ServerToClient, kindHandshake, ack))
	s.send(ServerToClient, s.long(ServerToClient, kindInitial, ack), []byte("\x40closed by keys of nobody"))
	s.send(ServerToClient, s.long(ServerToClient, kindInitial, ack), make([]byte, 7))
	l := s.read()
	require.Equal(t, 2, l.ServerAckOnlyDatagrams, "not those with CRYPTO or with what nobody can read")
	require.Equal(t, 7, l.ServerPaddingBytes, "zero bytes behind the last packet")
	require.Equal(t, 1, l.Undecrypted)
}
