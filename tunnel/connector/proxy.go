package connector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/field"
	"pqbench/tunnel/internal/wire"
)

// bufferSize is what is copied at a time, and what takes a whole head.
const bufferSize = 32 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

var metadata = sync.Pool{New: func() any { m := make([]wire.Metadata, 0, 32); return &m }}

// headTimeout bounds how long an edge may take to send a head that did not arrive in one piece.
const headTimeout = 10 * time.Second

// proxy carries requests to the origin.
type proxy struct {
	origin      *url.URL
	transport   http.RoundTripper
	client      string // the connector's id, told to the origin as cloudflared does
	requestDone func(tunnel.Request)
}

// errHead is told to the edge in place of whatever was wrong with its request: an edge knows its own.
var errHead = errors.New("malformed request")

// serve carries one request. What goes wrong before the response head is said in it; after it, the stream is reset,
// so that a cut body never looks whole (cloudflared: RESET_STREAM, code 0).
func (p *proxy) serve(stream *quic.Stream) {
	x := &exchange{proxy: p, stream: stream, body: body{stream: stream}}
	x.event.Start = time.Now()
	err := x.run()
	switch {
	case err == nil:
		_ = stream.Close()
	case errors.Is(err, wire.ErrSignature), errors.Is(err, wire.ErrRPCStream):
		// No request: whoever opened it would misread an answer to one.
		stream.CancelWrite(0)
		stream.CancelRead(0)
		return
	case x.started:
		stream.CancelWrite(0)
	default:
		x.refuse(err)
	}
	stream.CancelRead(0) // STOP_SENDING when the request was not read to its end
	if p.requestDone != nil {
		x.event.Done, x.event.Err, x.event.BytesUp = time.Now(), err, x.body.n.Load()
		p.requestDone(x.event)
	}
}

// exchange is one request on its way through the connector.
type exchange struct {
	*proxy
	stream  *quic.Stream
	body    body
	started bool // the edge has the response head
	event   tunnel.Request
}

func (x *exchange) run() error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	head, err := x.readHead(*buf)
	if err != nil {
		return fmt.Errorf("read request head: %w", err)
	}
	// The edge's STOP_SENDING, and the end of the connection, end the request.
	req, err := x.request(x.stream.Context(), head)
	if err != nil {
		return err
	}
	resp, err := x.transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("unable to reach the origin service: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// Nobody asked for it. The connection would be read for good: not even the request's context ends it.
		return errors.New("the origin service switches protocols unasked")
	}
	return x.respond(resp)
}

// readHead sets a deadline only for a head that did not come in one piece.
func (x *exchange) readHead(buf []byte) (wire.Head, error) {
	stalled := false
	head, err := wire.ReadHead(x.stream, buf, func() {
		stalled = true
		_ = x.stream.SetReadDeadline(time.Now().Add(headTimeout))
	})
	if stalled {
		_ = x.stream.SetReadDeadline(time.Time{})
	}
	return head, err
}

// request makes the origin's request from the edge's. The edge is not trusted with anything that could split it.
func (x *exchange) request(ctx context.Context, head wire.Head) (*http.Request, error) {
	pooled := metadata.Get().(*[]wire.Metadata)
	defer func() {
		clear(*pooled) // the strings must not outlive the request
		metadata.Put(pooled)
	}()
	r, err := wire.DecodeRequest(head.Message, (*pooled)[:0])
	if err != nil {
		return nil, err
	}
	*pooled = r.Metadata
	if r.Type != wire.HTTP {
		return nil, fmt.Errorf("%w: streams of type %d are not served", errHead, r.Type)
	}
	target, err := x.target(r.Dest)
	if err != nil {
		return nil, err
	}
	req := (&http.Request{URL: target, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: make(http.Header, len(r.Metadata))}).WithContext(ctx)
	if err := fill(req, r.Metadata); err != nil {
		return nil, err
	}
	req.Header["Cf-Warp-Tag-Id"] = []string{x.client}
	if req.ContentLength != 0 {
		x.body.rest = append(x.body.rest, head.Rest...) // the buffer is not the body's
		x.body.eof = head.EOF
		x.body.length = req.ContentLength
		req.Body = &x.body
	}
	return req, nil
}

// target is the origin's URL for a dest: the path and query are the eyeball's, everything before them the origin's.
func (x *exchange) target(dest string) (*url.URL, error) {
	target, err := url.Parse(dest)
	if err != nil || target.Opaque != "" {
		return nil, fmt.Errorf("%w: dest is no URL with a path", errHead)
	}
	target.Scheme, target.Host, target.User = x.origin.Scheme, x.origin.Host, nil
	// Joined as they are: cleaning would change what the eyeball asked for.
	if prefix := strings.TrimRight(x.origin.EscapedPath(), "/"); prefix != "" {
		target.RawPath = prefix + target.EscapedPath()
		target.Path = strings.TrimRight(x.origin.Path, "/") + target.Path
	}
	return target, nil
}

// fill puts the entries of a request into it. A body is forwarded only with a Content-Length above zero or a chunked
// Transfer-Encoding, as cloudflared does.
func fill(req *http.Request, entries []wire.Metadata) error {
	var connection []string
	length, chunked := int64(-1), false
	for _, md := range entries {
		name, isHeader := strings.CutPrefix(md.Key, wire.KeyHeaderPrefix)
		switch {
		case md.Key == wire.KeyMethod:
			req.Method = md.Val
		case md.Key == wire.KeyHost:
			req.Host = md.Val
		case !isHeader:
		case !field.Valid(name, md.Val):
			return fmt.Errorf("%w: header Key: %q malformed", errHead, md.Key)
		default:
			name = http.CanonicalHeaderKey(name)
			switch name {
			case "Connection":
				connection = append(connection, md.Val)
			case "Transfer-Encoding":
				chunked = chunked || strings.EqualFold(strings.TrimSpace(md.Val), "chunked")
			case "Content-Length":
				n, err := strconv.ParseUint(md.Val, 10, 63)
				if err != nil || length >= 0 && length != int64(n) {
					return fmt.Errorf("%w: content length %q", errHead, md.Val)
				}
				length = int64(n)
				continue
			case "Host":
				continue // it has an entry of its own, which alone counts
			}
			req.Header[name] = append(req.Header[name], md.Val)
		}
	}
	req.ContentLength = max(length, 0)
	if chunked {
		req.ContentLength = -1 // RFC 9112, section 6.3: it overrides a length
	}
	// CONNECT would ask the origin for a tunnel of its own, which no request stream can carry.
	if !field.ValidMethod(req.Method) || req.Method == http.MethodConnect || !field.ValidHost(req.Host) {
		return fmt.Errorf("%w: method %q, host %q", errHead, req.Method, req.Host)
	}
	for name := range req.Header {
		if field.Hop(name, connection) {
			delete(req.Header, name)
		}
	}
	if _, ok := req.Header["User-Agent"]; !ok {
		req.Header["User-Agent"] = nil // or net/http would add its own
	}
	return nil
}

// body is the rest of the stream: what came with the head, then what follows. The origin's transport may still read
// it when the response is done, so what serve looks at is atomic.
type body struct {
	stream *quic.Stream
	rest   []byte
	eof    bool
	length int64 // -1: unknown
	n      atomic.Int64
}

func (b *body) Read(p []byte) (n int, err error) {
	switch {
	case len(b.rest) > 0:
		n = copy(p, b.rest)
		b.rest = b.rest[n:]
	case b.eof:
		return 0, io.EOF
	default:
		n, err = b.stream.Read(p)
		b.eof = err == io.EOF
	}
	b.n.Add(int64(n))
	return n, err
}

// Close is called when the origin wants no more of it. A body read to its end needs no STOP_SENDING.
func (b *body) Close() error {
	if b.n.Load() != b.length {
		b.stream.CancelRead(0)
	}
	return nil
}

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

// refuse answers instead of the origin: an error text and no status, which the edge turns into 502.
func (x *exchange) refuse(err error) {
	enc := wire.BeginResponse(nil, err.Error(), 0)
	if head, encodeErr := enc.Finish(); encodeErr == nil {
		_, _ = x.stream.Write(head)
	}
	_ = x.stream.Close()
}
