// Package duplex passes bytes both ways between two ends, as both sides of the tunnel do for WebSocket and TCP streams.
package duplex

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
)

// An End is one of the two ends. Its directions end apart.
type End interface {
	io.Reader
	io.Writer
	// CloseWrite says that no more is coming.
	CloseWrite() error
	// Abort ends both directions at once, Reads and Writes in progress included.
	Abort()
}

// Linger bounds how long one direction of a WebSocket stays open behind the other. The closing handshake lies within
// the bytes, so whoever ends its direction has said all and awaits nothing that matters.
const Linger = 5 * time.Second

// Copy passes bytes on until both directions have ended, and returns how many there were. A direction that fails
// aborts both; the error is the first. With a linger above zero, one that ends takes the other with it after that time.
func Copy(a, b End, linger time.Duration) (aToB, bToA int64, err error) {
	p := &pair{a: a, b: b}
	back := make(chan struct{})
	go func() {
		defer close(back)
		bToA = p.pass(a, b, linger)
	}()
	aToB = p.pass(b, a, linger)
	<-back
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
	return aToB, bToA, p.err
}

type pair struct {
	a, b  End
	mu    sync.Mutex
	ended bool // one direction has
	err   error
	timer *time.Timer
}

// pass copies one direction.
func (p *pair) pass(to, from End, linger time.Duration) int64 {
	buf := buffers.Get().(*[]byte)
	n, err := io.CopyBuffer(writerOnly{to}, readerOnly{from}, *buf)
	buffers.Put(buf)
	p.end(err, linger)
	if err == nil {
		// It fails only where the far side was first: what it has to say decides. An end that then closes as a whole fails
		// the other direction, which must not count for the first failure: the end above came before it.
		_ = to.CloseWrite()
	}
	return n
}

// end notes that a direction has ended.
func (p *pair) end(err error, linger time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.timer != nil:
		p.timer.Stop() // the second end in time, or by the timer
	case err != nil:
		if p.err == nil {
			p.err = err
		}
		p.abort()
	case !p.ended && linger > 0:
		p.timer = time.AfterFunc(linger, p.abort)
	}
	p.ended = true
}

func (p *pair) abort() {
	p.a.Abort()
	p.b.Abort()
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// readerOnly and writerOnly hide ReadFrom and WriteTo, which would bring buffers of their own.
type readerOnly struct{ io.Reader }
type writerOnly struct{ io.Writer }

// Conn is an End of the network. Reader, if not nil, has what was read ahead.
type Conn struct {
	net.Conn
	Reader io.Reader
}

func (c Conn) Read(p []byte) (int, error) {
	if c.Reader != nil {
		return c.Reader.Read(p)
	}
	return c.Conn.Read(p)
}

// CloseWrite sends a FIN, or closes what cannot (RFC 8446 lets TLS say the end; a pipe has no halves).
func (c Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// Abort closes the connection.
func (c Conn) Abort() { _ = c.Close() }

// Stream is an End of the tunnel. Reader, if not nil, has what was read ahead.
type Stream struct {
	*quic.Stream
	Reader io.Reader

	ended atomic.Bool
}

func (s *Stream) Read(p []byte) (int, error) {
	if s.Reader != nil {
		return s.Reader.Read(p)
	}
	return s.Stream.Read(p)
}

// CloseWrite sends a FIN.
func (s *Stream) CloseWrite() error {
	s.ended.Store(true)
	return s.Close()
}

// Ended reports whether CloseWrite was called: then the stream's context is done although nobody cancelled it.
func (s *Stream) Ended() bool { return s.ended.Load() }

// Abort resets both directions.
func (s *Stream) Abort() {
	s.CancelRead(0)
	s.CancelWrite(0)
}
