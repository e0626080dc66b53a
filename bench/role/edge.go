package role

import (
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/google/uuid"

	"pqbench/origin"
	"pqbench/tunnel"
	"pqbench/tunnel/edge"
	"pqbench/wire"
)

// EdgeRole serves one or more edges in a process.
type EdgeRole struct {
	*Control

	mu      sync.Mutex
	tunnels map[uuid.UUID]tunnel.Credentials
	edges   []*edge.Edge
	bare    []*bareEdge
	up      comingUp
	tickets *[32]byte
	sent    wire.Meter

	complaints complaints
}

// ticketKey is the process's own.
func (r *EdgeRole) ticketKey() [32]byte {
	if r.tickets == nil {
		r.tickets = new([32]byte)
		_, _ = rand.Read(r.tickets[:]) // never fails
	}
	return *r.tickets
}

// ListenArgs say what an edge listens with.
type ListenArgs struct {
	// LeafPEM holds the leaf, its intermediates and its key.
	LeafPEM []byte
	Initial int
	// Bare listens with quic-go alone, accepting and waiting for the end of each connection: the yardstick of the
	// overhead experiment. Its visitors' listener, if any, answers as the origin does.
	Bare bool
	// Accept is the edge's group policy; see edge.ParseAccept. Default all.
	Accept string
	// Eyeball opens the visitors' HTTPS listener too.
	Eyeball bool
	// At is where to listen again, as an edge that comes back; empty for free ports.
	At ListenReply
	// Idle is the idle time-out; see tunnel.QUICOptions.
	Idle time.Duration
	// Unwatched leaves out the watch on how connections come up, which keeps each one's times.
	Unwatched bool
	// Fleet readies the edge for tens of thousands of connections: IDs long enough to tell them apart.
	Fleet bool
	// Metered counts what the edge sends.
	Metered bool
	// Admit are its limits from the first datagram on.
	Admit AdmitArgs
}

// ListenReply says where.
type ListenReply struct{ Tunnel, Eyeball string }

// Authorize makes tunnels known to all edges of the process.
func (r *EdgeRole) Authorize(creds []tunnel.Credentials, _ *None) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tunnels == nil {
		r.tunnels = map[uuid.UUID]tunnel.Credentials{}
	}
	for _, c := range creds {
		r.tunnels[c.TunnelID] = c
	}
	return nil
}

func (r *EdgeRole) authorize(account string, id uuid.UUID) ([]byte, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.tunnels[id]
	return c.TunnelSecret, ok && c.AccountTag == account
}

// Listen opens an edge on free ports of the loopback interface.
func (r *EdgeRole) Listen(args ListenArgs, reply *ListenReply) error {
	leaf, err := tls.X509KeyPair(args.LeafPEM, args.LeafPEM)
	if err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{leaf}, MinVersion: tls.VersionTLS13, NextProtos: []string{tunnel.ALPN}}
	config.SetSessionTicketKeys([][32]byte{r.ticketKey()}) // one for all listeners: a ticket of one is good at another
	accept, err := edge.ParseAccept(cmp.Or(args.Accept, edge.AcceptAll))
	if err != nil {
		return err
	}
	accept.Configure(config)
	burden(config, busy().Server)
	socket, err := listenUDP(args.At.Tunnel)
	if err != nil {
		return err
	}
	if args.Bare {
		b, err := listenBare(socket, config, args.Initial)
		if err != nil {
			return err
		}
		r.bare = append(r.bare, b)
		reply.Tunnel = socket.LocalAddr().String()
		if args.Eyeball {
			reply.Eyeball, err = listenEyeball(origin.New(), leaf, anyPort)
		}
		return err
	}
	var trace *tunnel.Trace
	if args.Eyeball && !args.Unwatched {
		trace = r.up.trace() // an edge of handshakes alone has nothing that comes up, and no time to spare
	}
	var packets net.PacketConn = socket
	if args.Metered {
		packets = r.sent.Socket(socket)
	}
	idLength := 0
	if args.Fleet {
		idLength = fleetIDLength
	}
	e, err := edge.Listen(edge.Config{
		ConnectionIDLength: idLength,
		TLS:                config, PacketConn: packets, Authorize: r.authorize, Location: "local",
		QUIC:  tunnel.QUICOptions{InitialPacketSize: args.Initial, Idle: args.Idle},
		Trace: trace, Logger: slog.New(&r.complaints),
		// By default never: a Retry would add a round trip to some handshakes of an arm, and none to the bare listener's.
		RetryAbove: args.Admit.retryAbove(), RefuseAbove: args.Admit.RefuseAbove, AcceptAtOnce: args.Fleet,
	})
	if err != nil {
		return err
	}
	r.edges = append(r.edges, e)
	reply.Tunnel = e.Addr().String()
	if args.Eyeball {
		reply.Eyeball, err = listenEyeball(e, leaf, cmp.Or(args.At.Eyeball, anyPort))
	}
	return err
}

// fleetIDLength is the length of a connection ID at the edge of a fleet, bytes: see edge.Config.
const fleetIDLength = 8

// anyPort is a free one of the loopback interface.
const anyPort = "127.0.0.1:0"

func listenUDP(at string) (*net.UDPConn, error) {
	addr, err := net.ResolveUDPAddr("udp4", cmp.Or(at, anyPort))
	if err != nil {
		return nil, err
	}
	return net.ListenUDP("udp4", addr)
}

func listenEyeball(handler http.Handler, leaf tls.Certificate, at string) (addr string, err error) {
	l, err := tls.Listen("tcp4", at, &tls.Config{
		Certificates: []tls.Certificate{leaf}, MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"},
	})
	if err != nil {
		return "", err
	}
	go func() { _ = (&http.Server{Handler: handler}).Serve(l) }() // until the process ends
	return l.Addr().String(), nil
}

// drainPoll is how often Drain looks; a look costs about a microsecond.
const drainPoll = 200 * time.Microsecond

// Drained is an edge process at rest.
type Drained struct {
	Usage      Usage
	Handshakes int64 // completed at this side since the start
}

// DrainArgs say what to wait for, and how long.
type DrainArgs struct {
	Timeout time.Duration
	// Handshakes is how many the edge should have seen complete since the start; 0 when that is not known. A few may
	// never complete at this side, so the wait for them alone is short.
	Handshakes int64
}

// straggling is how long Drain waits for handshakes that the peer saw complete and this side did not.
const straggling = 5 * time.Millisecond

// Drain waits until no connection is open but the registered ones, so that all that a trial opened is charged to the
// trial, and replies with the usage at that instant.
func (r *EdgeRole) Drain(args DrainArgs, d *Drained) error {
	begin := time.Now()
	for ; ; time.Sleep(drainPoll) {
		open := int64(0)
		*d = Drained{}
		for _, e := range r.edges {
			s := e.Stats()
			open += s.OpenConnections - s.Registered
			d.Handshakes += s.Handshakes
		}
		for _, b := range r.bare {
			open += b.open.Load()
			d.Handshakes += b.handshakes.Load()
		}
		waited := time.Since(begin)
		if open == 0 && (d.Handshakes >= args.Handshakes || waited > straggling) {
			d.Usage = ReadUsage()
			return nil
		}
		if waited > args.Timeout {
			return fmt.Errorf("%d connections were still open after %v", open, args.Timeout)
		}
	}
}

// Rest drains, waits for handshakes that nobody completes any more, and collects the garbage of earlier trials, so that no arm pays
// for what another left behind.
func (r *EdgeRole) Rest(timeout time.Duration, d *Drained) error {
	begin := time.Now()
	for r.halfOpen() > 0 && time.Since(begin) < timeout {
		time.Sleep(drainPoll)
	}
	if err := r.Drain(DrainArgs{Timeout: timeout}, d); err != nil {
		return err
	}
	runtime.GC()
	d.Usage = ReadUsage()
	return nil
}

// halfOpen counts the handshakes in progress.
func (r *EdgeRole) halfOpen() (n int64) {
	for _, e := range r.edges {
		n += e.Stats().HalfOpen
	}
	return n
}

// Goroutines is Control's, without those that accept connections: they stay when all connections are gone.
func (r *EdgeRole) Goroutines(_ None, n *int) error {
	*n = runtime.NumGoroutine() - r.accepters()
	return nil
}

// Vitals is Control's, without those goroutines.
func (r *EdgeRole) Vitals(_ None, v *Vitals) error {
	err := r.Control.Vitals(None{}, v)
	v.Goroutines -= r.accepters()
	return err
}

func (r *EdgeRole) accepters() (n int) {
	for _, e := range r.edges {
		n += e.Accepters()
	}
	for _, b := range r.bare {
		n += b.accepters.Count()
	}
	return n
}
