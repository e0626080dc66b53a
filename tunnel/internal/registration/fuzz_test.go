package registration

import (
	"bytes"
	"encoding/hex"
	"io"
	"net"
	"testing"
	"time"

	"capnproto.org/go/capnp/v3"
	rpccp "capnproto.org/go/capnp/v3/std/capnp/rpc"
	"github.com/stretchr/testify/require"
)

// FuzzServe: no bytes on a control stream make the edge panic or hang.
func FuzzServe(f *testing.F) {
	bootstrap, _ := hex.DecodeString("00000000050000000000000001000100080000000000000000000000010001000000000000000000" + "0000000000000000")
	f.Add(bootstrap)
	f.Add(append(append([]byte(nil), bootstrap...), bootstrap...))
	f.Add(recorded(f))
	// A call pipelined on the answer of a call: enough to crash the library's rpc package.
	f.Add(pipelined(f))
	f.Add(unknownTarget(f))
	f.Fuzz(func(t *testing.T, stream []byte) {
		h := newEdge()
		h.register = func(Request) (Details, *Error) { return Details{}, &Error{Cause: "no"} }
		here, there := pipe(t)
		s := Serve(there, h)
		drained := make(chan struct{})
		go func() { _, _ = io.Copy(io.Discard, here); close(drained) }()
		_, _ = here.Write(stream)
		_ = here.Close()
		<-s.Done()
		s.Close()
		<-drained
	})
}

// FuzzClient: no bytes of an edge make a connector panic or hang.
func FuzzClient(f *testing.F) {
	f.Add(answers(f))
	f.Add([]byte{0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		here, there := pipe(t)
		drained := make(chan struct{})
		go func() { _, _ = io.Copy(io.Discard, there); close(drained) }()
		go func() {
			_, _ = there.Write(stream)
			_ = there.Close()
		}()
		c := NewClient(here)
		_, _ = c.Register(t.Context(), sample)
		_ = c.Close()
		<-drained
	})
}

// answers is what an edge sends to a registration.
func answers(f *testing.F) []byte {
	h := newEdge()
	h.register = func(Request) (Details, *Error) { return Details{Location: "AMS"}, nil }
	here, there := pipe(f)
	s := Serve(there, h)
	defer s.Close()
	_, err := here.Write(recorded(f))
	require.NoError(f, err)
	require.NoError(f, here.(*net.UnixConn).CloseWrite())
	all, err := io.ReadAll(here)
	require.NoError(f, err)
	return all
}

// tape is a Stream that keeps what is written.
type tape struct{ bytes.Buffer }

func (*tape) Close() error                { return nil }
func (*tape) SetDeadline(time.Time) error { return nil }

// recorded is what a client sends when it registers.
func recorded(tb testing.TB) []byte {
	var out tape
	require.NoError(tb, NewClient(&out).ask(1, methodRegister, sizeRegisterParams, sample.encode))
	return out.Bytes()
}

// TestServeUnknownTarget: a call whose target is of a kind that the schema does not have yet is answered, not a crash.
func TestServeUnknownTarget(t *testing.T) {
	here, there := pipe(t)
	s := Serve(there, newEdge())
	_, err := here.Write(unknownTarget(t))
	require.NoError(t, err)
	require.NoError(t, here.(*net.UnixConn).CloseWrite())
	answer, err := io.ReadAll(here)
	require.NoError(t, err)
	require.Contains(t, string(answer), "call on an unknown capability")
	s.Close()
}

// unknownTarget is a call on a MessageTarget with a tag that no schema has.
func unknownTarget(tb testing.TB) []byte {
	out := tape{}
	require.NoError(tb, newWire(&out).send(func(m rpccp.Message) error {
		c, err := m.NewCall()
		require.NoError(tb, err)
		c.SetInterfaceId(interfaceID)
		target, err := c.NewTarget()
		require.NoError(tb, err)
		capnp.Struct(target).SetUint16(4, 7) // MessageTarget's tag
		_, err = c.NewParams()
		return err
	}))
	return out.Bytes()
}

// pipelined is a registration, and a call on its answer.
func pipelined(tb testing.TB) []byte {
	out := tape{}
	out.Write(recorded(tb))
	require.NoError(tb, newWire(&out).send(func(m rpccp.Message) error {
		c, err := m.NewCall()
		require.NoError(tb, err)
		c.SetQuestionId(2)
		c.SetInterfaceId(interfaceID)
		target, err := c.NewTarget()
		require.NoError(tb, err)
		promised, err := target.NewPromisedAnswer()
		require.NoError(tb, err)
		promised.SetQuestionId(1)
		_, err = c.NewParams()
		return err
	}))
	return out.Bytes()
}
