// Package registration speaks the control stream: Cap'n Proto RPC on the
// first stream of a connection, by which a connector registers it, says its
// local configuration, and takes it out of service. The connector is the
// client; the edge serves the bootstrap interface.
//
// There is no generated code: interface and method ids and the layouts of
// the structs are all that is on the wire, and they are written here.
package registration

import (
	"errors"
	"fmt"
	"time"

	"capnproto.org/go/capnp/v3"
	"github.com/google/uuid"

	"pqbench/tunnel"
)

// Interface and methods of the edge's RegistrationServer (cloudflared's schema).
const (
	interfaceID          = 0xf71695ec7fe85497
	methodRegister       = 0
	methodUnregister     = 1
	methodUpdateLocal    = 2
	maxFeatures          = 64
	resultError, details = 0, 1 // tags of ConnectionResponse.result
)

// Sizes of the structs: data bytes and pointers.
var (
	sizeRegisterParams  = capnp.ObjectSize{DataSize: 8, PointerCount: 3}
	sizeRegisterResults = capnp.ObjectSize{PointerCount: 1}
	sizeAuth            = capnp.ObjectSize{PointerCount: 2}
	sizeOptions         = capnp.ObjectSize{DataSize: 8, PointerCount: 2}
	sizeClientInfo      = capnp.ObjectSize{PointerCount: 4}
	sizeResponse        = capnp.ObjectSize{DataSize: 8, PointerCount: 1}
	sizeError           = capnp.ObjectSize{DataSize: 16, PointerCount: 1}
	sizeDetails         = capnp.ObjectSize{DataSize: 8, PointerCount: 2}
	sizeUpdateParams    = capnp.ObjectSize{PointerCount: 1}
)

// A Request is what registerConnection asks.
type Request struct {
	Credentials tunnel.Credentials
	Index       uint8
	Client      uuid.UUID
	Features    []string
	Version     string
	Arch        string // "linux_amd64" style
	OriginIP    []byte // 16 bytes; over QUIC cloudflared puts the edge's address here
	Replace     bool   // take the place of a connection with the same key
	Attempts    uint8  // failed attempts before this one
}

// Details is the answer to an accepted registration.
type Details struct {
	Connection      uuid.UUID
	Location        string
	RemotelyManaged bool
}

// An Error is a refused registration. It unwraps to tunnel.ErrUnauthorized
// or tunnel.ErrDuplicateConnection where its cause says so.
type Error struct {
	Cause       string
	RetryAfter  time.Duration
	ShouldRetry bool // false: permanent
}

// Error is the edge's own text.
func (e *Error) Error() string { return "edge refused the registration: " + e.Cause }

// Unwrap is the shared error that the cause stands for, if any.
func (e *Error) Unwrap() error {
	switch {
	case e.Cause == tunnel.CauseDuplicate:
		return tunnel.ErrDuplicateConnection
	case len(e.Cause) >= len(tunnel.CauseUnauthorized) && e.Cause[:len(tunnel.CauseUnauthorized)] == tunnel.CauseUnauthorized:
		return tunnel.ErrUnauthorized
	}
	return nil
}

func (r *Request) encode(s capnp.Struct) error {
	s.SetUint8(0, r.Index)
	auth, err := child(s, 0, sizeAuth)
	if err != nil {
		return err
	}
	options, err := child(s, 2, sizeOptions)
	if err != nil {
		return err
	}
	options.SetBit(0, r.Replace)
	options.SetUint8(2, r.Attempts)
	client, err := child(options, 0, sizeClientInfo)
	if err != nil {
		return err
	}
	features, err := capnp.NewTextList(s.Segment(), int32(len(r.Features)))
	if err != nil {
		return err
	}
	for i, f := range r.Features {
		err = errors.Join(err, features.Set(i, f))
	}
	return errors.Join(err,
		auth.SetText(0, r.Credentials.AccountTag),
		auth.SetData(1, r.Credentials.TunnelSecret),
		s.SetData(1, r.Credentials.TunnelID[:]),
		options.SetData(1, r.OriginIP),
		client.SetData(0, r.Client[:]),
		client.SetPtr(1, features.ToPtr()),
		client.SetText(2, r.Version),
		client.SetText(3, r.Arch),
	)
}

func decodeRequest(s capnp.Struct) (r Request, err error) {
	d := decoder{}
	auth, options := d.child(s, 0), d.child(s, 2)
	client := d.child(options, 0)
	r.Index = s.Uint8(0)
	r.Credentials.AccountTag = d.text(auth, 0)
	r.Credentials.TunnelSecret = d.data(auth, 1)
	r.Credentials.TunnelID = d.id(s, 1)
	r.Replace = options.Bit(0)
	r.Attempts = options.Uint8(2)
	r.OriginIP = d.data(options, 1)
	r.Client = d.id(client, 0)
	r.Features = d.texts(client, 1)
	r.Version = d.text(client, 2)
	r.Arch = d.text(client, 3)
	return r, d.err
}

// encodeResponse fills a ConnectionResponse: the error when refused is not nil.
func encodeResponse(s capnp.Struct, ok Details, refused *Error) error {
	if refused != nil {
		s.SetUint16(0, resultError)
		e, err := child(s, 0, sizeError)
		if err != nil {
			return err
		}
		e.SetUint64(0, uint64(refused.RetryAfter))
		e.SetBit(64, refused.ShouldRetry)
		return e.SetText(0, refused.Cause)
	}
	s.SetUint16(0, details)
	e, err := child(s, 0, sizeDetails)
	if err != nil {
		return err
	}
	e.SetBit(0, ok.RemotelyManaged)
	return errors.Join(e.SetData(0, ok.Connection[:]), e.SetText(1, ok.Location))
}

// decodeResponse reads a ConnectionResponse: details, or a refusal.
func decodeResponse(s capnp.Struct) (Details, *Error, error) {
	d := decoder{}
	arm := d.child(s, 0)
	switch tag := s.Uint16(0); tag {
	case resultError:
		refused := &Error{
			Cause:       d.text(arm, 0),
			RetryAfter:  time.Duration(arm.Uint64(0)),
			ShouldRetry: arm.Bit(64),
		}
		return Details{}, refused, d.err
	case details:
		ok := Details{Connection: d.id(arm, 0), Location: d.text(arm, 1), RemotelyManaged: arm.Bit(0)}
		return ok, nil, d.err
	default:
		return Details{}, nil, fmt.Errorf("registration answer has unknown arm %d", tag)
	}
}

func child(s capnp.Struct, i uint16, size capnp.ObjectSize) (capnp.Struct, error) {
	c, err := capnp.NewStruct(s.Segment(), size)
	if err != nil {
		return c, err
	}
	return c, s.SetPtr(i, c.ToPtr())
}

// decoder keeps the first error of a row of reads. Absent values read as zero.
type decoder struct{ err error }

func (d *decoder) ptr(s capnp.Struct, i uint16) capnp.Ptr {
	p, err := s.Ptr(i)
	if err != nil && d.err == nil {
		d.err = fmt.Errorf("malformed registration: %w", err)
	}
	return p
}

func (d *decoder) child(s capnp.Struct, i uint16) capnp.Struct { return d.ptr(s, i).Struct() }
func (d *decoder) text(s capnp.Struct, i uint16) string        { return d.ptr(s, i).Text() }

// data copies: the message's memory is reused after the call.
func (d *decoder) data(s capnp.Struct, i uint16) []byte {
	return append([]byte(nil), d.ptr(s, i).Data()...)
}

func (d *decoder) id(s capnp.Struct, i uint16) uuid.UUID {
	id, err := uuid.FromBytes(d.ptr(s, i).Data())
	if err != nil && d.err == nil {
		d.err = errors.New("malformed registration: an id must have 16 bytes")
	}
	return id
}

func (d *decoder) texts(s capnp.Struct, i uint16) []string {
	list := capnp.TextList(d.ptr(s, i).List())
	if list.Len() > maxFeatures {
		d.err = errors.Join(d.err, fmt.Errorf("malformed registration: more than %d features", maxFeatures))
		return nil
	}
	var texts []string
	for j := range list.Len() {
		text, err := list.At(j)
		if err != nil {
			d.err = errors.Join(d.err, err)
			break
		}
		texts = append(texts, text)
	}
	return texts
}
