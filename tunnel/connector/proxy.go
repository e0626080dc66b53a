package connector

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/wire"
)

const (
	// bufferSize is what is copied at a time, and what takes the head of a response with a small body.
	bufferSize = 32 << 10
	// headSize takes a usual request's head with a small body. A longer head brings a buffer of its own.
	headSize = 4 << 10
	// headTimeout bounds how long an edge may take to send a head that did not arrive in one piece.
	headTimeout = 10 * time.Second
)

var (
	buffers  = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}
	heads    = sync.Pool{New: func() any { b := make([]byte, headSize); return &b }}
	metadata = sync.Pool{New: func() any { m := make([]wire.Metadata, 0, 32); return &m }}
)

// proxy carries requests to the origin.
type proxy struct {
	ingress      *Ingress
	transport    http.RoundTripper // in place of every service's own, unless nil
	destinations []netip.AddrPort  // of TCP streams
	client       string            // the connector's id, told to the origin as cloudflared does
	requestDone  func(tunnel.Request)
	inFlight     atomic.Int64 // streams being served
}

// newProxy is the request path of a checked configuration.
func newProxy(cfg Config) (*proxy, error) {
	p := &proxy{ingress: cfg.Ingress, transport: cfg.Transport, destinations: cfg.TCPDestinations, client: cfg.ClientID.String()}
	if cfg.Trace != nil {
		p.requestDone = cfg.Trace.RequestDone
	}
	if p.ingress == nil {
		var err error
		if p.ingress, err = single(cfg.Origin); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// closeIdle closes the connections to origins that no request uses.
func (p *proxy) closeIdle() {
	p.ingress.closeIdle()
	if t, ok := p.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// errHead is told to the edge in place of whatever was wrong with its request: an edge knows its own.
var errHead = errors.New("malformed request")

// serve carries one stream of the edge. What goes wrong before the response head is said in it; after it, the stream
// is reset, so that a cut body never looks whole (cloudflared: RESET_STREAM, code 0).
func (p *proxy) serve(stream *quic.Stream) {
	x := &exchange{proxy: p, stream: stream, body: body{stream: stream}}
	x.event.Start = time.Now()
	p.inFlight.Add(1)
	defer p.inFlight.Add(-1)
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

// exchange is one stream on its way through the connector.
type exchange struct {
	*proxy
	stream  *quic.Stream
	body    body
	started bool // the edge has the response head
	event   tunnel.Request
}

func (x *exchange) run() error {
	c, err := x.read()
	if err != nil {
		return err
	}
	if c.kind == wire.TCP {
		return x.connect(c.dest)
	}
	s := x.ingress.find(c.request.Host, c.request.URL.Path)
	if s.status != 0 {
		return x.answer(s.status)
	}
	s.address(c.request)
	if c.kind == wire.WebSocket {
		upgrade(c.request)
	}
	transport := s.transport
	if x.transport != nil {
		transport = x.transport
	}
	resp, err := transport.RoundTrip(c.request)
	if err != nil {
		return fmt.Errorf("unable to reach the origin service: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return x.switchProtocols(c.kind, resp)
	}
	return x.respond(resp)
}
