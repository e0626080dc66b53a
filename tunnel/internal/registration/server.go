package registration

import (
	"fmt"
	"time"

	"capnproto.org/go/capnp/v3"
	rpccp "capnproto.org/go/capnp/v3/std/capnp/rpc"
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
type Server struct {
	wire    *wire
	handler Handler
	// boots are the questions by which the peer asked for the one
	// capability there is, and which a call may still name as its target.
	boots map[uint32]bool
	done  chan struct{}
}

// exportID names the RegistrationServer; it is the only export.
const exportID = 0

// Serve answers calls on stream until it ends, and then closes it.
func Serve(stream Stream, h Handler) *Server {
	s := &Server{wire: newServerWire(stream), handler: h, boots: make(map[uint32]bool), done: make(chan struct{})}
	go s.run()
	return s
}

// Done is closed when the stream has ended and no call is in progress.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close ends the stream and waits for a call in progress.
func (s *Server) Close() {
	_ = s.wire.stream.SetDeadline(time.Unix(1, 0))
	<-s.done
}

func (s *Server) run() {
	defer close(s.done)
	defer s.wire.stream.Close()
	for {
		m, err := s.wire.receive()
		if err != nil {
			_ = s.wire.flush()
			return
		}
		err = s.handle(m)
		m.Message().Release()
		if err == nil && s.wire.atHand.Buffered() == 0 {
			err = s.wire.flush() // what came last had no answer to go with
		}
		if err != nil {
			_ = s.wire.send(abort(err.Error()))
			return
		}
	}
}

// handle answers one message. An error ends the stream.
func (s *Server) handle(m rpccp.Message) error {
	switch m.Which() {
	case rpccp.Message_Which_bootstrap:
		b, err := m.Bootstrap()
		if err != nil {
			return err
		}
		s.boots[b.QuestionId()] = true
		return s.wire.hold(answer(b.QuestionId(), placeExport))
	case rpccp.Message_Which_call:
		c, err := m.Call()
		if err != nil {
			return err
		}
		return s.call(c)
	case rpccp.Message_Which_finish:
		f, err := m.Finish()
		if err != nil {
			return err
		}
		delete(s.boots, f.QuestionId())
		return nil
	case rpccp.Message_Which_release, rpccp.Message_Which_unimplemented:
		return nil // the export lives as long as the stream
	case rpccp.Message_Which_abort:
		return aborted(m)
	default: // what a peer of level 0 may answer so
		return s.wire.send(func(reply rpccp.Message) error { return reply.SetUnimplemented(m) })
	}
}

// call runs a method and answers it.
func (s *Server) call(c rpccp.Call) error {
	if !s.reaches(c) {
		return s.fail(c.QuestionId(), rpccp.Exception_Type_failed, "call on an unknown capability")
	}
	params, err := c.Params()
	if err != nil {
		return err
	}
	content, err := params.Content()
	if err != nil {
		return err
	}
	if c.InterfaceId() != interfaceID || c.SendResultsTo().Which() != rpccp.Call_sendResultsTo_Which_caller {
		return s.fail(c.QuestionId(), rpccp.Exception_Type_unimplemented, "unknown interface")
	}
	switch c.MethodId() {
	case methodRegister:
		return s.register(c.QuestionId(), content.Struct())
	case methodUnregister:
		s.handler.Unregister()
	case methodUpdateLocal:
		d := decoder{}
		json := d.data(content.Struct(), 0)
		if d.err != nil {
			return d.err
		}
		s.handler.UpdateLocalConfiguration(json)
	default:
		return s.fail(c.QuestionId(), rpccp.Exception_Type_unimplemented, "unknown method")
	}
	return s.answer(c.QuestionId(), placeNothing)
}

// reaches reports whether a call is for the export: by its id, or pipelined
// on the answer that brings it.
func (s *Server) reaches(c rpccp.Call) bool {
	target, err := c.Target()
	if err != nil {
		return false
	}
	switch target.Which() {
	case rpccp.MessageTarget_Which_importedCap:
		return target.ImportedCap() == exportID
	case rpccp.MessageTarget_Which_promisedAnswer:
	default:
		return false // a kind of a later schema; its accessor would panic
	}
	promised, err := target.PromisedAnswer()
	if err != nil || !s.boots[promised.QuestionId()] {
		return false
	}
	transform, err := promised.Transform()
	return err == nil && transform.Len() == 0
}

func (s *Server) register(question uint32, params capnp.Struct) error {
	request, err := decodeRequest(params)
	if err != nil {
		return s.fail(question, rpccp.Exception_Type_failed, err.Error())
	}
	ok, refused := s.handler.Register(request)
	if refused == nil {
		s.wire.trust()
	}
	return s.answer(question, func(p rpccp.Payload) error {
		results, err := capnp.NewStruct(p.Segment(), sizeRegisterResults)
		if err != nil {
			return err
		}
		response, err := child(results, 0, sizeResponse)
		if err != nil {
			return err
		}
		if err := encodeResponse(response, ok, refused); err != nil {
			return err
		}
		return p.SetContent(results.ToPtr())
	})
}

// answer returns results, which place fills in.
func (s *Server) answer(question uint32, place func(rpccp.Payload) error) error {
	return s.wire.send(answer(question, place))
}

// answer is a Return with results.
func answer(question uint32, place func(rpccp.Payload) error) func(rpccp.Message) error {
	return func(m rpccp.Message) error {
		r, err := m.NewReturn()
		if err != nil {
			return err
		}
		r.SetAnswerId(question)
		p, err := r.NewResults()
		if err != nil {
			return err
		}
		return place(p)
	}
}

// fail returns an exception: the call failed, the stream goes on.
func (s *Server) fail(question uint32, kind rpccp.Exception_Type, reason string) error {
	return s.wire.send(func(m rpccp.Message) error {
		r, err := m.NewReturn()
		if err != nil {
			return err
		}
		r.SetAnswerId(question)
		e, err := r.NewException()
		if err != nil {
			return err
		}
		e.SetType(kind)
		return e.SetReason(fmt.Sprintf("RegistrationServer: %s", reason))
	})
}

func placeNothing(p rpccp.Payload) error {
	empty, err := capnp.NewStruct(p.Segment(), capnp.ObjectSize{})
	if err != nil {
		return err
	}
	return p.SetContent(empty.ToPtr())
}

// placeExport is the answer to Bootstrap: capability 0 of a table of one.
func placeExport(p rpccp.Payload) error {
	table, err := p.NewCapTable(1)
	if err != nil {
		return err
	}
	table.At(0).SetSenderHosted(exportID)
	return p.SetContent(capnp.NewInterface(p.Segment(), 0).ToPtr())
}
