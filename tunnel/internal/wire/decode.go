package wire

import (
	"encoding/binary"
	"fmt"

	"capnproto.org/go/capnp/v3"
)

// DecodeRequest decodes the message of a Head. It appends to reuse, which
// may be nil, so that a pool can keep the slice; the result keeps nothing of
// msg.
func DecodeRequest(msg []byte, reuse []Metadata) (Request, error) {
	var r Request
	m, err := openMessage(msg)
	if err != nil {
		return r, err
	}
	if m == nil {
		return decodeRequestSlow(msg, reuse)
	}
	root, err := m.root()
	if err != nil {
		return r, err
	}
	r.Type = Kind(m.uint16(root))
	if r.Dest, err = m.text(root, 0); err != nil {
		return r, err
	}
	r.Metadata, err = m.metadata(root, 1, reuse)
	return r, err
}

// DecodeResponse decodes the message of a Head, as DecodeRequest does.
func DecodeResponse(msg []byte, reuse []Metadata) (Response, error) {
	var r Response
	m, err := openMessage(msg)
	if err != nil {
		return r, err
	}
	if m == nil {
		return decodeResponseSlow(msg, reuse)
	}
	root, err := m.root()
	if err != nil {
		return r, err
	}
	if r.Error, err = m.text(root, 0); err != nil {
		return r, err
	}
	r.Metadata, err = m.metadata(root, 1, reuse)
	return r, err
}

// message is a single segment. Every text is a substring of it.
type message struct {
	segment string
	// budget is how many text bytes may still be taken. Honest texts do
	// not overlap, so a segment cannot hold more of them than its length;
	// without the bound a small message could name one big text many times.
	budget int
}

// object is a struct found in a message.
type object struct{ data, dataWords, pointers int }

// openMessage copies the segment of a one-segment frame; nil without an
// error means that the frame has more segments.
func openMessage(frame []byte) (*message, error) {
	if len(frame) < wordSize || len(frame) > MaxMessage {
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(frame))
	}
	if binary.LittleEndian.Uint32(frame) != 0 {
		return nil, nil
	}
	if words := binary.LittleEndian.Uint32(frame[4:]); uint64(len(frame)) != wordSize+wordSize*uint64(words) {
		return nil, fmt.Errorf("%w: %d bytes hold no segment of %d words", ErrMalformed, len(frame), words)
	}
	s := string(frame[wordSize:])
	return &message{segment: s, budget: len(s)}, nil
}

func (m *message) root() (object, error) {
	if len(m.segment) < wordSize {
		return object{}, fmt.Errorf("%w: no root", ErrMalformed)
	}
	p := m.word(0)
	if p == 0 {
		return object{}, nil // a null root reads as all defaults
	}
	if p&3 != kindStruct {
		return object{}, fmt.Errorf("%w: root is no struct", ErrMalformed)
	}
	o := object{dataWords: int(p >> 32 & 0xffff), pointers: int(p >> 48)}
	var ok bool
	if o.data, ok = m.target(0, p, o.dataWords+o.pointers); !ok {
		return object{}, fmt.Errorf("%w: root out of bounds", ErrMalformed)
	}
	return o, nil
}

// word reads the word at offset at, which must be in bounds.
func (m *message) word(at int) uint64 {
	s := m.segment[at : at+wordSize]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// target resolves the offset of pointer p at offset at and checks that words
// words lie there.
func (m *message) target(at int, p uint64, words int) (int, bool) {
	offset := int(int32(uint32(p)) >> 2)
	start := at + wordSize + offset*wordSize
	return start, start >= 0 && start <= len(m.segment) && words <= (len(m.segment)-start)/wordSize
}

func (m *message) uint16(o object) uint16 {
	if o.dataWords == 0 {
		return 0
	}
	return uint16(m.word(o.data))
}

// pointer reads pointer i of o; zero (null) when o is too small to have it.
func (m *message) pointer(o object, i int) (at int, p uint64) {
	if i >= o.pointers {
		return 0, 0
	}
	at = o.data + (o.dataWords+i)*wordSize
	return at, m.word(at)
}

func (m *message) text(o object, i int) (string, error) {
	at, p := m.pointer(o, i)
	if p == 0 {
		return "", nil
	}
	n := int(p >> 35)
	start, ok := m.target(at, p, (n+wordSize-1)/wordSize)
	if p&3 != kindList || p>>32&7 != elemByte || n == 0 || !ok || m.segment[start+n-1] != 0 {
		return "", fmt.Errorf("%w: text expected", ErrMalformed)
	}
	if m.budget -= n; m.budget < 0 {
		return "", fmt.Errorf("%w: texts overlap", ErrMalformed)
	}
	return m.segment[start : start+n-1], nil
}

func (m *message) metadata(o object, i int, reuse []Metadata) ([]Metadata, error) {
	at, p := m.pointer(o, i)
	if p == 0 {
		return reuse, nil
	}
	words := int(p >> 35)
	tag, ok := m.target(at, p, words+1)
	if p&3 != kindList || p>>32&7 != elemComposite || !ok {
		return nil, fmt.Errorf("%w: metadata list expected", ErrMalformed)
	}
	t := m.word(tag)
	n, e := int(uint32(t)>>2), object{data: tag + wordSize, dataWords: int(t >> 32 & 0xffff), pointers: int(t >> 48)}
	size := e.dataWords + e.pointers
	// An entry without words would make the count free of charge.
	if t&3 != kindStruct || size == 0 && n > 0 || n*size > words {
		return nil, fmt.Errorf("%w: metadata list of %d entries", ErrMalformed, n)
	}
	for range n {
		var md Metadata
		var err error
		if md.Key, err = m.text(e, 0); err != nil {
			return nil, err
		}
		if md.Val, err = m.text(e, 1); err != nil {
			return nil, err
		}
		reuse = append(reuse, md)
		e.data += size * wordSize
	}
	return reuse, nil
}

// The slow forms take what the fast ones do not understand. The library's
// read limit plays the budget's part.

func decodeRequestSlow(msg []byte, reuse []Metadata) (r Request, err error) {
	root, err := slowRoot(msg)
	if err != nil {
		return r, err
	}
	r.Type = Kind(root.Uint16(0))
	if r.Dest, err = slowText(root, 0); err != nil {
		return r, err
	}
	r.Metadata, err = slowMetadata(root, 1, reuse)
	return r, err
}

func decodeResponseSlow(msg []byte, reuse []Metadata) (r Response, err error) {
	root, err := slowRoot(msg)
	if err != nil {
		return r, err
	}
	if r.Error, err = slowText(root, 0); err != nil {
		return r, err
	}
	r.Metadata, err = slowMetadata(root, 1, reuse)
	return r, err
}

func slowRoot(msg []byte) (capnp.Struct, error) {
	m, err := capnp.Unmarshal(append([]byte(nil), msg...))
	if err != nil {
		return capnp.Struct{}, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	m.ResetReadLimit(2 * uint64(len(msg)))
	root, err := m.Root()
	if err != nil {
		return capnp.Struct{}, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	return root.Struct(), nil
}

func slowText(s capnp.Struct, i uint16) (string, error) {
	p, err := s.Ptr(i)
	if err != nil {
		return "", fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	return p.Text(), nil
}

func slowMetadata(s capnp.Struct, i uint16, reuse []Metadata) ([]Metadata, error) {
	p, err := s.Ptr(i)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	list := p.List()
	if size := list.Len(); size > MaxMessage/(metadataPointers*wordSize) {
		return nil, fmt.Errorf("%w: metadata list of %d entries", ErrMalformed, size)
	}
	for j := range list.Len() {
		var md Metadata
		if md.Key, err = slowText(list.Struct(j), 0); err != nil {
			return nil, err
		}
		if md.Val, err = slowText(list.Struct(j), 1); err != nil {
			return nil, err
		}
		reuse = append(reuse, md)
	}
	return reuse, nil
}
