package registration

import (
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

// The registration that follows the Bootstrap, word by word. Order and place
// of the objects are the encoder's choice; what a peer reads by offset is not:
// ids, tags, sizes, and which pointer is what.
func TestRegisterConnectionOnTheWire(t *testing.T) {
	call := recorded(t)[48:]
	want := ""
	for _, word := range []string{
		"000000002b000000", // frame: one segment of 43 words
		"0000000001000100", // Message: 1 data word, 1 pointer
		"0200000000000000", // tag 2: call
		"0000000003000300", // Call: 3 data words, 3 pointers
		"0100000000000000", // question 1, method 0
		"9754e87fec9516f7", // interface
		"0000000000000000",
		"0800000001000100", // target: at +2
		"1400000000000200", // params: at +5
		"0000000000000000", // results go to the caller
		"0000000001000000", // MessageTarget: tag 1, promisedAnswer
		"0000000001000100", // PromisedAnswer
		"0000000000000000", // of question 0
		"0000000000000000", // with an empty transform
		"0400000001000300", // Payload, content: 1 data word, 3 pointers
		"0000000000000000", // and no capability
		"0300000000000000", // connIndex 3
		"0800000000000200", // auth: at +2
		"4100000082000000", // tunnelId: 16 bytes
		"0800000001000200", // options: at +2
		"3100000022000000", // accountTag: 4 bytes
		"3100000032000000", // tunnelSecret: 6 bytes
		"0100070000000000", // replaceExisting bit 0, numPreviousAttempts byte 2
		"0400000000000400", // client: 4 pointers
		"3100000082000000", // originLocalIp: 16 bytes
		"3500000082000000", // clientId: 16 bytes
		"0900000016000000", // features: 2 pointers
		"350000001a000000", // version: 3 bytes
		"3500000062000000", // arch: 12 bytes
		"0500000022000000", // features: 4 bytes
		"0500000022000000", // 4 bytes
		"6f6e650000000000", // one
		"74776f0000000000", // two
		"7461670000000000", // tag
		"7365637265740000", // secret
		"0011223344556677", // tunnelId
		"8899aabbccddeeff",
		"0000000000000000", // originLocalIp
		"0000ffff7f000001",
		"ffeeddccbbaa9988", // clientId
		"7766554433221100",
		"7631000000000000", // v1
		"6c696e75785f616d", // linux_amd64
		"6436340000000000",
	} {
		want += word
	}
	require.Equal(t, want, hex.EncodeToString(call))
	require.Len(t, call, 8+8*int(binary.LittleEndian.Uint32(call[4:])))
}
