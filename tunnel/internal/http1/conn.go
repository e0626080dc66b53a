package http1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"time"

	"pqbench/tunnel/internal/field"
)

const (
	// maxHead bounds the head of a response, interim ones before it included, in bytes: what a tunnel's head can take.
	maxHead = 1 << 20
	// readBuffer takes a usual head with a small body. Bodies beyond it are read past it.
	readBuffer = 4 << 10
)

var (
	errHeadTooLarge = fmt.Errorf("response head is larger than %d bytes", maxHead)
	errFields       = errors.New("response has a malformed field")
)

// conn is one connection to the origin. One request at a time uses it.
type conn struct {
	client *Client
	net    net.Conn
	probe  func() bool // see newProbe
	br     *bufio.Reader
	out    []byte // the head of a request
	since  time.Time

	budget int64 // bytes that may still be read
	got    bool  // a byte of the current response has come
}

func newConn(c *Client, nc net.Conn) *conn {
	cn := &conn{client: c, net: nc, probe: newProbe(nc)}
	cn.br = bufio.NewReaderSize(reader{cn}, readBuffer)
	return cn
}

// alive reports whether a kept connection is open and silent. One that spoke unasked would have its words taken for the
// next response.
func (cn *conn) alive() bool { return cn.probe == nil || cn.probe() }

// reader keeps the bound of heads and sees the first byte.
type reader struct{ *conn }

func (r reader) Read(p []byte) (int, error) {
	if r.budget <= 0 {
		return 0, errHeadTooLarge
	}
	n, err := r.net.Read(p[:min(int64(len(p)), r.budget)])
	r.budget -= int64(n)
	r.got = r.got || n > 0
	return n, err
}

// exchange is one request and its response.
type exchange struct {
	conn *conn
	req  *http.Request
	up   *upload // nil when the request was sent whole
	stop func() bool
}

func (cn *conn) roundTrip(req *http.Request) (*http.Response, error) {
	head, err := appendHead(cn.out[:0], req)
	if err != nil {
		_ = cn.net.Close()
		return nil, err
	}
	cn.got, cn.budget = false, maxHead
	x := &exchange{conn: cn, req: req}
	// The context's end closes the connection: nothing else ends a read and a write alike.
	x.stop = context.AfterFunc(req.Context(), func() { _ = cn.net.Close() })
	resp, err := x.run(head)
	if err != nil {
		x.end(false)
		return nil, x.explain(err)
	}
	return resp, nil
}

func (x *exchange) run(head []byte) (*http.Response, error) {
	if err := x.send(head); err != nil {
		return nil, err
	}
	resp, err := x.receive()
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// Its directions end apart, and the context may be that of one: from here on it is Close that counts, as
		// with net/http.
		if !x.stop() || x.up != nil {
			return nil, errors.New("response switches protocols while the request is being sent")
		}
		resp.Body = switched{x.conn}
		return resp, nil
	}
	resp.Body = &body{ReadCloser: resp.Body, exchange: x, keep: !resp.Close}
	return resp, nil
}

// receive reads the head of the final response, or of a switch of protocols.
func (x *exchange) receive() (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(x.conn.br, x.req)
		switch {
		case err != nil:
			return nil, err
		case resp.ProtoMajor != 1 || resp.StatusCode < 100:
			return nil, fmt.Errorf("response has protocol %.20q and status %d", resp.Proto, resp.StatusCode)
		case !validFields(resp.Header):
			return nil, errFields
		case resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols:
			x.conn.budget = math.MaxInt64 // the rest is body, which is streamed
			return resp, nil
		}
	}
}

// validFields finds what ReadResponse lets pass: a name with a space before its colon is kept with it.
func validFields(header http.Header) bool {
	for name, values := range header {
		for _, v := range values {
			if !field.Valid(name, v) {
				return false
			}
		}
	}
	return true
}

// explain says why the exchange failed: a cause lies behind a closed connection.
func (x *exchange) explain(err error) error {
	if ctx := x.req.Context(); ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if x.up != nil {
		if cause := x.up.cause.Load(); cause != nil {
			return *cause
		}
	}
	if !x.conn.got && !errors.Is(err, errHeadTooLarge) {
		return fmt.Errorf("%w: %w", errStale, err)
	}
	return err
}

// end gives the connection back when both directions ended well, or closes it.
func (x *exchange) end(whole bool) {
	cn := x.conn
	if x.up != nil {
		whole = x.up.finish(whole) && whole
	}
	if !x.stop() || !whole || cn.br.Buffered() > 0 || !cn.client.pool.put(cn, cn.client.MaxIdle, cn.client.IdleTimeout) {
		_ = cn.net.Close()
	}
}

// body is a response's body.
type body struct {
	io.ReadCloser
	*exchange
	keep   bool // the connection, after the body
	eof    bool
	closed bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		b.eof = true
	case err != nil:
		err = b.explain(err)
	}
	return n, err
}

// Close ends the exchange. What has not been read of the body is not read any more: closing is cheaper.
func (b *body) Close() error {
	if !b.closed {
		b.closed = true
		b.end(b.keep && b.eof)
	}
	return nil
}

// switched is the connection after a 101. Its directions end apart, and anybody may close it.
type switched struct{ *conn }

func (s switched) Read(p []byte) (int, error)  { return s.br.Read(p) }
func (s switched) Write(p []byte) (int, error) { return s.net.Write(p) }
func (s switched) Close() error                { return s.net.Close() }

// CloseWrite tells the origin that no more is coming.
func (s switched) CloseWrite() error {
	if c, ok := s.net.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}
