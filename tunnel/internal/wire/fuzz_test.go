package wire

import (
	"bytes"
	"testing"

	"capnproto.org/go/capnp/v3"
	"github.com/stretchr/testify/require"
)

// FuzzDecode: whatever is accepted reads the same with the library, and takes
// no more memory than the message has bytes.
func FuzzDecode(f *testing.F) {
	entries := []Metadata{{KeyMethod, "GET"}, {"HttpHeader:A", ""}}
	f.Add(oracle(f, capnp.SingleSegment(nil), sizeRequest, "http://h/", HTTP, entries))
	f.Add(oracle(f, capnp.SingleSegment(nil), sizeResponse, "", HTTP, entries))
	f.Add(twoSegments(oracle(f, capnp.SingleSegment(nil), sizeRequest, "d", TCP, entries)))
	f.Add(frame("0000000000000200" + "2100000042000000" + "0100000027000000" + "0800000000000200" +
		"1100000042000000" + "0d00000042000000" + "0900000042000000" + "0500000042000000" + "0000000000000000" + "6162636465666700"))
	f.Fuzz(func(t *testing.T, message []byte) {
		if len(message) > 1<<16 {
			return
		}
		request, err := DecodeRequest(message, nil)
		response, responseErr := DecodeResponse(message, nil)
		require.Equal(t, err == nil, responseErr == nil, "the two differ in nothing that can fail")
		if err != nil {
			return
		}
		require.Equal(t, request.Metadata, response.Metadata)
		total := len(request.Dest)
		for _, md := range request.Metadata {
			total += len(md.Key) + len(md.Val)
		}
		require.LessOrEqual(t, total, 2*len(message))

		m, err := capnp.Unmarshal(bytes.Clone(message))
		require.NoError(t, err)
		root, err := m.Root()
		require.NoError(t, err)
		dest, err := root.Struct().Ptr(0)
		require.NoError(t, err)
		require.Equal(t, dest.Text(), request.Dest)
		require.Equal(t, Kind(root.Struct().Uint16(0)), request.Type)
		list, err := root.Struct().Ptr(1)
		require.NoError(t, err)
		require.Equal(t, list.List().Len(), len(request.Metadata))
		for i, md := range request.Metadata {
			key, err := list.List().Struct(i).Ptr(0)
			require.NoError(t, err)
			val, err := list.List().Struct(i).Ptr(1)
			require.NoError(t, err)
			require.Equal(t, Metadata{key.Text(), val.Text()}, md)
		}
	})
}

// FuzzRoundTrip: what is encoded reads back, here and with the library.
func FuzzRoundTrip(f *testing.F) {
	f.Add("http://h/", uint16(0), "k", "v", "", uint8(3))
	f.Add("", uint16(2), "", "", "HttpHeader:", uint8(0))
	f.Fuzz(func(t *testing.T, dest string, kind uint16, key, val, prefix string, n uint8) {
		enc := BeginRequest(nil, dest, Kind(kind), int(n))
		want := Request{Dest: dest, Type: Kind(kind)}
		for range n {
			enc.Add(prefix, key, val)
			want.Metadata = append(want.Metadata, Metadata{prefix + key, val})
		}
		stream, err := enc.Finish()
		if err != nil {
			require.ErrorIs(t, err, ErrTooLarge)
			return
		}
		head, err := ReadHead(bytes.NewReader(append(stream, "rest"...)), make([]byte, 512), nil)
		require.NoError(t, err)
		got, err := DecodeRequest(head.Message, nil)
		require.NoError(t, err)
		require.Equal(t, want, got)
		slow, err := decodeRequestSlow(head.Message, nil)
		require.NoError(t, err)
		require.Equal(t, want, slow)
	})
}

// FuzzReadHead: no stream makes it panic, read beyond a message, or hold more
// than the bound.
func FuzzReadHead(f *testing.F) {
	head, _ := finish(BeginResponse(nil, "error", 0))
	f.Add(append(head, "body"...), 16)
	f.Add([]byte(SignatureRPC), 1)
	f.Add([]byte(SignatureData+Version+"\x01\x00\x00\x00"), 0)
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		size = max(0, min(size, 1<<16))
		r := bytes.NewReader(stream)
		head, err := ReadHead(r, make([]byte, size), nil)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(head.Message), MaxMessage)
		require.Equal(t, len(stream), preambleLen+len(head.Message)+len(head.Rest)+r.Len())
		require.True(t, bytes.HasPrefix(stream[preambleLen:], head.Message))
	})
}
