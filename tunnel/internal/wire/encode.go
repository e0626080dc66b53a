package wire

import (
	"encoding/binary"
	"fmt"
)

// Cap'n Proto constants (capnproto.org/encoding.html): a pointer's lowest two
// bits are its kind, a list pointer's bits 32-34 the size of its elements.
const (
	wordSize      = 8
	kindStruct    = 0
	kindList      = 1
	elemByte      = 2
	elemComposite = 7

	metadataPointers = 2 // Metadata: no data, key and value
)

// An Encoder appends one head to a buffer: preamble, frame, message. Begin
// it with BeginRequest or BeginResponse, Add exactly the announced number of
// entries, then Finish.
type Encoder struct {
	buf   []byte
	frame int // offset of the frame in buf
	entry int // offset of the next entry's pointers
	left  int // entries still to add
}

// BeginRequest starts a ConnectRequest (one data word, two pointers) in buf.
func BeginRequest(buf []byte, dest string, kind Kind, entries int) Encoder {
	e := begin(buf, 1, 2)
	body := e.segment() + wordSize
	binary.LittleEndian.PutUint16(e.buf[body:], uint16(kind))
	e.text(body+wordSize, dest, "")
	e.list(body+2*wordSize, entries)
	return e
}

// BeginResponse starts a ConnectResponse (two pointers) in buf.
func BeginResponse(buf []byte, errText string, entries int) Encoder {
	e := begin(buf, 0, 2)
	body := e.segment() + wordSize
	e.text(body, errText, "")
	e.list(body+wordSize, entries)
	return e
}

// Add writes one metadata entry whose key is prefix and key joined.
func (e *Encoder) Add(prefix, key, val string) {
	if e.left--; e.left < 0 {
		return // Finish reports it
	}
	at := e.entry
	e.entry += metadataPointers * wordSize
	e.text(at, prefix, key)
	e.text(at+wordSize, val, "")
}

// Finish completes the frame and returns the buffer. The error is
// ErrTooLarge, or a mismatch of announced and added entries.
func (e *Encoder) Finish() ([]byte, error) {
	if e.left != 0 {
		return nil, fmt.Errorf("encode head: %d metadata entries missing", e.left)
	}
	if len(e.buf)-e.frame > MaxMessage {
		return nil, ErrTooLarge
	}
	words := (len(e.buf) - e.segment()) / wordSize
	binary.LittleEndian.PutUint32(e.buf[e.frame+4:], uint32(words))
	return e.buf, nil
}

// begin writes the preamble, a one-segment frame header, and a root pointer
// to the struct right behind it.
func begin(buf []byte, dataWords, pointers int) Encoder {
	buf = append(buf, SignatureData...)
	buf = append(buf, Version...)
	e := Encoder{buf: buf, frame: len(buf)}
	e.zeros(2 + dataWords + pointers)
	e.pointer(e.segment(), kindStruct, e.segment()+wordSize, uint32(dataWords)|uint32(pointers)<<16)
	return e
}

func (e *Encoder) segment() int { return e.frame + wordSize }

func (e *Encoder) zeros(words int) {
	for range words {
		e.buf = append(e.buf, 0, 0, 0, 0, 0, 0, 0, 0)
	}
}

// pointer writes a pointer at offset at to the object at offset target.
func (e *Encoder) pointer(at int, kind uint32, target int, upper uint32) {
	offset := uint32((target - at - wordSize) / wordSize)
	binary.LittleEndian.PutUint32(e.buf[at:], offset<<2|kind)
	binary.LittleEndian.PutUint32(e.buf[at+4:], upper)
}

// text writes a and b joined as a NUL-terminated list of bytes, and leaves
// the pointer null when both are empty.
func (e *Encoder) text(at int, a, b string) {
	n := len(a) + len(b)
	if n == 0 {
		return
	}
	e.pointer(at, kindList, len(e.buf), elemByte|uint32(n+1)<<3)
	e.buf = append(append(e.buf, a...), b...)
	for pad := wordSize - n%wordSize; pad > 0; pad-- { // at least the NUL
		e.buf = append(e.buf, 0)
	}
}

// list reserves a composite list of n Metadata, none when n is zero.
func (e *Encoder) list(at, n int) {
	if n == 0 {
		return
	}
	words := n * metadataPointers
	e.left = n
	e.pointer(at, kindList, len(e.buf), elemComposite|uint32(words)<<3)
	tag := len(e.buf)
	e.zeros(1 + words)
	binary.LittleEndian.PutUint32(e.buf[tag:], uint32(n)<<2)
	binary.LittleEndian.PutUint32(e.buf[tag+4:], metadataPointers<<16)
	e.entry = tag + wordSize
}
