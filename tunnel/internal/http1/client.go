// Package http1 is an HTTP/1.1 client for one origin in the clear, for a proxy that pays for every request.
//
// Note: net/http's Transport gives each connection two goroutines and passes every request and response between three;
// at 50 requests in flight on two cores that is a quarter of all that a connector spends. Here the caller's goroutine
// writes the request and reads the response. The parser is net/http's own (ReadResponse), so what is accepted, and what
// it means, is what the standard library says. fasthttp's HostClient, streaming, was no cheaper than Transport once its
// headers were turned into net/http's.
package http1

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// A Client is an http.RoundTripper. It keeps connections, follows no redirects, adds no fields of its own but Host and
// the body's framing, forwards what 1xx there is to nobody, and drops trailers. The zero value needs Dial.
//
// The request's body is read on another goroutine when it is not there yet; its Close must end a Read that hangs, as
// that of a network stream does.
type Client struct {
	// Dial opens a connection to the origin. It should bound the time that takes.
	Dial func(ctx context.Context) (net.Conn, error)
	// MaxIdle is how many unused connections are kept; default none.
	MaxIdle int
	// IdleTimeout is how long one is kept; default for good.
	IdleTimeout time.Duration

	pool pool
}

// errStale: the origin closed a kept connection before it saw the request, or while it did.
var errStale = errors.New("kept connection was closed")

// RoundTrip sends req and returns the response when its head is there. The context ends both, until the response's
// body is closed. A 101 has the connection for a body, an io.ReadWriteCloser that the context does not end, as with
// net/http; this one has a CloseWrite, too.
func (c *Client) RoundTrip(req *http.Request) (*http.Response, error) {
	for {
		cn, kept, err := c.connection(req.Context())
		if err != nil {
			closeBody(req)
			return nil, err
		}
		resp, err := cn.roundTrip(req)
		if kept && errors.Is(err, errStale) && replayable(req) && req.Context().Err() == nil {
			continue // one kept connection less: this ends with a new one
		}
		if err != nil {
			closeBody(req)
		}
		return resp, err
	}
}

// connection is a kept one that still lives, or a new one.
func (c *Client) connection(ctx context.Context) (cn *conn, kept bool, err error) {
	for cn := c.pool.take(); cn != nil; cn = c.pool.take() {
		if cn.alive() {
			return cn, true, nil
		}
		_ = cn.net.Close()
	}
	if err := ctx.Err(); err != nil {
		return nil, false, context.Cause(ctx)
	}
	nc, err := c.Dial(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("dial: %w", err)
	}
	return newConn(c, nc), false, nil
}

// replayable reports whether a request may be sent again although the origin may have seen it (RFC 9110 section 9.2.2).
func replayable(req *http.Request) bool {
	if req.ContentLength != 0 {
		return false // the body may have been read
	}
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// CloseIdleConnections closes what no request uses.
func (c *Client) CloseIdleConnections() { c.pool.clear() }
