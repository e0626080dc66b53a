package registration

import (
	"context"
	"fmt"
	"io"

	"capnproto.org/go/capnp/v3"
	"capnproto.org/go/capnp/v3/rpc"
)

// A Client is the connector's end of a control stream.
type Client struct {
	conn *rpc.Conn
	edge capnp.Client
}

// NewClient starts RPC on stream and owns it from then on. Closing the
// stream must unblock a pending Read.
func NewClient(ctx context.Context, stream io.ReadWriteCloser) *Client {
	conn := rpc.NewConn(newTransport(stream), nil)
	return &Client{conn: conn, edge: conn.Bootstrap(ctx)}
}

// Register asks the edge to send requests here. A refusal is an *Error.
func (c *Client) Register(ctx context.Context, r Request) (Details, error) {
	answer, release := c.edge.SendCall(ctx, capnp.Send{
		Method:    method(methodRegister, "registerConnection"),
		ArgsSize:  sizeRegisterParams,
		PlaceArgs: r.encode,
	})
	defer release()
	results, err := answer.Struct()
	if err != nil {
		return Details{}, fmt.Errorf("register connection %d: %w", r.Index, err)
	}
	d := decoder{}
	response := d.child(results, 0)
	if d.err != nil {
		return Details{}, d.err
	}
	return decodeResponse(response)
}

// UpdateLocalConfiguration tells the edge the connector's configuration as
// JSON. The edge may ignore it.
func (c *Client) UpdateLocalConfiguration(ctx context.Context, config []byte) error {
	answer, release := c.edge.SendCall(ctx, capnp.Send{
		Method:    method(methodUpdateLocal, "updateLocalConfiguration"),
		ArgsSize:  sizeUpdateParams,
		PlaceArgs: func(s capnp.Struct) error { return s.SetData(0, config) },
	})
	defer release()
	if _, err := answer.Struct(); err != nil {
		return fmt.Errorf("update local configuration: %w", err)
	}
	return nil
}

// Unregister asks the edge to send no more requests. What is in flight goes on.
func (c *Client) Unregister(ctx context.Context) error {
	answer, release := c.edge.SendCall(ctx, capnp.Send{Method: method(methodUnregister, "unregisterConnection")})
	defer release()
	if _, err := answer.Struct(); err != nil {
		return fmt.Errorf("unregister connection: %w", err)
	}
	return nil
}

// Close ends RPC and the stream and waits for what served them.
func (c *Client) Close() error {
	c.edge.Release()
	err := c.conn.Close()
	<-c.conn.Done()
	return err
}

func method(id uint16, name string) capnp.Method {
	return capnp.Method{InterfaceID: interfaceID, MethodID: id, InterfaceName: "RegistrationServer", MethodName: name}
}
