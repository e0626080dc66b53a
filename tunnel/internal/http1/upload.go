package http1

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	copySize = 32 << 10
	// chunkHead is room for the size of a chunk of up to 64 KiB, in hexadecimal, and its CRLF.
	chunkHead = 6
	// lastWrite is how long the end of an upload may take once the response is complete. net/http waits as long.
	lastWrite = 50 * time.Millisecond
)

var buffers = sync.Pool{New: func() any { b := make([]byte, chunkHead+copySize+2); return &b }}

// upload sends a body while the response may come.
type upload struct {
	conn  *conn
	req   *http.Request
	left  int64 // -1: unknown, chunked
	done  chan struct{}
	last  atomic.Bool           // nothing is left to read of the body
	whole bool                  // with done: sent to its end
	cause atomic.Pointer[error] // why the body could not be read
}

// buffered is a body that knows how much of it a Read returns at once.
type buffered interface{ Buffered() int }

// send writes the head, in one write with as much of the body as is there, and starts the upload of the rest.
func (x *exchange) send(head []byte) error {
	defer func() { x.conn.out = head[:0] }()
	left := x.req.ContentLength
	if left > 0 {
		if b, ok := x.req.Body.(buffered); ok && b.Buffered() > 0 {
			room := min(int64(b.Buffered()), left)
			at := len(head)
			head = append(head, make([]byte, room)...)
			n, err := io.ReadFull(x.req.Body, head[at:])
			if err != nil {
				return fmt.Errorf("read request body: %w", err)
			}
			left -= int64(n)
		}
	}
	if _, err := x.conn.net.Write(head); err != nil {
		return err
	}
	if left == 0 {
		closeBody(x.req)
		return nil
	}
	x.up = &upload{conn: x.conn, req: x.req, left: left, done: make(chan struct{})}
	go x.up.run()
	return nil
}

func (u *upload) run() {
	defer close(u.done)
	defer closeBody(u.req)
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for !u.whole {
		if err := u.step(*buf); err != nil {
			return
		}
	}
}

// step passes on what one Read returns. A body that cannot be read cuts the connection, so that the origin does not
// take a part for the whole. An origin that reads no more may have answered: that is for the response's reader to see.
func (u *upload) step(buf []byte) error {
	into := buf[chunkHead : chunkHead+copySize]
	if u.left >= 0 {
		into = into[:min(int64(len(into)), u.left)]
	}
	n, err := u.req.Body.Read(into)
	if u.left >= 0 {
		u.left -= int64(n)
	}
	end := u.left == 0 || u.left < 0 && err == io.EOF
	if err != nil && !end {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		err = fmt.Errorf("read request body: %w", err)
		u.cause.Store(&err) // before the response's reader can ask
		_ = u.conn.net.Close()
		return err
	}
	u.last.Store(end)
	if n == 0 && !end {
		return nil
	}
	if _, err := u.conn.net.Write(u.frame(buf, n, end)); err != nil {
		return err
	}
	u.whole = end
	return nil
}

// frame is what n bytes in the middle of buf look like on the connection.
func (u *upload) frame(buf []byte, n int, end bool) []byte {
	out := buf[chunkHead : chunkHead+n]
	if u.left >= 0 {
		return out
	}
	if n > 0 {
		var size [chunkHead]byte
		head := append(strconv.AppendInt(size[:0], int64(n), 16), "\r\n"...)
		start := chunkHead - len(head)
		copy(buf[start:], head)
		out = append(buf[start:chunkHead+n], "\r\n"...)
	}
	if end {
		out = append(out, "0\r\n\r\n"...)
	}
	return out
}

// finish waits for the upload, which nobody wants the rest of, and reports whether it was whole.
func (u *upload) finish(graceful bool) bool {
	select {
	case <-u.done:
		return u.whole
	default:
	}
	if graceful && u.last.Load() {
		// The response may overtake the return of the write that it answers.
		_ = u.conn.net.SetWriteDeadline(time.Now().Add(lastWrite))
		<-u.done
		return u.conn.net.SetWriteDeadline(time.Time{}) == nil && u.whole
	}
	_ = u.conn.net.Close()
	closeBody(u.req)
	<-u.done
	return false
}
