package connector

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pqbench/tunnel/internal/field"
	"pqbench/tunnel/internal/wire"
)

// call is what a stream asks for.
type call struct {
	kind    wire.Kind
	dest    string        // as the edge gave it
	request *http.Request // nil for TCP; its URL is still the eyeball's
}

// read takes the head off the stream. Its buffer goes back before anybody waits for an origin.
func (x *exchange) read() (call, error) {
	buf := heads.Get().(*[]byte)
	defer heads.Put(buf)
	head, err := x.readHead(*buf)
	if err != nil {
		return call{}, fmt.Errorf("read request head: %w", err)
	}
	pooled := metadata.Get().(*[]wire.Metadata)
	defer func() {
		clear(*pooled) // the strings must not outlive the request
		metadata.Put(pooled)
	}()
	r, err := wire.DecodeRequest(head.Message, (*pooled)[:0])
	if err != nil {
		return call{}, err
	}
	*pooled = r.Metadata
	c := call{kind: r.Type, dest: r.Dest}
	switch r.Type {
	case wire.TCP:
		x.body.begin(head, -1)
	case wire.HTTP, wire.WebSocket:
		// The edge's STOP_SENDING, and the end of the connection, end the request.
		c.request, err = x.request(x.stream.Context(), r, head)
	default:
		err = fmt.Errorf("%w: streams of type %d are not served", errHead, r.Type)
	}
	return c, err
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
func (x *exchange) request(ctx context.Context, r wire.Request, head wire.Head) (*http.Request, error) {
	target, err := url.Parse(r.Dest)
	if err != nil || target.Opaque != "" {
		return nil, fmt.Errorf("%w: dest is no URL with a path", errHead)
	}
	req := (&http.Request{URL: target, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: make(http.Header, len(r.Metadata))}).WithContext(ctx)
	if err := fill(req, r.Metadata); err != nil {
		return nil, err
	}
	req.Header["Cf-Warp-Tag-Id"] = []string{x.client}
	switch {
	case r.Type == wire.WebSocket:
		x.body.begin(head, -1) // not the request's: it follows the switch of protocols
	case req.ContentLength != 0:
		x.body.begin(head, req.ContentLength)
		req.Body = &x.body
	}
	return req, nil
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
