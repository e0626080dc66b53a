package wire

import (
	"crypto/tls"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"pqbench/kex"
)

// payloads returns what a middlebox sees in a direction.
func payloads(datagrams []Datagram, dir Direction) (b [][]byte) {
	for _, d := range datagrams {
		if d.Dir == dir {
			b = append(b, d.Payload)
		}
	}
	return b
}

func TestClientHelloOfSample(t *testing.T) {
	msg, complete, err := ClientHelloOf([][]byte{sample(t, "client_initial")})
	require.NoError(t, err)
	require.True(t, complete)
	const frameHeader = 4 // type, offset, two bytes of length
	require.Equal(t, sample(t, "client_payload")[frameHeader:], msg)
}

func TestClientHelloOf(t *testing.T) {
	for name, tr := range map[string]trial{
		"classical":           {client: classical},
		"hybrid":              {client: hybrid},
		"retry":               {client: hybrid, retry: true},
		"hello retry request": {client: []tls.CurveID{tls.X25519MLKEM768, tls.CurveP256}, server: []tls.CurveID{tls.CurveP256}},
		"loss":                {client: hybrid, drop: lose(ClientToServer, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			out := tr.run(t)
			require.NoError(t, out.err)
			want := newTrace(out.datagrams).messages(ClientToServer, spaceInitial)[0].raw
			client := payloads(out.datagrams, ClientToServer)

			msg, complete, err := ClientHelloOf(client)
			require.NoError(t, err)
			require.True(t, complete)
			require.Equal(t, want, msg)
			hello, err := kex.ParseClientHello(msg)
			require.NoError(t, err)
			require.Equal(t, "quic.cftunnel.com", hello.SNI)

			both := slices.Concat(payloads(out.datagrams, ServerToClient), client)
			msg, complete, err = ClientHelloOf(both)
			require.NoError(t, err)
			require.True(t, complete)
			require.Equal(t, want, msg, "the server's datagrams are passed over")
		})
	}
}

func TestClientHelloOfPart(t *testing.T) {
	out := trial{client: hybrid}.run(t)
	client := payloads(out.datagrams, ClientToServer)
	want, _, err := ClientHelloOf(client)
	require.NoError(t, err)

	for _, one := range client[:2] {
		msg, complete, err := ClientHelloOf([][]byte{one})
		require.NoError(t, err)
		require.False(t, complete)
		require.Equal(t, string(want[:len(msg)]), string(msg))
		require.Less(t, len(msg), len(want))
	}
	msg, complete, err := ClientHelloOf([][]byte{client[1], client[0]})
	require.NoError(t, err)
	require.True(t, complete, "the order of datagrams does not matter")
	require.Equal(t, want, msg)
}

func TestClientHelloOfNothing(t *testing.T) {
	server := sample(t, "server_initial")
	notHello := sealInitial(t, []byte{frameCrypto, 0, 4, typeFinished, 0, 0, 0})
	for name, datagrams := range map[string][][]byte{
		"nothing":       nil,
		"empty":         {{}},
		"server only":   {server},
		"not a hello":   {notHello},
		"not QUIC":      {[]byte("hello")},
		"only zeros":    {make([]byte, 1200)},
		"damaged":       {append(sample(t, "client_initial")[:1199], 0)},
		"short headers": {append([]byte{0x40}, make([]byte, 100)...)},
	} {
		t.Run(name, func(t *testing.T) {
			msg, complete, err := ClientHelloOf(datagrams)
			require.ErrorIs(t, err, ErrNoClientHello)
			require.Nil(t, msg)
			require.False(t, complete)
		})
	}
}

func TestGreaseBytes(t *testing.T) {
	// The sample's parameters hold no reserved identifier; a hello that is cut off has none to find.
	hello := sample(t, "client_payload")[4:]
	require.NotEmpty(t, transportParameters(hello))
	require.Zero(t, greaseBytes(hello))
	for n := range hello {
		require.Zero(t, greaseBytes(hello[:n]))
	}
}
