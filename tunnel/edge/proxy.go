package edge

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/duplex"
	"pqbench/tunnel/internal/field"
	"pqbench/tunnel/internal/wire"
)

// bufferSize is what is copied at a time. One buffer also takes a whole head
// with the first body bytes, so that a small response is one read.
const bufferSize = 32 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// What the eyeball itself did wrong.
var (
	errConnect         = errors.New("CONNECT is not proxied")
	errRequestTooLarge = errors.New("request head is too large for the tunnel")
)

// exchange is one request on its way through the edge.
type exchange struct {
	edge   *Edge
	w      http.ResponseWriter
	r      *http.Request
	conn   *conn
	stream *quic.Stream
	tunnel uuid.UUID
	via    via     // the data center that serves instead of this one
	tried  []*link // those asked so far

	eyeball  duplex.Conn // taken over by a WebSocket
	head     time.Time   // zero unless traced
	status   int
	started  bool // the eyeball has the response head
	up, down int64
	rest     atomic.Bool // the request has a body that is not read to its end
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
	ev.Tunnel, ev.Via = x.tunnel, x.via.name
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
	case errors.Is(err, errConnect):
		x.status = http.StatusMethodNotAllowed
	case errors.Is(err, errRequestTooLarge):
		x.status = http.StatusRequestHeaderFieldsTooLarge
	default:
		x.edge.counters.badGateways.Add(1)
	}
	x.edge.log.Debug("request failed", "host", x.r.Host, "status", x.status, "error", err)
	x.lastIfRest(x.w.Header())
	http.Error(x.w, http.StatusText(x.status), x.status)
}

func (x *exchange) run() error {
	if x.r.Method == http.MethodConnect {
		return errConnect
	}
	id, ok := x.edge.route(x.r.Host)
	if !ok {
		return tunnel.ErrUnknownHost
	}
	x.tunnel = id
	for {
		err := x.attempt(id)
		if !errors.Is(err, errNotHere) || x.r.Context().Err() != nil {
			return err
		}
	}
}

// attempt has the request served by one connection, here or elsewhere.
func (x *exchange) attempt(id uuid.UUID) error {
	if err := x.open(id); err != nil {
		return err
	}
	// An eyeball that leaves stops the origin's work, too.
	stop := context.AfterFunc(x.r.Context(), x.cancel)
	defer stop()

	uploaded, err := x.send()
	if err == nil {
		err = x.receive()
	}
	if err != nil {
		x.cancel()
	}
	x.endUpload(uploaded)
	if err != nil && x.via.Conn != nil {
		err = x.relayed(err)
	}
	return err
}

// cancel resets both directions; the connector then stops its side.
func (x *exchange) cancel() {
	x.stream.CancelRead(0)
	x.stream.CancelWrite(0)
}

// open opens a stream to the tunnel: on a connection of this data center, or
// else through another one.
func (x *exchange) open(id uuid.UUID) (err error) {
	if x.conn, x.stream, err = x.edge.openLocal(id); err == nil {
		x.via = via{}
		return nil
	}
	if failed := x.openRelay(id); !errors.Is(failed, tunnel.ErrNoConnection) {
		return failed
	}
	return err
}

// openLocal opens a stream on the next connection in turn that still lives.
func (e *Edge) openLocal(id uuid.UUID) (*conn, *quic.Stream, error) {
	conns, start := e.tunnels.pick(id)
	err := tunnel.ErrNoConnection
	for i := range conns {
		c := conns[(start+i)%len(conns)]
		var stream *quic.Stream
		if stream, err = c.quic.OpenStream(); err == nil {
			return c, stream, nil
		}
	}
	return nil, nil, err
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
// version bytes in one short read) and starts the upload of a body. The
// channel is closed when the upload has ended; nil without a body.
func (x *exchange) send() (<-chan struct{}, error) {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	head, err := encodeRequest((*buf)[:0], x.r)
	if errors.Is(err, wire.ErrTooLarge) {
		return nil, errRequestTooLarge
	}
	if err != nil {
		return nil, err
	}
	if _, err := x.stream.Write(head); err != nil {
		return nil, err
	}
	if isWebSocket(x.r) {
		return nil, nil // what follows the head is the eyeball's, once protocols are switched
	}
	if x.r.ContentLength == 0 {
		// A connector that has answered already may have stopped reading
		// (STOP_SENDING), and Close then fails: the response decides.
		_ = x.stream.Close()
		return nil, nil
	}
	// The response may begin before the upload ends. HTTP/2 always allows
	// it and does not know the call.
	_ = http.NewResponseController(x.w).EnableFullDuplex()
	uploaded := make(chan struct{})
	x.rest.Store(true)
	go x.upload(uploaded)
	return uploaded, nil
}

// encodeRequest writes the head of a request: one entry per header value.
func encodeRequest(buf []byte, r *http.Request) ([]byte, error) {
	connection := r.Header["Connection"]
	entries := 2
	for name, values := range r.Header {
		if forwarded(name, connection) {
			entries += len(values)
		}
	}
	kind, length := wire.HTTP, r.ContentLength
	if isWebSocket(r) {
		kind, length = wire.WebSocket, 0
	}
	if length != 0 {
		entries++
	}
	enc := wire.BeginRequest(buf, "http://"+r.Host+r.URL.RequestURI(), kind, entries)
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
	case length > 0:
		enc.Add(wire.KeyHeaderPrefix, "Content-Length", strconv.FormatInt(length, 10))
	case length < 0:
		enc.Add(wire.KeyHeaderPrefix, "Transfer-Encoding", "chunked")
	}
	return enc.Finish()
}

// forwarded reports whether a request header crosses as it is. The length is
// said anew, from what the server made of it; Host has an entry of its own.
func forwarded(name string, connection []string) bool {
	return name != "Content-Length" && name != "Host" && !field.Hop(name, connection)
}
