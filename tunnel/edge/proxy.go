package edge

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/field"
	"pqbench/tunnel/internal/wire"
)

// bufferSize is what is copied at a time. One buffer also takes a whole head
// with the first body bytes, so that a small response is one read.
const bufferSize = 32 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// exchange is one request on its way through the edge.
type exchange struct {
	edge   *Edge
	w      http.ResponseWriter
	r      *http.Request
	conn   *conn
	stream *quic.Stream
	tunnel uuid.UUID

	head     time.Time // zero unless traced
	status   int
	started  bool // the eyeball has the response head
	up, down int64
}

// ServeHTTP proxies one request of an eyeball. What goes wrong before the
// response head is a 502 (404 for an unknown host); after it, the response is
// aborted, so that a cut body never looks whole.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !e.requests.begin() {
		http.Error(w, "edge is closing", http.StatusServiceUnavailable)
		return
	}
	defer e.requests.end()
	e.counters.requests.Add(1)
	e.counters.inFlight.Add(1)
	defer e.counters.inFlight.Add(-1)

	x := &exchange{edge: e, w: w, r: r}
	var start time.Time
	if e.trace.RequestDone != nil {
		start = time.Now()
	}
	err := x.run()
	if err != nil && !x.started {
		x.refuse(err)
	}
	e.counters.bytesUp.Add(x.up)
	e.counters.bytesDown.Add(x.down)
	if e.trace.RequestDone != nil {
		e.trace.RequestDone(x.event(start, err))
	}
	if err != nil && x.started {
		e.counters.aborted.Add(1)
		panic(http.ErrAbortHandler)
	}
}

func (x *exchange) event(start time.Time, err error) tunnel.Request {
	ev := tunnel.Request{Start: start, Head: x.head, Done: time.Now(), Status: x.status, BytesUp: x.up, BytesDown: x.down, Err: err}
	ev.Tunnel = x.tunnel
	if x.conn != nil {
		ev.Connection = x.conn.name
	}
	return ev
}

// refuse answers instead of the origin. The reason stays here: it may name
// addresses that are not the eyeball's to know.
func (x *exchange) refuse(err error) {
	x.status = http.StatusBadGateway
	switch {
	case errors.Is(err, tunnel.ErrUnknownHost):
		x.status = http.StatusNotFound
	case errors.Is(err, wire.ErrTooLarge):
		x.status = http.StatusRequestHeaderFieldsTooLarge
	default:
		x.edge.counters.badGateways.Add(1)
	}
	x.edge.log.Debug("request failed", "host", x.r.Host, "status", x.status, "error", err)
	http.Error(x.w, http.StatusText(x.status), x.status)
}

func (x *exchange) run() error {
	id, ok := x.edge.route(x.r.Host)
	if !ok {
		return tunnel.ErrUnknownHost
	}
	x.tunnel = id
	if err := x.open(id); err != nil {
		return err
	}
	// An eyeball that leaves, or a handler that ends early for any reason,
	// stops the origin's work, too.
	cancel := func() {
		x.stream.CancelRead(0)
		x.stream.CancelWrite(0)
	}
	stop := context.AfterFunc(x.r.Context(), cancel)
	defer stop()

	var upload sync.WaitGroup
	if err := x.send(&upload); err != nil {
		cancel()
		return err
	}
	err := x.receive()
	// Nobody reads what is still to be uploaded; and the request body must
	// not be touched once the handler has returned.
	cancel()
	x.stopBody()
	upload.Wait()
	return err
}

// open opens a stream on the next connection in turn that still lives.
func (x *exchange) open(id uuid.UUID) error {
	conns, start := x.edge.tunnels.pick(id)
	err := tunnel.ErrNoConnection
	for i := range conns {
		c := conns[(start+i)%len(conns)]
		if x.stream, err = c.quic.OpenStream(); err == nil {
			x.conn = c
			return nil
		}
	}
	return err
}

// route finds the tunnel behind a Host field.
func (e *Edge) route(host string) (uuid.UUID, bool) {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	if id, ok := e.cfg.Routes[host]; ok {
		return id, true
	}
	host = strings.ToLower(host)
	if id, ok := e.cfg.Routes[host]; ok {
		return id, true
	}
	name, ok := strings.CutSuffix(host, tunnel.HostSuffix)
	if !ok {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(name)
	return id, err == nil && len(name) == 36 // Parse also takes other spellings
}

// send writes the head in one write (a reader of cloudflared's takes the
// version bytes in one short read) and starts the upload of a body.
func (x *exchange) send(upload *sync.WaitGroup) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	head, err := encodeRequest((*buf)[:0], x.r)
	if err != nil {
		return err
	}
	if _, err := x.stream.Write(head); err != nil {
		return err
	}
	if x.r.ContentLength == 0 {
		return x.stream.Close()
	}
	// The response may begin before the upload ends. HTTP/2 always allows
	// it and does not know the call.
	_ = http.NewResponseController(x.w).EnableFullDuplex()
	upload.Go(x.upload)
	return nil
}

func (x *exchange) upload() {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	n, err := io.CopyBuffer(writerOnly{x.stream}, readerOnly{x.r.Body}, *buf)
	x.up = n
	if err != nil {
		x.stream.CancelWrite(0)
		return
	}
	_ = x.stream.Close()
}

// stopBody unblocks an upload that waits for the eyeball.
func (x *exchange) stopBody() {
	if x.r.ContentLength != 0 {
		_ = x.r.Body.Close()
	}
}

// readerOnly and writerOnly hide ReadFrom and WriteTo, which would bring
// buffers of their own.
type readerOnly struct{ io.Reader }
type writerOnly struct{ io.Writer }

// encodeRequest writes the head of a request: one entry per header value.
func encodeRequest(buf []byte, r *http.Request) ([]byte, error) {
	connection := r.Header["Connection"]
	entries := 2
	for name, values := range r.Header {
		if forwarded(name, connection) {
			entries += len(values)
		}
	}
	if r.ContentLength != 0 {
		entries++
	}
	enc := wire.BeginRequest(buf, "http://"+r.Host+r.URL.RequestURI(), wire.HTTP, entries)
	enc.Add(wire.KeyMethod, "", r.Method)
	enc.Add(wire.KeyHost, "", r.Host)
	for name, values := range r.Header {
		if !forwarded(name, connection) {
			continue
		}
		for _, v := range values {
			if !field.Valid(name, v) {
				return nil, errors.New("request header is malformed")
			}
			enc.Add(wire.KeyHeaderPrefix, name, v)
		}
	}
	switch {
	case r.ContentLength > 0:
		enc.Add(wire.KeyHeaderPrefix, "Content-Length", strconv.FormatInt(r.ContentLength, 10))
	case r.ContentLength < 0:
		enc.Add(wire.KeyHeaderPrefix, "Transfer-Encoding", "chunked")
	}
	return enc.Finish()
}

// forwarded reports whether a request header crosses as it is. The length is
// said anew, from what the server made of it; Host has an entry of its own.
func forwarded(name string, connection []string) bool {
	return name != "Content-Length" && name != "Host" && !field.Hop(name, connection)
}
