package registration

import (
	"context"
	"io"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/rpc"
	"capnproto.org/go/capnp/v3/server"
)

// A Handler decides what a control stream asks for. Calls on one stream come
// one after the other.
type Handler interface {
	// Register accepts or, with a non-nil *Error, refuses.
	Register(Request) (Details, *Error)
	Unregister()
	UpdateLocalConfiguration(json []byte)
}

// A Server is the edge's end of a control stream.
type Server struct{ conn *rpc.Conn }

// Serve starts RPC on stream and owns it from then on. Closing the stream
// must unblock a pending Read.
func Serve(stream io.ReadWriteCloser, h Handler) *Server {
	srv := server.New([]server.Method{
		{Method: method(methodRegister, "registerConnection"), Impl: func(_ context.Context, c *server.Call) error {
			return register(h, c)
		}},
		{Method: method(methodUnregister, "unregisterConnection"), Impl: func(_ context.Context, c *server.Call) error {
			h.Unregister()
			_, err := c.AllocResults(capnp.ObjectSize{})
			return err
		}},
		{Method: method(methodUpdateLocal, "updateLocalConfiguration"), Impl: func(_ context.Context, c *server.Call) error {
			d := decoder{}
			if json := d.data(c.Args(), 0); d.err == nil {
				h.UpdateLocalConfiguration(json)
			}
			_, err := c.AllocResults(capnp.ObjectSize{})
			return err
		}},
	}, nil, nil)
	return &Server{conn: rpc.NewConn(newTransport(stream), &rpc.Options{BootstrapClient: capnp.NewClient(srv)})}
}

// Done is closed when the peer or Close has ended the stream.
func (s *Server) Done() <-chan struct{} { return s.conn.Done() }

// Close ends RPC and the stream and waits for what served them.
func (s *Server) Close() {
	_ = s.conn.Close() // "already closed" when the peer was first
	<-s.conn.Done()
}

func register(h Handler, c *server.Call) error {
	request, err := decodeRequest(c.Args())
	if err != nil {
		return err
	}
	ok, refused := h.Register(request)
	results, err := c.AllocResults(sizeRegisterResults)
	if err != nil {
		return err
	}
	response, err := child(results, 0, sizeResponse)
	if err != nil {
		return err
	}
	return encodeResponse(response, ok, refused)
}
