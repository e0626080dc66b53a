package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
)

// seal protects a packet: the inverse of keys.open. The header ends with a packet number of pnLen bytes.
func (k *keys) seal(header []byte, pnLen int, pn int64, payload []byte) []byte {
	nonce := append([]byte(nil), k.iv...)
	for i := range 8 {
		nonce[ivLen-1-i] ^= byte(pn >> (8 * i))
	}
	for len(payload)+pnLen < maxPNLen {
		payload = append(payload, framePadding) // or there would be nothing to sample
	}
	raw := k.aead.Seal(append([]byte(nil), header...), nonce, payload, header)
	pnOffset := len(header) - pnLen
	mask := k.mask(raw[pnOffset+maxPNLen:][:sampleLen])
	protected := byte(0x1f)
	if raw[0]&0x80 != 0 {
		protected = 0x0f
	}
	raw[0] ^= mask[0] & protected
	for i := range pnLen {
		raw[pnOffset+i] ^= mask[1+i]
	}
	return raw
}

// sealLong makes a long header packet of version 1 with a two-byte packet number.
func sealLong(k *keys, kind kind, dcid, scid []byte, pn int64, payload []byte) []byte {
	const pnLen = 2
	for len(payload)+pnLen < maxPNLen {
		payload = append(payload, framePadding)
	}
	var b cryptobyte.Builder
	b.AddUint8(0xc0 | byte(kind)<<4 | pnLen - 1)
	b.AddUint32(version1)
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(dcid) })
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(scid) })
	if kind == kindInitial {
		b.AddUint8(0) // no token
	}
	b.AddUint32(0x80000000 | uint32(pnLen+len(payload)+tagLen))
	b.AddUint16(uint16(pn))
	return k.seal(b.BytesOrPanic(), pnLen, pn, payload)
}

// sealInitial makes a client's first Initial, under the connection ID of RFC 9001's samples.
func sealInitial(t testing.TB, payload []byte) []byte {
	dcid := unhex(t, sampleDCID)
	return sealLong(newInitialKeys(dcid)[ClientToServer], kindInitial, dcid, []byte("src"), 0, payload)
}

func TestSealIsTheInverseOfOpen(t *testing.T) {
	k := newInitialKeys(unhex(t, sampleDCID))[ClientToServer]
	packets, _ := splitDatagram(sealInitial(t, []byte{framePing}))
	require.Len(t, packets, 1)
	pn, payload, err := k.open(packets[0].raw, packets[0].pnOffset, -1)
	require.NoError(t, err)
	require.Zero(t, pn)
	require.Equal(t, []byte{framePing, framePadding}, payload)

	// The known answer of RFC 9001 appendix A.2 the other way round.
	header := unhex(t, "c300000001088394c8f03e5157080000449e00000002")
	plain := append(sample(t, "client_payload"), make([]byte, 1162-245)...)
	require.Equal(t, sample(t, "client_initial"), k.seal(header, 4, 2, plain))
}
