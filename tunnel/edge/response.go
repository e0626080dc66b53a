package edge

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"pqbench/tunnel/internal/field"
	"pqbench/tunnel/internal/wire"
)

// errOrigin is what a connector says when it has no response to give.
var errOrigin = errors.New("connector reports an error")

var metadata = sync.Pool{New: func() any { m := make([]wire.Metadata, 0, 32); return &m }}

// receive passes the response to the eyeball.
func (x *exchange) receive() error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	head, err := wire.ReadHead(x.stream, *buf, nil)
	if err != nil {
		return fmt.Errorf("read response head: %w", err)
	}
	if x.edge.trace.RequestDone != nil {
		x.head = time.Now()
	}
	length, err := x.respond(head.Message)
	if err != nil {
		return err
	}
	if x.status == http.StatusSwitchingProtocols {
		return x.passBytes(head)
	}
	if isWebSocket(x.r) {
		_ = x.stream.Close() // refused: nothing follows the request
	}
	return x.body(head, *buf, length)
}

// respond sends the response head and returns the announced length of the
// body, -1 when there is none.
func (x *exchange) respond(message []byte) (length int64, err error) {
	pooled := metadata.Get().(*[]wire.Metadata)
	defer func() {
		clear(*pooled) // the strings must not outlive the request
		metadata.Put(pooled)
	}()
	response, err := wire.DecodeResponse(message, (*pooled)[:0])
	if err != nil {
		return 0, err
	}
	if response.Error != "" {
		return 0, fmt.Errorf("%w: %s", errOrigin, response.Error)
	}
	*pooled = response.Metadata
	header := x.w.Header()
	status, length, err := fillHeader(header, response.Metadata)
	if err != nil {
		clear(header)
		return 0, err
	}
	if status == http.StatusSwitchingProtocols {
		return 0, x.switchProtocols(header)
	}
	if _, ok := header["Content-Type"]; !ok {
		header["Content-Type"] = nil // or the server would guess one
	}
	x.lastIfRest(header)
	x.status, x.started = status, true
	x.w.WriteHeader(status)
	return length, nil
}

// fillHeader puts the entries of a response into a header. The connector is
// not trusted with anything that could split or frame the response anew.
func fillHeader(header http.Header, entries []wire.Metadata) (status int, length int64, err error) {
	length = -1
	var connection []string
	values := make([]string, len(entries)) // one allocation for all
	for i, md := range entries {
		name, ok := strings.CutPrefix(md.Key, wire.KeyHeaderPrefix)
		if !ok {
			if md.Key == wire.KeyStatus {
				if status, err = parseStatus(md.Val); err != nil {
					return 0, 0, err
				}
			}
			continue
		}
		if !field.Valid(name, md.Val) {
			return 0, 0, errors.New("response header is malformed")
		}
		name = http.CanonicalHeaderKey(name)
		switch name {
		case "Connection":
			connection = append(connection, md.Val)
		case "Content-Length":
			n, err := strconv.ParseUint(md.Val, 10, 63)
			if err != nil || length >= 0 && length != int64(n) {
				return 0, 0, fmt.Errorf("response has content length %q", md.Val)
			}
			length = int64(n)
		}
		values[i] = md.Val
		if old := header[name]; old != nil {
			header[name] = append(old, md.Val)
		} else {
			header[name] = values[i : i+1 : i+1]
		}
	}
	if status == 0 {
		return 0, 0, errors.New("response has no status")
	}
	for name := range header {
		if field.Hop(name, connection) {
			delete(header, name)
		}
	}
	if len(header["Content-Length"]) > 1 {
		header["Content-Length"] = header["Content-Length"][:1]
	}
	return status, length, nil
}

// parseStatus takes final statuses, and the switch of protocols: any other
// interim one announces nothing.
func parseStatus(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 200 && n != http.StatusSwitchingProtocols || n > 999 {
		return 0, fmt.Errorf("response has status %q", s)
	}
	return n, nil
}

// bodyExpected reports whether a response has a body, which its header may
// describe even where it has none (RFC 9110 section 6.4.1).
func bodyExpected(method string, status int) bool {
	return method != http.MethodHead && status != http.StatusNoContent && status != http.StatusNotModified
}

// body copies the response body. Whatever has arrived is passed on before
// waiting for more: a read that does not fill the buffer had no more to take,
// so it is followed by a flush, unless the body is known to be complete.
func (x *exchange) body(head wire.Head, buf []byte, length int64) error {
	chunk, eof := head.Rest, head.EOF
	full := false // the buffer was filled: more is likely there
	expected := bodyExpected(x.r.Method, x.status)
	for {
		if len(chunk) > 0 {
			if !expected {
				x.stream.CancelRead(0) // or its bytes would hold the connection's window
				return nil
			}
			if !eof && x.down+int64(len(chunk)) != length {
				x.expectReader()
			}
			n, err := x.w.Write(chunk)
			x.down += int64(n)
			if err != nil {
				return fmt.Errorf("write to eyeball: %w", err)
			}
		}
		if eof {
			if expected && x.down < length {
				return fmt.Errorf("read response body: %d of %d bytes: %w", x.down, length, io.ErrUnexpectedEOF)
			}
			return nil
		}
		// Note: a flushed head without a body ends its HTTP/2 stream, and with it the request's context, before the
		// tunnel's end of stream has come: the exchange would count as aborted.
		if expected && !full && x.down != length {
			if err := http.NewResponseController(x.w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return fmt.Errorf("write to eyeball: %w", err)
			}
		}
		n, err := x.stream.Read(buf)
		chunk, full, eof = buf[:n], n == len(buf), err == io.EOF
		if err != nil && !eof {
			return fmt.Errorf("read response body: %w", err)
		}
	}
}

// expectReader bounds how long the eyeball may take for the next write. The
// server lifts it when the request ends; a writer without a network has none.
func (x *exchange) expectReader() {
	if d := x.edge.cfg.EyeballTimeout; d > 0 {
		_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(d))
	}
}
