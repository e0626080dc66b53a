package registration

import (
	"context"
	"errors"
	"fmt"
	"time"

	"capnproto.org/go/capnp/v3"
	rpccp "capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// A Client is the connector's end of a control stream. Register comes first;
// calls must not overlap.
type Client struct {
	wire     *wire
	question uint32 // the next id
	edge     uint32 // import id of the RegistrationServer
	known    bool   // edge is set
}

// bootQuestion asks for the RegistrationServer.
const bootQuestion = 0

// NewClient speaks on stream and owns it from then on.
func NewClient(stream Stream) *Client {
	return &Client{wire: newWire(stream), question: bootQuestion + 1}
}

// Register asks the edge to send requests here. A refusal is an *Error.
func (c *Client) Register(ctx context.Context, r Request) (Details, error) {
	var ok Details
	var refused *Error
	err := c.call(ctx, methodRegister, sizeRegisterParams, r.encode, func(results capnp.Struct) (err error) {
		d := decoder{}
		response := d.child(results, 0)
		if d.err != nil {
			return d.err
		}
		ok, refused, err = decodeResponse(response)
		return err
	})
	if err != nil {
		return Details{}, fmt.Errorf("register connection %d: %w", r.Index, err)
	}
	if refused != nil {
		return Details{}, refused
	}
	c.wire.trust()
	return ok, nil
}

// UpdateLocalConfiguration tells the edge the connector's configuration as
// JSON. The edge may ignore it.
func (c *Client) UpdateLocalConfiguration(ctx context.Context, config []byte) error {
	place := func(s capnp.Struct) error { return s.SetData(0, config) }
	if err := c.call(ctx, methodUpdateLocal, sizeUpdateParams, place, nil); err != nil {
		return fmt.Errorf("update local configuration: %w", err)
	}
	return nil
}

// Unregister asks the edge to send no more requests. What is in flight goes on.
func (c *Client) Unregister(ctx context.Context) error {
	if err := c.call(ctx, methodUnregister, capnp.ObjectSize{}, nil, nil); err != nil {
		return fmt.Errorf("unregister connection: %w", err)
	}
	return nil
}

// Close says goodbye, if that takes no waiting, and closes the stream.
func (c *Client) Close() error {
	_ = c.wire.stream.SetDeadline(time.Now().Add(abortTimeout))
	_ = c.wire.send(abort("connector closes the control stream"))
	return c.wire.stream.Close()
}

// abortTimeout bounds a farewell to a peer that does not read.
const abortTimeout = 100 * time.Millisecond

// call calls a method and gives its results to take, which may be nil. The
// end of ctx leaves the stream unusable.
func (c *Client) call(ctx context.Context, id uint16, size capnp.ObjectSize, place, take func(capnp.Struct) error) error {
	stop := context.AfterFunc(ctx, func() { _ = c.wire.stream.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	question := c.question
	c.question++
	err := c.ask(question, id, size, place)
	if err == nil {
		err = c.await(question, take)
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// ask sends a call; the first goes out with the Bootstrap whose answer is its
// target, as cloudflared's does.
func (c *Client) ask(question uint32, id uint16, size capnp.ObjectSize, place func(capnp.Struct) error) error {
	call := func(m rpccp.Message) error {
		call, err := m.NewCall()
		if err != nil {
			return err
		}
		call.SetQuestionId(question)
		call.SetInterfaceId(interfaceID)
		call.SetMethodId(id)
		return errors.Join(c.aim(call), c.fill(call, size, place))
	}
	if c.known {
		return c.wire.send(call)
	}
	return c.wire.send(func(m rpccp.Message) error {
		b, err := m.NewBootstrap()
		if err != nil {
			return err
		}
		b.SetQuestionId(bootQuestion)
		return nil
	}, call)
}

func (c *Client) aim(call rpccp.Call) error {
	target, err := call.NewTarget()
	if err != nil {
		return err
	}
	if c.known {
		target.SetImportedCap(c.edge)
		return nil
	}
	promised, err := target.NewPromisedAnswer()
	if err != nil {
		return err
	}
	promised.SetQuestionId(bootQuestion)
	return nil
}

func (c *Client) fill(call rpccp.Call, size capnp.ObjectSize, place func(capnp.Struct) error) error {
	payload, err := call.NewParams()
	if err != nil {
		return err
	}
	params, err := capnp.NewStruct(payload.Segment(), size)
	if err != nil {
		return err
	}
	if place != nil {
		if err := place(params); err != nil {
			return err
		}
	}
	return payload.SetContent(params.ToPtr())
}

// await reads until the call is answered, and the Bootstrap before it.
func (c *Client) await(question uint32, take func(capnp.Struct) error) error {
	for {
		m, err := c.wire.receive()
		if err != nil {
			return err
		}
		answered, err := c.handle(m, question, take)
		m.Message().Release()
		if err != nil {
			return err
		}
		if answered {
			return nil
		}
	}
}

func (c *Client) handle(m rpccp.Message, question uint32, take func(capnp.Struct) error) (answered bool, err error) {
	switch m.Which() {
	case rpccp.Message_Which_return:
	case rpccp.Message_Which_abort:
		return false, aborted(m)
	default: // the edge has nothing to ask here
		return false, fmt.Errorf("%w: unexpected %v message", errProtocol, m.Which())
	}
	r, err := m.Return()
	if err != nil {
		return false, err
	}
	results, err := returned(r)
	if err != nil {
		return false, err
	}
	switch r.AnswerId() {
	case question:
		content, err := results.Content()
		if err == nil && take != nil {
			err = take(content.Struct())
		}
		return true, errors.Join(err, c.wire.later(finish(question)))
	case bootQuestion:
		if err := c.learn(results); err != nil {
			return false, err
		}
		return false, c.wire.later(finish(bootQuestion))
	}
	return false, fmt.Errorf("%w: answer to question %d", errProtocol, r.AnswerId())
}

// returned is the payload of a Return, or the error in its place.
func returned(r rpccp.Return) (rpccp.Payload, error) {
	switch r.Which() {
	case rpccp.Return_Which_results:
		return r.Results()
	case rpccp.Return_Which_exception:
		e, err := r.Exception()
		if err != nil {
			return rpccp.Payload{}, err
		}
		reason, err := e.Reason()
		if err != nil {
			return rpccp.Payload{}, err
		}
		return rpccp.Payload{}, fmt.Errorf("edge: %s", reason)
	}
	return rpccp.Payload{}, fmt.Errorf("%w: a return without results", errProtocol)
}

// learn takes the import id from the answer to Bootstrap.
func (c *Client) learn(results rpccp.Payload) error {
	content, err := results.Content()
	if err != nil {
		return err
	}
	table, err := results.CapTable()
	if err != nil {
		return err
	}
	i := content.Interface().Capability()
	if !content.Interface().IsValid() || int64(i) >= int64(table.Len()) {
		return fmt.Errorf("%w: bootstrap brought no capability", errProtocol)
	}
	capability := table.At(int(i))
	switch capability.Which() {
	case rpccp.CapDescriptor_Which_senderHosted:
		c.edge = capability.SenderHosted()
	case rpccp.CapDescriptor_Which_senderPromise:
		c.edge = capability.SenderPromise()
	default:
		return fmt.Errorf("%w: bootstrap capability is %v", errProtocol, capability.Which())
	}
	c.known = true
	return nil
}
