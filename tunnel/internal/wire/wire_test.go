package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"capnproto.org/go/capnp/v3"
	"github.com/stretchr/testify/require"
)

// The layouts, word by word.

func TestRequestLayout(t *testing.T) {
	enc := BeginRequest(nil, "a/b/", TCP, 2)
	enc.Add("", "HttpHost", "h")
	enc.Add(KeyHeaderPrefix, "X", "")
	got, err := enc.Finish()
	require.NoError(t, err)
	want := "0a36cd12a13e3031" +
		"000000000f000000" + // one segment of 15 words
		"0000000001000200" + // root: struct at +0, 1 data word, 2 pointers
		"0200000000000000" + // type 2
		"050000002a000000" + // dest: list at +1, 5 bytes with the NUL
		"0500000027000000" + // metadata: composite list at +1, 4 words
		"612f622f00000000" + // "a/b/"
		"0800000000000200" + // tag: 2 entries, 2 pointers each
		"0d0000004a000000" + // key 0: at +3, 9 bytes
		"1100000012000000" + // val 0: at +4, 2 bytes
		"110000006a000000" + // key 1: at +4, 13 bytes
		"0000000000000000" + // val 1: null
		"48747470486f7374" + "0000000000000000" + // "HttpHost"
		"6800000000000000" + // "h"
		"4874747048656164" + "65723a5800000000" // "HttpHeader:X"
	require.Equal(t, want, hex.EncodeToString(got))
}

func TestResponseLayout(t *testing.T) {
	enc := BeginResponse(nil, "", 1)
	enc.Add("", KeyStatus, "200")
	got, err := enc.Finish()
	require.NoError(t, err)
	want := "0a36cd12a13e3031" +
		"0000000009000000" + // one segment of 9 words
		"0000000000000200" + // root: struct at +0, no data, 2 pointers
		"0000000000000000" + // error: null
		"0100000017000000" + // metadata: composite list at +0, 2 words
		"0400000000000200" + // tag: 1 entry, 2 pointers
		"050000005a000000" + // key: at +1, 11 bytes
		"0900000022000000" + // val: at +2, 4 bytes
		"4874747053746174" + "7573000000000000" + // "HttpStatus"
		"3230300000000000" // "200"
	require.Equal(t, want, hex.EncodeToString(got))
}

// oracle builds a ConnectRequest or ConnectResponse with the library.
func oracle(t testing.TB, arena capnp.Arena, size capnp.ObjectSize, text string, kind Kind, entries []Metadata) []byte {
	msg, seg, err := capnp.NewMessage(arena)
	require.NoError(t, err)
	root, err := capnp.NewRootStruct(seg, size)
	require.NoError(t, err)
	if size.DataSize > 0 {
		root.SetUint16(0, uint16(kind))
	}
	require.NoError(t, root.SetText(0, text))
	list, err := capnp.NewCompositeList(seg, capnp.ObjectSize{PointerCount: 2}, int32(len(entries)))
	require.NoError(t, err)
	for i, md := range entries {
		require.NoError(t, list.Struct(i).SetText(0, md.Key))
		require.NoError(t, list.Struct(i).SetText(1, md.Val))
	}
	require.NoError(t, root.SetPtr(1, list.ToPtr()))
	b, err := msg.Marshal()
	require.NoError(t, err)
	return b
}

var (
	sizeRequest  = capnp.ObjectSize{DataSize: 8, PointerCount: 2}
	sizeResponse = capnp.ObjectSize{PointerCount: 2}
)

func TestTheLibraryReadsAndWritesTheSame(t *testing.T) {
	tests := map[string][]Metadata{
		"none":  nil,
		"empty": {{}, {Key: "k"}, {Val: "v"}},
		"usual": {{KeyMethod, "GET"}, {KeyHost, "example.com"}, {"HttpHeader:Cookie", "a=b"}, {"HttpHeader:Cookie", "c=d"}},
		"big":   {{"HttpHeader:X", strings.Repeat("x", 100_000)}, {"seven__", "eight___"}},
	}
	for name, entries := range tests {
		t.Run(name, func(t *testing.T) {
			enc := BeginRequest(nil, "http://h/p?q", WebSocket, len(entries))
			for _, md := range entries {
				enc.Add("", md.Key, md.Val)
			}
			head, err := enc.Finish()
			require.NoError(t, err)
			want := Request{Dest: "http://h/p?q", Type: WebSocket, Metadata: entries}
			slow, err := decodeRequestSlow(head[preambleLen:], nil)
			require.NoError(t, err)
			require.Equal(t, want, slow, "encoded here, read by the library")

			arenas := map[string]capnp.Arena{
				"single segment": capnp.SingleSegment(nil),
				"many segments":  capnp.MultiSegment(nil), // more than one when it is big
			}
			for arena, a := range arenas {
				got, err := DecodeRequest(oracle(t, a, sizeRequest, "http://h/p?q", WebSocket, entries), nil)
				require.NoError(t, err, arena)
				require.Equal(t, want, got, arena)
			}
			got, err := DecodeRequest(twoSegments(head[preambleLen:]), nil)
			require.NoError(t, err)
			require.Equal(t, want, got)
			response, err := DecodeResponse(oracle(t, capnp.SingleSegment(nil), sizeResponse, "no", 0, entries), nil)
			require.NoError(t, err)
			require.Equal(t, Response{Error: "no", Metadata: entries}, response)
		})
	}
}

func TestStructsOfAnotherVersionAreRead(t *testing.T) {
	wider := oracle(t, capnp.SingleSegment(nil), capnp.ObjectSize{DataSize: 24, PointerCount: 5}, "d", TCP, []Metadata{{"k", "v"}})
	got, err := DecodeRequest(wider, nil)
	require.NoError(t, err)
	require.Equal(t, Request{Dest: "d", Type: TCP, Metadata: []Metadata{{"k", "v"}}}, got)

	narrower := frame("0000000000000000") // a null root: all defaults
	got, err = DecodeRequest(narrower, nil)
	require.NoError(t, err)
	require.Equal(t, Request{}, got)
}

// frame puts words, as hex, into a one-segment message.
func frame(words string) []byte {
	segment, err := hex.DecodeString(words)
	if err != nil {
		panic(err)
	}
	return append([]byte{0, 0, 0, 0, byte(len(segment) / 8), 0, 0, 0}, segment...)
}

func TestMalformedMessagesAreRefused(t *testing.T) {
	tests := map[string][]byte{
		"empty":                   nil,
		"no segment":              frame(""),
		"length too long":         append(frame("0000000000000000"), 0),
		"root is a list":          frame("0100000002000000"),
		"root is far":             frame("0200000000000000"),
		"root beyond the end":     frame("0000000001000200" + "0000000000000000"),
		"root before the start":   frame("f8ffffff01000000" + "0000000000000000"),
		"text beyond the end":     frame("0000000000000200" + "0500000082000000" + "0000000000000000"),
		"text without NUL":        frame("0000000000000200" + "050000000a000000" + "0000000000000000" + "6100000000000000"),
		"text of words":           frame("0000000000000200" + "050000000d000000" + "0000000000000000" + "0000000000000000"),
		"text of no bytes":        frame("0000000000000200" + "0500000002000000" + "0000000000000000" + "0000000000000000"),
		"list beyond the end":     frame("0000000000000200" + "0000000000000000" + "010000001f000000" + "0400000000000200"),
		"list of bytes":           frame("0000000000000200" + "0000000000000000" + "010000000a000000" + "0000000000000000"),
		"more entries than words": frame("0000000000000200" + "0000000000000000" + "0100000007000000" + "0400000000000200"),
		"entries without words":   frame("0000000000000200" + "0000000000000000" + "0100000007000000" + "fcffff7f00000000"),
		// Two entries, and error, all point at the same text.
		"texts overlap": frame("0000000000000200" + "2100000042000000" + "0100000027000000" + "0800000000000200" +
			"1100000042000000" + "0d00000042000000" + "0900000042000000" + "0500000042000000" + "0000000000000000" + "6162636465666700"),
	}
	for name, message := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeResponse(message, nil)
			require.ErrorIs(t, err, ErrMalformed)
		})
	}
}

func TestOneSmallMessageCannotNameABigTextOften(t *testing.T) {
	// 1,000 entries whose keys and values are all the same 900 kB.
	const n, size = 1000, 900_000
	enc := BeginResponse(nil, strings.Repeat("x", size), n)
	for range n {
		enc.Add("", "", "")
	}
	head, err := enc.Finish()
	require.NoError(t, err)
	text := enc.segment() + 3*wordSize // behind root and struct
	for at := enc.entry - n*2*wordSize; at < enc.entry; at += wordSize {
		enc.pointer(at, kindList, text, elemByte|uint32(size+1)<<3)
	}
	_, err = DecodeResponse(head[preambleLen:], nil)
	require.ErrorIs(t, err, ErrMalformed)

	_, err = DecodeResponse(twoSegments(head[preambleLen:]), nil)
	require.ErrorIs(t, err, ErrMalformed, "the library's way")
}

// twoSegments adds an empty segment, which sends a message to the library.
func twoSegments(message []byte) []byte {
	b := append([]byte{1, 0, 0, 0}, message[4:8]...)
	return append(append(b, make([]byte, 8)...), message[8:]...)
}

func TestReadHead(t *testing.T) {
	enc := BeginRequest(nil, "/", HTTP, 1)
	enc.Add("", "k", strings.Repeat("v", 100))
	head, err := enc.Finish()
	require.NoError(t, err)
	stream := string(head) + "body"

	readers := map[string]func() io.Reader{
		"at once":      func() io.Reader { return strings.NewReader(stream) },
		"with EOF":     func() io.Reader { return iotest.DataErrReader(strings.NewReader(stream)) },
		"byte by byte": func() io.Reader { return iotest.OneByteReader(strings.NewReader(stream)) },
		"half by half": func() io.Reader { return iotest.HalfReader(strings.NewReader(stream)) },
	}
	for name, reader := range readers {
		for _, size := range []int{1, 8, 64, 4096} {
			r := reader()
			got, err := ReadHead(r, make([]byte, size), nil)
			require.NoError(t, err, name)
			require.Equal(t, string(head[preambleLen:]), string(got.Message), name)
			rest, err := io.ReadAll(r)
			require.NoError(t, err)
			require.Equal(t, "body", string(got.Rest)+string(rest), "%s, buffer of %d", name, size)
			require.Equal(t, name == "with EOF" && size == 4096, got.EOF, "%s, buffer of %d", name, size)
		}
	}
}

func TestReadHeadSaysWhenItStalls(t *testing.T) {
	head, err := finish(BeginResponse(nil, "e", 0))
	require.NoError(t, err)
	stalls := 0
	_, err = ReadHead(bytes.NewReader(head), make([]byte, 64), func() { stalls++ })
	require.NoError(t, err)
	require.Zero(t, stalls)
	_, err = ReadHead(iotest.OneByteReader(bytes.NewReader(head)), make([]byte, 64), func() { stalls++ })
	require.NoError(t, err)
	require.Equal(t, 1, stalls)
}

func finish(e Encoder) ([]byte, error) { return e.Finish() }

func TestReadHeadRefuses(t *testing.T) {
	preamble := SignatureData + Version
	tests := map[string]struct {
		stream string
		want   error
	}{
		"another signature": {"GET / HTTP/1.1\r\n\r\n", ErrSignature},
		"rpc":               {SignatureRPC + "\x00\x00", ErrRPCStream},
		"too large":         {preamble + "\x00\x00\x00\x00\x00\x00\x02\x00", ErrTooLarge},
		"huge":              {preamble + "\x00\x00\x00\x00\xff\xff\xff\xff", ErrTooLarge},
		"too many segments": {preamble + "\xff\xff\xff\xff", ErrMalformed},
		"ends early":        {preamble + "\x00\x00\x00\x00\x01\x00\x00\x00\x00", io.ErrUnexpectedEOF},
		"nothing":           {"", io.ErrUnexpectedEOF},
	}
	for name, test := range tests {
		_, err := ReadHead(strings.NewReader(test.stream), make([]byte, 16), nil)
		require.ErrorIs(t, err, test.want, name)
	}
	broken := errors.New("broken")
	_, err := ReadHead(iotest.ErrReader(broken), make([]byte, 16), nil)
	require.ErrorIs(t, err, broken)
}

func TestEncoderCountsEntries(t *testing.T) {
	_, err := finish(BeginRequest(nil, "", HTTP, 1))
	require.Error(t, err, "an entry is missing")
	enc := BeginRequest(nil, "", HTTP, 1)
	enc.Add("", "a", "b")
	enc.Add("", "c", "d")
	_, err = enc.Finish()
	require.Error(t, err, "an entry too many")
	enc = BeginResponse(nil, strings.Repeat("x", MaxMessage), 0)
	_, err = enc.Finish()
	require.ErrorIs(t, err, ErrTooLarge)
}

func TestEncodingAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, 4096)
	allocs := testing.AllocsPerRun(100, func() {
		enc := BeginRequest(buf, "http://host/path", HTTP, 2)
		enc.Add("", KeyMethod, "GET")
		enc.Add(KeyHeaderPrefix, "Accept", "*/*")
		_, _ = enc.Finish()
	})
	require.Zero(t, allocs)
}
