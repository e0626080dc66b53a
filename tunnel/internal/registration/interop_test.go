package registration

import (
	"context"

	"testing"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/rpc"
	"capnproto.org/go/capnp/v3/rpc/transport"
	"capnproto.org/go/capnp/v3/server"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// The library's rpc package, which real peers use, is the oracle of both ends.

func method(id uint16) capnp.Method {
	return capnp.Method{InterfaceID: interfaceID, MethodID: id}
}

func TestTheLibrarysClientIsServed(t *testing.T) {
	want := Details{Connection: uuid.New(), Location: "AMS"}
	h := newEdge()
	h.register = func(r Request) (Details, *Error) {
		require.Equal(t, sample, r)
		return want, nil
	}
	here, there := pipe(t)
	s := Serve(there, h)
	defer s.Close()
	conn := rpc.NewConn(transport.NewStream(here), nil)
	edge := conn.Bootstrap(t.Context())
	for range 3 { // pipelined on Bootstrap, then on the capability itself
		answer, release := edge.SendCall(t.Context(), capnp.Send{Method: method(methodRegister), ArgsSize: sizeRegisterParams, PlaceArgs: sample.encode})
		results, err := answer.Struct()
		require.NoError(t, err)
		response, err := results.Ptr(0)
		require.NoError(t, err)
		got, refused, err := decodeResponse(response.Struct())
		require.NoError(t, err)
		require.Nil(t, refused)
		require.Equal(t, want, got)
		release()
		require.NoError(t, edge.Resolve(t.Context()))
	}
	answer, release := edge.SendCall(t.Context(), capnp.Send{Method: method(methodUnregister)})
	_, err := answer.Struct()
	require.NoError(t, err)
	release()
	<-h.unregistered
	for _, unknown := range []capnp.Method{method(77), {InterfaceID: 0xea58385c65416035}} {
		answer, release = edge.SendCall(t.Context(), capnp.Send{Method: unknown})
		_, err = answer.Struct()
		require.ErrorContains(t, err, "unknown", "the stream goes on")
		release()
	}
	edge.Release()
	require.NoError(t, conn.Close())
	<-s.Done()
}

func TestTheLibrarysServerIsUnderstood(t *testing.T) {
	want := Details{Connection: uuid.New(), Location: "AMS", RemotelyManaged: true}
	unregistered := make(chan struct{}, 1)
	methods := []server.Method{
		{Method: method(methodRegister), Impl: func(_ context.Context, c *server.Call) error {
			got, err := decodeRequest(c.Args())
			require.NoError(t, err)
			require.Equal(t, sample, got)
			results, err := c.AllocResults(sizeRegisterResults)
			require.NoError(t, err)
			response, err := child(results, 0, sizeResponse)
			require.NoError(t, err)
			return encodeResponse(response, want, nil)
		}},
		{Method: method(methodUnregister), Impl: func(_ context.Context, c *server.Call) error {
			unregistered <- struct{}{}
			_, err := c.AllocResults(capnp.ObjectSize{})
			return err
		}},
	}
	here, there := pipe(t)
	conn := rpc.NewConn(transport.NewStream(there), &rpc.Options{BootstrapClient: capnp.NewClient(server.New(methods, nil, nil))})
	c := NewClient(here)
	got, err := c.Register(t.Context(), sample)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.NoError(t, c.Unregister(t.Context()))
	<-unregistered
	require.ErrorContains(t, c.UpdateLocalConfiguration(t.Context(), nil), "update local configuration", "not served here")
	require.NoError(t, c.Close())
	<-conn.Done()
}

func TestAnEdgeThatDoesNotAnswerIsLeftInTime(t *testing.T) {
	here, there := pipe(t)
	defer there.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		buf := make([]byte, 4096)
		_, _ = there.Read(buf)
		cancel()
	}()
	c := NewClient(here)
	_, err := c.Register(ctx, sample)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, c.Close())
}
