package wire

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
)

// pack writes datagrams as a fuzzer's bytes, unpack reads them: direction and time, a length, the payload.
func pack(datagrams []Datagram) []byte {
	var b cryptobyte.Builder
	var last time.Duration
	for _, d := range datagrams {
		b.AddUint8(uint8(d.Dir) | uint8(min(127, (d.At-last)/time.Millisecond))<<1)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(d.Payload) })
		last = d.At
	}
	return b.BytesOrPanic()
}

func unpack(data []byte) (datagrams []Datagram) {
	s := cryptobyte.String(data)
	var at time.Duration
	for {
		var control uint8
		var payload cryptobyte.String
		if !s.ReadUint8(&control) || !s.ReadUint16LengthPrefixed(&payload) {
			return datagrams
		}
		at += time.Duration(control>>1) * time.Millisecond
		datagrams = append(datagrams, Datagram{At: at, Dir: Direction(control & 1), Payload: payload})
	}
}

// checkLedger holds a ledger against what can not be otherwise, whatever the datagrams say.
func checkLedger(t *testing.T, l Ledger, datagrams []Datagram) {
	t.Helper()
	var count, size [2]int
	for _, d := range datagrams {
		count[d.Dir]++
		size[d.Dir] += len(d.Payload)
	}
	fields := reflect.ValueOf(l)
	for i := range fields.NumField() {
		if f := fields.Field(i); f.Kind() == reflect.Int {
			require.GreaterOrEqual(t, f.Int(), int64(0), fields.Type().Field(i).Name)
		}
	}
	atMost := func(limit int, values ...int) {
		t.Helper()
		for _, v := range values {
			require.LessOrEqual(t, v, limit)
		}
	}
	atMost(count[ClientToServer], l.ClientDatagrams, l.ConfirmedClientDatagrams, l.ClientInitialDatagrams, l.PTOs, l.ConfirmedPTOs)
	atMost(count[ServerToClient], l.ServerDatagrams, l.ConfirmedServerDatagrams, l.ServerFlightDatagrams)
	atMost(size[ClientToServer], l.ClientBytes, l.ConfirmedClientBytes, l.ClientHelloBytes)
	atMost(size[ServerToClient], l.ServerBytes, l.ConfirmedServerBytes, l.ServerFlightBytes, l.ServerHelloBytes, l.CertificateBytes)
	atMost(l.ClientBytes, l.ClientPaddingBytes+l.ClientCryptoBytes)
	atMost(l.ServerBytes, l.ServerPaddingBytes+l.ServerCryptoBytes)
	atMost(l.ClientCryptoBytes, l.ClientRepeatedCryptoBytes)
	atMost(l.ServerCryptoBytes, l.ServerRepeatedCryptoBytes)
	atMost(l.ClientDatagrams, l.ClientAckOnlyDatagrams)
	atMost(l.ServerDatagrams, l.ServerAckOnlyDatagrams)
	atMost(l.ConfirmedPTOs, l.PTOs)
	atMost(l.ClientHelloBytes, l.ClientHelloGreaseBytes, l.ClientShareBytes)
	require.Equal(t, 28*(l.ClientDatagrams+l.ServerDatagrams), l.HeaderBytes4)
	if !l.Confirmed {
		require.Zero(t, l.ConfirmedClientDatagrams+l.ConfirmedServerDatagrams+l.ConfirmedClientBytes+l.ConfirmedServerBytes)
	}
}

// readTwice reads datagrams, and checks what holds for any.
func readTwice(t *testing.T, datagrams []Datagram, keylog []byte) {
	t.Helper()
	before := pack(datagrams)
	l, err := Read(datagrams, keylog)
	checkLedger(t, l, datagrams)
	if err == nil {
		require.Positive(t, l.ClientHelloBytes)
	}
	again, _ := Read(datagrams, keylog)
	require.Equal(t, l, again)
	require.Equal(t, before, pack(datagrams), "reading must not write")
}

func FuzzRead(f *testing.F) {
	for name := range recorded {
		datagrams, keylog := parseHandshake(f, name)
		f.Add(pack(datagrams), keylog)
	}
	f.Fuzz(func(t *testing.T, data, keylog []byte) { readTwice(t, unpack(data), keylog) })
}

// FuzzReadSealed gets past the encryption: the fuzzer writes frames, and this protects them with the right keys. Each
// unit of its bytes is a packet: control (direction, packet number space, whether it begins a datagram) and length.
func FuzzReadSealed(f *testing.F) {
	const begin, toClient, handshake, application = 1, 2, 1 << 2, 2 << 2
	unit := func(control uint8, frames []byte) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{control}, uint16(len(frames))), frames...)
	}
	hellos := slices.Concat(unit(begin, sample(f, "client_payload")), unit(begin|toClient, sample(f, "server_payload")))
	finished := append([]byte{frameCrypto, 0, 36, typeFinished, 0, 0, 32}, make([]byte, 32)...)
	f.Add(hellos)
	f.Add(slices.Concat(hellos, unit(toClient|handshake, finished), unit(begin|handshake, finished), unit(begin|toClient|application, []byte{frameHandshakeDone})))
	f.Add(slices.Concat(hellos, unit(begin|handshake, []byte{framePing}), unit(begin, sample(f, "client_payload")), unit(begin|toClient, []byte{frameAck, 2, 0, 0, 0})))
	for _, frame := range allFrames {
		f.Add(slices.Concat(hellos, unit(begin|toClient|application, unhex(f, frame.hex))))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		datagrams := sealUnits(t, data)
		msg, complete, _ := ClientHelloOf(payloads(datagrams, ClientToServer))
		var keylog []byte
		if complete {
			keylog = fixedKeyLog(clientRandom(msg))
		}
		readTwice(t, datagrams, keylog)
	})
}

// fixedSecret is the traffic secret of a direction and space of FuzzReadSealed.
func fixedSecret(dir, s int) []byte { return bytes.Repeat([]byte{byte(dir<<4 | s)}, 32) }

func fixedKeyLog(random []byte) (keylog []byte) {
	for dir := range 2 {
		keylog = fmt.Appendf(keylog, "%s %x %x\n", handshakeLabels[dir], random, fixedSecret(dir, int(spaceHandshake)))
		keylog = fmt.Appendf(keylog, "%s %x %x\n", applicationLabels[dir], random, fixedSecret(dir, int(spaceApplication)))
	}
	return keylog
}

func sealUnits(t *testing.T, data []byte) (datagrams []Datagram) {
	dcid := unhex(t, sampleDCID)
	initial := newInitialKeys(dcid)
	ids := [2][]byte{ClientToServer: []byte("client"), ServerToClient: []byte("server")}
	s := cryptobyte.String(data)
	for pn := int64(0); pn < 64; pn++ {
		var control uint8
		var frames cryptobyte.String
		if !s.ReadUint8(&control) || !s.ReadUint16LengthPrefixed(&frames) {
			break
		}
		dir, in := Direction(control>>1&1), space(control>>2&3)%spaces
		k := initial[dir]
		if in != spaceInitial {
			var err error
			k, err = newKeys(tls.TLS_AES_128_GCM_SHA256, fixedSecret(int(dir), int(in)))
			require.NoError(t, err)
		}
		var packet []byte
		switch to := ids[dir.reverse()]; in {
		case spaceInitial:
			packet = sealLong(k, kindInitial, dcid, ids[dir], pn, frames)
		case spaceHandshake:
			packet = sealLong(k, kindHandshake, to, ids[dir], pn, frames)
		default:
			packet = k.seal(append(append([]byte{0x40}, to...), byte(pn)), 1, pn, frames)
		}
		if last := len(datagrams) - 1; control&1 == 0 && last >= 0 && datagrams[last].Dir == dir {
			datagrams[last].Payload = append(datagrams[last].Payload, packet...)
			continue
		}
		datagrams = append(datagrams, Datagram{At: time.Duration(control>>4) * time.Millisecond, Dir: dir, Payload: packet})
	}
	return datagrams
}

func FuzzClientHelloOf(f *testing.F) {
	for name := range recorded {
		datagrams, _ := parseHandshake(f, name)
		f.Add(pack(datagrams))
	}
	f.Add(pack([]Datagram{{Payload: sample(f, "client_initial")}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		msg, complete, err := ClientHelloOf(payloads(unpack(data), ClientToServer))
		switch {
		case err != nil:
			require.Nil(t, msg)
			require.False(t, complete)
		case complete:
			require.Equal(t, byte(typeClientHello), msg[0])
			require.Len(t, msg, 4+int(binary.BigEndian.Uint32(msg)&0xffffff))
		case len(msg) >= 4:
			require.Less(t, len(msg), 4+int(binary.BigEndian.Uint32(msg)&0xffffff))
		}
	})
}
