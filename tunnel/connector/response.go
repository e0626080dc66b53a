package connector

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"pqbench/tunnel/internal/field"
	"pqbench/tunnel/internal/wire"
)

// respond sends the response: its head in one write with what is there of the body, then the rest as it comes.
func (x *exchange) respond(resp *http.Response) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	head, err := encodeResponse((*buf)[:0], resp)
	if err != nil {
		return err
	}
	x.event.Head, x.event.Status = time.Now(), resp.StatusCode
	// A small body shares the head's write. Origins send head and body of these together, so waiting for the body's
	// first bytes does not hold the head up; a longer or unannounced body is not waited for.
	whole := false
	if resp.ContentLength > 0 && resp.ContentLength <= int64(bufferSize-len(head)) && resp.Request.Method != http.MethodHead {
		n, err := resp.Body.Read(head[len(head):bufferSize])
		if err != nil && err != io.EOF {
			return fmt.Errorf("read response body: %w", err)
		}
		head = head[:len(head)+n]
		x.event.BytesDown = int64(n)
		whole = x.event.BytesDown == resp.ContentLength
	}
	x.started = true
	if _, err := x.stream.Write(head); err != nil || whole {
		return err
	}
	n, err := io.CopyBuffer(writerOnly{x.stream}, readerOnly{resp.Body}, (*buf)[:bufferSize])
	x.event.BytesDown += n
	if err != nil {
		return fmt.Errorf("pass the response body on: %w", err)
	}
	return nil
}

// readerOnly and writerOnly hide ReadFrom and WriteTo, which would bring buffers of their own.
type readerOnly struct{ io.Reader }
type writerOnly struct{ io.Writer }

// encodeResponse writes the head of a response: its status, and one entry per header value.
func encodeResponse(buf []byte, resp *http.Response) ([]byte, error) {
	connection := resp.Header["Connection"]
	entries := 1
	for name, values := range resp.Header {
		if !field.Hop(name, connection) {
			entries += len(values)
		}
	}
	enc := wire.BeginResponse(buf, "", entries)
	enc.Add(wire.KeyStatus, "", strconv.Itoa(resp.StatusCode))
	for name, values := range resp.Header {
		if field.Hop(name, connection) {
			continue
		}
		for _, v := range values {
			enc.Add(wire.KeyHeaderPrefix, name, v)
		}
	}
	return enc.Finish()
}

// answer sends a status alone, as a rule's http_status does.
func (x *exchange) answer(status int) error {
	enc := wire.BeginResponse(nil, "", 1)
	enc.Add(wire.KeyStatus, "", strconv.Itoa(status))
	return x.begin(enc, status)
}

// begin sends a head that is complete.
func (x *exchange) begin(enc wire.Encoder, status int) error {
	head, err := enc.Finish()
	if err != nil {
		return err
	}
	x.event.Head, x.event.Status, x.started = time.Now(), status, true
	_, err = x.stream.Write(head)
	return err
}

// refuse answers instead of the origin: an error text and no status, which the edge turns into 502.
func (x *exchange) refuse(err error) {
	enc := wire.BeginResponse(nil, err.Error(), 0)
	if head, encodeErr := enc.Finish(); encodeErr == nil {
		_, _ = x.stream.Write(head)
	}
	_ = x.stream.Close()
}
