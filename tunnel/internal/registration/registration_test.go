package registration

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"

	"testing"
	"time"

	"capnproto.org/go/capnp/v3"
	rpccp "capnproto.org/go/capnp/v3/std/capnp/rpc"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
)

const patience = 10 * time.Second

// edge is a Handler whose decisions a test sets.
type edge struct {
	register     func(Request) (Details, *Error)
	unregistered chan struct{}
	configs      chan string
}

func newEdge() *edge {
	return &edge{unregistered: make(chan struct{}, 8), configs: make(chan string, 8)}
}

func (e *edge) Register(r Request) (Details, *Error)   { return e.register(r) }
func (e *edge) Unregister()                            { e.unregistered <- struct{}{} }
func (e *edge) UpdateLocalConfiguration(config []byte) { e.configs <- string(config) }

// connect joins a client and a server; both are closed with the test.
func connect(t *testing.T, h Handler) (*Client, *Server) {
	here, there := pipe(t)
	s := Serve(there, h)
	c := NewClient(here)
	t.Cleanup(func() { _ = c.Close(); s.Close() })
	return c, s
}

var sample = Request{
	Credentials: tunnel.Credentials{
		AccountTag:   "tag",
		TunnelSecret: []byte("secret"),
		TunnelID:     uuid.MustParse("00112233-4455-6677-8899-aabbccddeeff"),
	},
	Index: 3, Client: uuid.MustParse("ffeeddcc-bbaa-9988-7766-554433221100"),
	Features: []string{"one", "two"}, Version: "v1", Arch: "linux_amd64",
	OriginIP: []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1}, Replace: true, Attempts: 7,
}

func TestCallsReachTheHandler(t *testing.T) {
	want := Details{Connection: uuid.New(), Location: "AMS", RemotelyManaged: true}
	requests := make(chan Request, 1)
	h := newEdge()
	h.register = func(r Request) (Details, *Error) { requests <- r; return want, nil }
	c, s := connect(t, h)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	got, err := c.Register(ctx, sample)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, sample, <-requests)
	require.NoError(t, c.UpdateLocalConfiguration(ctx, []byte(`{"ingress":[]}`)))
	require.Equal(t, `{"ingress":[]}`, <-h.configs)
	require.NoError(t, c.Unregister(ctx))
	<-h.unregistered
	require.NoError(t, c.Close())
	select {
	case <-s.Done():
	case <-ctx.Done():
		t.Fatal("the server outlives its client")
	}
}

func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		refused Error
		is      error
	}{
		"unauthorized": {Error{Cause: "Unauthorized: invalid tunnel secret"}, tunnel.ErrUnauthorized},
		"duplicate":    {Error{Cause: "EDUPCONN", ShouldRetry: true}, tunnel.ErrDuplicateConnection},
		"busy":         {Error{Cause: "try later", ShouldRetry: true, RetryAfter: 3 * time.Second}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newEdge()
			h.register = func(Request) (Details, *Error) { return Details{}, &test.refused }
			c, _ := connect(t, h)
			_, err := c.Register(t.Context(), sample)
			var got *Error
			require.True(t, errors.As(err, &got), "%v", err)
			require.Equal(t, test.refused, *got)
			for _, shared := range []error{tunnel.ErrUnauthorized, tunnel.ErrDuplicateConnection} {
				require.Equal(t, shared == test.is, errors.Is(err, shared), shared)
			}
		})
	}
}

// The first bytes that a client sends, as a real connector's were seen.
func TestBootstrapOnTheWire(t *testing.T) {
	require.Equal(t, "0000000005000000"+"0000000001000100"+"0800000000000000"+
		"0000000001000100"+"0000000000000000"+"0000000000000000", hex.EncodeToString(recorded(t)[:48]))
}

// segment encodes a struct and returns its segment as hex.
func segment(t *testing.T, size capnp.ObjectSize, fill func(capnp.Struct) error) string {
	msg, seg, err := capnp.NewMessage(capnp.SingleSegment(nil))
	require.NoError(t, err)
	root, err := capnp.NewRootStruct(seg, size)
	require.NoError(t, err)
	require.NoError(t, fill(root))
	b, err := msg.Marshal()
	require.NoError(t, err)
	require.Zero(t, binary.LittleEndian.Uint32(b), "one segment")
	return hex.EncodeToString(b[8:])
}

func TestLayouts(t *testing.T) {
	id := uuid.MustParse("00112233-4455-6677-8899-aabbccddeeff")
	t.Run("ConnectionError", func(t *testing.T) {
		got := segment(t, sizeResponse, func(s capnp.Struct) error {
			return encodeResponse(s, Details{}, &Error{Cause: "EDUPCONN", RetryAfter: 2, ShouldRetry: true})
		})
		require.Equal(t, "0000000001000100"+ // root: 1 data word, 1 pointer
			"0000000000000000"+ // tag 0: error
			"0000000002000100"+ // p0: 2 data words, 1 pointer
			"0200000000000000"+ // retryAfter
			"0100000000000000"+ // shouldRetry: bit 64
			"010000004a000000"+ // cause: 9 bytes
			"45445550434f4e4e"+"0000000000000000", got)
	})
	t.Run("ConnectionDetails", func(t *testing.T) {
		got := segment(t, sizeResponse, func(s capnp.Struct) error {
			return encodeResponse(s, Details{Connection: id, Location: "AMS", RemotelyManaged: true}, nil)
		})
		require.Equal(t, "0000000001000100"+
			"0100000000000000"+ // tag 1: connectionDetails
			"0000000001000200"+ // p0: 1 data word, 2 pointers
			"0100000000000000"+ // tunnelIsRemotelyManaged: bit 0
			"0500000082000000"+ // uuid: 16 bytes
			"0900000022000000"+ // location: 4 bytes
			"0011223344556677"+"8899aabbccddeeff"+
			"414d530000000000", got)
	})
	t.Run("registerConnection", func(t *testing.T) {
		got := segment(t, sizeRegisterParams, sample.encode)
		require.Equal(t, "0000000001000300"+ // root: 1 data word, 3 pointers
			"0300000000000000", got[:32]) // connIndex at byte 0
		require.Contains(t, got, "0100070000000000", "options: replaceExisting bit 0, attempts at byte 2")
	})
}

func TestIDsMustHave16Bytes(t *testing.T) {
	_, seg, err := capnp.NewMessage(capnp.SingleSegment(nil))
	require.NoError(t, err)
	root, err := capnp.NewRootStruct(seg, sizeRegisterParams)
	require.NoError(t, err)
	require.NoError(t, root.SetData(1, []byte("short")))
	_, err = decodeRequest(root)
	require.ErrorContains(t, err, "16 bytes")
}

func TestTooManyFeaturesAreRefused(t *testing.T) {
	h := newEdge()
	h.register = func(Request) (Details, *Error) { return Details{}, nil }
	c, _ := connect(t, h)
	r := sample
	r.Features = make([]string, maxFeatures+1)
	_, err := c.Register(t.Context(), r)
	require.ErrorContains(t, err, "features")
}

// An answer is held for the one to what has come with its question; but not
// for one that never comes, as to a Release.
func TestAHeldAnswerIsNotForgotten(t *testing.T) {
	here, there := pipe(t)
	s := Serve(there, newEdge())
	defer s.Close()
	var together tape
	require.NoError(t, newWire(&together).send(
		func(m rpccp.Message) error {
			b, err := m.NewBootstrap()
			b.SetQuestionId(7)
			return err
		},
		func(m rpccp.Message) error {
			_, err := m.NewRelease()
			return err
		}))
	_, err := here.Write(together.Bytes())
	require.NoError(t, err)
	require.NoError(t, here.SetReadDeadline(time.Now().Add(5*time.Second)))
	answer, err := newWire(here).receive()
	require.NoError(t, err)
	require.Equal(t, rpccp.Message_Which_return, answer.Which())
}

func TestAPeerThatFloodsIsCutOff(t *testing.T) {
	bootstrap, err := hex.DecodeString("0000000005000000" + "0000000001000100" + "0800000000000000" +
		"0000000001000100" + "0000000000000000" + "0000000000000000")
	require.NoError(t, err)
	here, there := pipe(t)
	s := Serve(there, newEdge())
	defer s.Close()
	answered := make(chan int)
	go func() {
		n := 0
		for in := capnp.NewDecoder(here); ; n++ {
			if _, err := in.Decode(); err != nil {
				answered <- n
				return
			}
		}
	}()
	for i := range 2 * maxMessages {
		binary.LittleEndian.PutUint32(bootstrap[32:], uint32(i)) // a new question each
		if _, err := here.Write(bootstrap); err != nil {
			break
		}
	}
	<-s.Done()
	require.Equal(t, maxMessages, <-answered)
}

func TestAnOversizedMessageIsCutOff(t *testing.T) {
	here, there := pipe(t)
	s := Serve(there, newEdge())
	defer s.Close()
	go func() { _, _ = io.Copy(io.Discard, here) }()
	_, err := here.Write([]byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f})
	require.NoError(t, err)
	<-s.Done()
}

// unknown is a message of a kind that the edge does not speak, which names a
// list of n elements of nothing.
func unknown(t *testing.T, n int32) []byte {
	var out tape
	require.NoError(t, newWire(&out).send(func(m rpccp.Message) error {
		list, err := capnp.NewCompositeList(m.Segment(), capnp.ObjectSize{}, n)
		require.NoError(t, err)
		return m.SetObsoleteSave(list.ToPtr())
	}))
	return out.Bytes()
}

// The answer to an unknown message repeats it. Less than a hundred bytes must
// not have the edge repeat a list of millions.
func TestAListOfNothingCostsNothing(t *testing.T) {
	here, there := pipe(t)
	s := Serve(there, newEdge())
	defer s.Close()
	in := newWire(here)
	answer := func(n int32) rpccp.Message {
		message := unknown(t, n)
		require.Less(t, len(message), 100)
		_, err := here.Write(message)
		require.NoError(t, err)
		m, err := in.receive()
		require.NoError(t, err)
		return m
	}
	require.Equal(t, rpccp.Message_Which_unimplemented, answer(10).Which(), "the stream goes on")
	require.Equal(t, rpccp.Message_Which_abort, answer(4_000_000).Which())
	<-s.Done()
}
