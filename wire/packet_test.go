package wire

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
)

func TestReadVarint(t *testing.T) {
	tests := []struct { // RFC 9000 appendix A.1
		in   string
		want uint64
	}{
		{"c2197c5eff14e88c", 151288809941952652},
		{"9d7f3e7d", 494878333},
		{"7bbd", 15293},
		{"25", 37},
		{"4025", 37},
	}
	for _, test := range tests {
		s := cryptobyte.String(append(unhex(t, test.in), 0xff))
		var got uint64
		require.True(t, readVarint(&s, &got))
		require.Equal(t, test.want, got)
		require.Len(t, s, 1)
		for n := range len(test.in) / 2 {
			cut := cryptobyte.String(unhex(t, test.in)[:n])
			require.False(t, readVarint(&cut, &got), "%s cut to %d bytes", test.in, n)
		}
	}
}

func TestSplitDatagram(t *testing.T) {
	k := newInitialKeys([]byte("x"))[ClientToServer]
	initial := sealLong(k, kindInitial, []byte("dest"), []byte("src"), 0, []byte{framePing})
	handshake := sealLong(k, kindHandshake, []byte("dest"), nil, 0, []byte{framePing})
	zeroRTT := sealLong(k, kindZeroRTT, []byte("dest"), nil, 0, []byte{framePing})
	short := append([]byte{0x40}, "destsomething"...)
	retry := append([]byte{0xf0, 0, 0, 0, 1, 0, 0}, make([]byte, 20)...)
	longID := append([]byte{0xc0, 0, 0, 0, 1, maxConnIDLen + 1}, make([]byte, 100)...)
	tests := []struct {
		name    string
		in      []byte
		want    []kind
		padding int
	}{
		{"empty", nil, nil, 0},
		{"coalesced", slices.Concat(initial, handshake, short), []kind{kindInitial, kindHandshake, kindOneRTT}, 0},
		{"0-RTT", slices.Concat(initial, zeroRTT), []kind{kindInitial, kindZeroRTT}, 0},
		{"zeros behind", append(bytes.Clone(initial), 0, 0, 0), []kind{kindInitial}, 3},
		{"only zeros", make([]byte, 9), nil, 9},
		{"zeros inside a short header's packet", append(bytes.Clone(short), 0, 0), []kind{kindOneRTT}, 0},
		{"retry", retry, []kind{kindRetry}, 0},
		{"cut off", initial[:len(initial)-1], []kind{kindUnknown}, 0},
		{"no fixed bit", []byte{0x01, 0x02}, []kind{kindUnknown}, 0},
		{"connection ID too long", longID, []kind{kindUnknown}, 0},
		{"version negotiation", []byte{0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, []kind{kindUnknown}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			packets, padding := splitDatagram(test.in)
			var got []kind
			for _, p := range packets {
				got = append(got, p.kind)
			}
			require.Equal(t, test.want, got)
			require.Equal(t, test.padding, padding)
		})
	}
	packets, _ := splitDatagram(initial)
	require.Equal(t, "dest", string(packets[0].dcid))
	require.Equal(t, "src", string(packets[0].scid))
	for n := range initial { // no prefix makes it panic or read past the end
		splitDatagram(initial[:n])
	}
}

// allFrames holds one frame of each type that can be skipped, and what comes of each.
var allFrames = []struct {
	name string
	hex  string
	want frames
}{
	{"PADDING", "00", frames{padding: 1}},
	{"PING", "01", frames{ping: true}},
	{"ACK", "02 05 00 00 01", frames{acked: []span{{4, 6}}}},
	{"ACK with ranges", "02 0a 00 02 00 01 02 00 00", frames{acked: []span{{10, 11}, {5, 8}, {3, 4}}}},
	{"ACK with ECN", "03 00 00 00 00 01 02 03", frames{acked: []span{{0, 1}}}},
	{"RESET_STREAM", "04 01 02 03", frames{other: true}},
	{"STOP_SENDING", "05 01 02", frames{other: true}},
	{"CRYPTO", "06 4100 03 616263", frames{crypto: []cryptoFrame{{256, []byte("abc")}}}},
	{"NEW_TOKEN", "07 02 6162", frames{other: true}},
	{"STREAM with offset and length", "0e 04 05 01 61", frames{other: true}},
	{"STREAM with length", "0b 04 02 6162", frames{other: true}},
	{"MAX_DATA", "10 01", frames{other: true}},
	{"MAX_STREAM_DATA", "11 01 02", frames{other: true}},
	{"MAX_STREAMS", "12 01", frames{other: true}},
	{"DATA_BLOCKED", "14 01", frames{other: true}},
	{"STREAM_DATA_BLOCKED", "15 01 02", frames{other: true}},
	{"STREAMS_BLOCKED", "17 01", frames{other: true}},
	{"NEW_CONNECTION_ID", "18 01 00 02 abcd 000102030405060708090a0b0c0d0e0f", frames{other: true}},
	{"RETIRE_CONNECTION_ID", "19 01", frames{other: true}},
	{"PATH_CHALLENGE", "1a 0001020304050607", frames{other: true}},
	{"PATH_RESPONSE", "1b 0001020304050607", frames{other: true}},
	{"CONNECTION_CLOSE", "1c 01 06 02 6162", frames{other: true}},
	{"CONNECTION_CLOSE of the application", "1d 01 01 61", frames{other: true}},
	{"HANDSHAKE_DONE", "1e", frames{done: true}},
	{"IMMEDIATE_ACK", "1f", frames{other: true}},
	{"RESET_STREAM_AT", "24 01 02 03 04", frames{other: true}},
	{"DATAGRAM with length", "31 01 61", frames{other: true}},
	{"ACK_FREQUENCY", "40af 01 02 03 04", frames{other: true}},
}

func TestReadFrames(t *testing.T) {
	for _, test := range allFrames {
		t.Run(test.name, func(t *testing.T) {
			raw := unhex(t, test.hex)
			require.Equal(t, test.want, readFrames(raw))

			// HANDSHAKE_DONE behind it is found, so the frame was skipped to its very end.
			followed := readFrames(append(bytes.Clone(raw), frameHandshakeDone))
			require.True(t, followed.done)
			require.False(t, followed.broken)
			for n := 1; n < len(raw); n++ {
				cut := readFrames(raw[:n])
				require.True(t, cut.broken, "cut to %d bytes", n)
				require.False(t, cut.ackOnly())
			}
		})
	}
	for name, toTheEnd := range map[string]string{"STREAM": "08 04 1e1e", "STREAM with offset": "0c 04 05 1e1e", "DATAGRAM": "30 1e1e"} {
		f := readFrames(unhex(t, toTheEnd))
		require.Equal(t, frames{other: true}, f, "%s takes the rest of the packet", name)
	}
	for name, wrong := range map[string]string{
		"unknown type":              "21 1e",
		"ACK below zero":            "02 01 00 00 02",
		"ACK range below zero":      "02 05 00 01 00 04 00",
		"CRYPTO longer than it has": "06 00 05 61",
	} {
		require.True(t, readFrames(unhex(t, wrong)).broken, name)
	}
}

func TestAckOnly(t *testing.T) {
	for text, want := range map[string]bool{
		"02 05 00 00 01":             true,
		"02 05 00 00 01 00 00":       true, // PADDING
		"02 05 00 00 01 01":          false,
		"02 05 00 00 01 1e":          false,
		"02 05 00 00 01 10 01":       false,
		"02 05 00 00 01 06 00 01 00": false,
		"00":                         false,
	} {
		f := readFrames(unhex(t, text))
		require.Equal(t, want, f.ackOnly(), text)
	}
}
