package connector

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/testutils/simnet"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
	"pqbench/tunnel/internal/registration"
)

// oneWay is the latency of the simulated network.
const oneWay = 50 * time.Millisecond

// world is a simulated network with edges that a test has say what it likes,
// and what a connector in it did. It lives in a synctest bubble.
type world struct {
	*testing.T
	network *simnet.Simnet
	router  *cuttable
	hosts   byte
	sockets []*simnet.SimConn // for the connector to open
	opened  []*simnet.SimConn
	edges   []*scripted
	close   []func()
	cancel  func() // ends the connector's context, and does not wait
	log     records
	start   time.Time

	mu         sync.Mutex
	dials      []tunnel.Handshake
	registered []tunnel.Registration // refusals, too
	waits      []wait
	ended      []tunnel.ConnClose
	left       []time.Time
}

type wait struct {
	tunnel.Backoff
	at time.Time
}

// cuttable loses all packets from and to addresses that a test cuts off.
type cuttable struct {
	simnet.PerfectRouter
	dead sync.Map // by host
}

func (c *cuttable) SendPacket(p simnet.Packet) error {
	for _, a := range []net.Addr{p.From, p.To} {
		if _, dead := c.dead.Load(host(a)); dead {
			return nil
		}
	}
	return c.PerfectRouter.SendPacket(p)
}

// scripted is an edge on the simulated network.
type scripted struct {
	*world
	addr   net.Addr
	silent atomic.Bool                                                    // accepts connections, and never answers a registration
	answer atomic.Pointer[func(registration.Request) *registration.Error] // nil accepts
	mu     sync.Mutex
	conns  map[uint8]*quic.Conn // the last of each index
	asked  []registration.Request
	gone   []time.Time // unregistered
}

var certificate = sync.OnceValue(func() []tls.Certificate {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	return s.TLS.Certificates
})

// inWorld runs a test in virtual time.
func inWorld(t *testing.T, test func(w *world)) {
	certificate() // needs real sockets
	synctest.Test(t, func(t *testing.T) {
		router := &cuttable{}
		w := &world{T: t, router: router, network: &simnet.Simnet{Router: router}, start: time.Now()}
		defer w.network.Close() // last: it waits for its endpoints
		defer w.shut()
		test(w)
	})
}

func (w *world) shut() {
	for _, end := range slices.Backward(w.close) {
		end()
	}
	for _, s := range append(w.sockets, w.opened...) {
		_ = s.Close()
	}
}

func (w *world) endpoint() *simnet.SimConn {
	w.hosts++
	address := &net.UDPAddr{IP: net.IPv4(10, 0, 0, w.hosts), Port: tunnel.DefaultPort}
	return w.network.NewEndpoint(address, simnet.NodeBiDiLinkSettings{Latency: oneWay})
}

// edge adds an edge that accepts the given named groups, or any.
func (w *world) edge(groups ...tls.CurveID) *scripted {
	socket := w.endpoint()
	e := &scripted{world: w, addr: socket.LocalAddr(), conns: map[uint8]*quic.Conn{}}
	w.edges = append(w.edges, e)
	conf := tunnel.TLSConfig(tunnel.EdgeSide, &tls.Config{Certificates: certificate(), CurvePreferences: groups})
	tr := &quic.Transport{Conn: socket}
	l, err := tr.Listen(conf, tunnel.QUICConfig(tunnel.EdgeSide, tunnel.QUICOptions{}))
	require.NoError(w, err)
	go e.accept(l)
	w.close = append(w.close, func() { _, _, _ = l.Close(), tr.Close(), socket.Close() })
	return e
}

func (e *scripted) accept(l *quic.Listener) {
	for {
		qc, err := l.Accept(context.Background())
		if err != nil {
			return
		}
		go func() {
			stream, err := qc.AcceptStream(context.Background())
			if err == nil && !e.silent.Load() {
				<-registration.Serve(controlStream{stream}, &scriptedConn{e, qc}).Done()
			}
		}()
	}
}

// scriptedConn is one control stream of a scripted edge.
type scriptedConn struct {
	*scripted
	qc *quic.Conn
}

func (c *scriptedConn) Register(r registration.Request) (registration.Details, *registration.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, r)
	if answer := c.answer.Load(); answer != nil {
		if refused := (*answer)(r); refused != nil {
			return registration.Details{}, refused
		}
	}
	c.conns[r.Index] = c.qc
	return registration.Details{Connection: uuid.New(), Location: "test"}, nil
}

func (c *scriptedConn) Unregister() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = append(c.gone, time.Now())
}

func (*scriptedConn) UpdateLocalConfiguration([]byte) {}

// refuse makes the edge refuse registrations.
func (e *scripted) refuse(with registration.Error) {
	answer := func(registration.Request) *registration.Error { return &with }
	e.answer.Store(&answer)
}

// kill ends a connection, whichever edge has it, and lets the connector learn of it.
func (w *world) kill(index uint8) {
	for _, e := range w.edges {
		e.mu.Lock()
		qc := e.conns[index]
		delete(e.conns, index)
		e.mu.Unlock()
		if qc != nil {
			_ = qc.CloseWithError(1, "killed")
		}
	}
	time.Sleep(oneWay) // virtual
	synctest.Wait()
}

// slots lists edges as address slots, all of them n times in turn.
func slotsOf(n int, edges ...*scripted) (all []net.Addr) {
	for range n {
		for _, e := range edges {
			all = append(all, e.addr)
		}
	}
	return all
}

// begin runs a connector, changed from a plain one, until stop.
func (w *world) begin(edges []net.Addr, change func(*Config)) (c *Connector, stop func() error) {
	cfg := config(edges...)
	cfg.Connections, cfg.Seed, cfg.Logger = 4, 1, slog.New(&w.log)
	cfg.ListenPacket = func() (net.PacketConn, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		s := w.sockets[0]
		w.sockets, w.opened = w.sockets[1:], append(w.opened, s)
		return s, nil
	}
	cfg.Trace = &tunnel.Trace{
		Registered:   func(r tunnel.Registration) { w.note(func() { w.registered = append(w.registered, r) }) },
		Backoff:      func(b tunnel.Backoff) { w.note(func() { w.waits = append(w.waits, wait{b, time.Now()}) }) },
		ConnClosed:   func(c tunnel.ConnClose) { w.note(func() { w.ended = append(w.ended, c) }) },
		Unregistered: func(tunnel.Connection) { w.note(func() { w.left = append(w.left, time.Now()) }) },
	}
	cfg.Dialer.Trace = &tunnel.Trace{HandshakeDone: func(h tunnel.Handshake) { w.note(func() { w.dials = append(w.dials, h) }) }}
	if change != nil {
		change(&cfg)
	}
	for range cfg.Connections + 2 {
		w.sockets = append(w.sockets, w.endpoint())
	}
	require.NoError(w, w.network.Start())
	c, err := New(cfg)
	require.NoError(w, err)
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	w.close = append(w.close, func() { _ = stop() })
	return c, stop
}

func (w *world) note(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// pass lets virtual time pass, and what it brings happen.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// of are the registrations of an index, as times since the world began.
func (w *world) of(index uint8) (at []time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.registered {
		if r.Index == index {
			at = append(at, r.Done.Sub(w.start))
		}
	}
	return at
}

// records keeps log lines.
type records struct {
	mu    sync.Mutex
	lines []string // LEVEL message key=value…
}

func (*records) Enabled(context.Context, slog.Level) bool { return true }
func (r *records) Handle(_ context.Context, line slog.Record) error {
	text := line.Level.String() + " " + line.Message
	line.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, text)
	return nil
}
func (r *records) WithAttrs([]slog.Attr) slog.Handler { panic("not used") }
func (r *records) WithGroup(string) slog.Handler      { panic("not used") }

// with are the lines that contain text.
func (r *records) with(text string) (lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range r.lines {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}
