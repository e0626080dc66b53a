package role

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"

	"pqbench/kex"
	"pqbench/loadgen"
	"pqbench/results"
	"pqbench/tunnel"
	"pqbench/tunnel/connector"
)

// LoadRole makes load: handshakes as a connector makes them, and visitors' requests.
type LoadRole struct {
	*Control
	eyeballs map[string]*loadgen.Eyeballs // by the address of the edge that they enter at

	mu       sync.Mutex
	prepared *prepared
}

// HandshakeArgs describe one trial of handshakes.
type HandshakeArgs struct {
	Edge        string
	RootPEM     []byte
	Groups      []tls.CurveID // the offer
	Want        tls.CurveID   // what must be negotiated
	Initial     int
	Concurrency int
	Count       int
	Timeout     time.Duration
	// Bare dials with quic-go alone instead of the connector's dialer.
	Bare bool

	verifyOnce bool // see OpenArgs.Sparing
	// Sockets are shared by that many workers' connections; 0 is a socket for each worker.
	Sockets int
	// Target is nil for an edge of ours.
	Target *Target
}

// TrialReply is what a trial of load gave.
type TrialReply struct {
	Samples           []results.Sample
	Scheduled         int
	Dropped           int
	Started, Finished int64 // ns since the run's origin
	Usage             Usage // of this process, over the trial
}

// Handshakes runs one trial: every worker dials from a socket of its own, as each connection of a connector does,
// and closes at once.
func (r *LoadRole) Handshakes(args HandshakeArgs, reply *TrialReply) error {
	d, err := newDialers(args, nil)
	if err != nil {
		return err
	}
	defer d.close()
	if args.Bare {
		var failed int64
		reply.measure(r.clock, func() { failed = dialBare(d, args) })
		if failed > 0 {
			return fmt.Errorf("%d of %d handshakes of the bare dial loop failed", failed, args.Count)
		}
		return nil
	}
	loop := loadgen.Closed{Workers: args.Concurrency, Count: args.Count, Clock: r.clock}
	reply.measure(r.clock, func() {
		reply.Samples, reply.Scheduled, reply.Dropped = loop.Run(context.Background(), loadgen.Handshake(r.clock, d.dial, args.Timeout))
	})
	if err := args.assertGroup(reply.Samples); err != nil {
		return err
	}
	return loadgen.Check(reply.Samples, reply.Scheduled, reply.Dropped)
}

func (t *TrialReply) measure(clock loadgen.Clock, trial func()) {
	runtime.GC() // what an earlier trial left is not this one's to collect
	before := ReadUsage()
	t.Started = clock.Now()
	trial()
	t.Finished = clock.Now()
	t.Usage = ReadUsage().Sub(before)
}

// dialers are the workers' sockets and the one way in which all of them dial.
type dialers struct {
	edge       net.Addr
	transports []*quic.Transport
	connect    func(ctx context.Context, tr *quic.Transport, edge net.Addr) (*quic.Conn, error)
}

// newDialers opens the sockets. sessions holds a ticket to resume with; nil for none.
func newDialers(args HandshakeArgs, sessions tls.ClientSessionCache) (*dialers, error) {
	addr, err := net.ResolveUDPAddr("udp", args.Edge)
	if err != nil {
		return nil, err
	}
	config, err := args.tls()
	if err != nil {
		return nil, err
	}
	config.ClientSessionCache = sessions
	if args.verifyOnce {
		verifyOnce(config)
	}
	d := &dialers{edge: addr}
	sockets := cmp.Or(args.Sockets, args.Concurrency)
	for range sockets {
		socket, err := net.ListenUDP(towards(addr))
		if err != nil {
			d.close()
			return nil, fmt.Errorf("socket %d of %d: %w%s", len(d.transports)+1, sockets, err, wayOut(err))
		}
		d.transports = append(d.transports, &quic.Transport{Conn: socket})
	}
	if args.Bare || args.Target != nil {
		qc := tunnel.QUICConfig(tunnel.ConnectorSide, tunnel.QUICOptions{InitialPacketSize: args.Initial})
		d.connect = func(ctx context.Context, tr *quic.Transport, edge net.Addr) (*quic.Conn, error) {
			return tr.Dial(ctx, edge, config, qc)
		}
		return d, nil
	}
	d.connect = (&connector.Dialer{TLS: config, QUIC: tunnel.QUICOptions{InitialPacketSize: args.Initial}}).Dial
	return d, nil
}

// wayOut is what to do about a socket that cannot be opened.
func wayOut(err error) string {
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return " (raise the limit of open files with ulimit -n)"
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, syscall.EADDRNOTAVAIL):
		return " (no port is left: widen the range with sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\")"
	}
	return ""
}

func (d *dialers) dial(ctx context.Context, worker int) (loadgen.Conn, error) {
	c, err := d.connect(ctx, d.transports[worker%len(d.transports)], d.edge)
	if err != nil {
		return nil, err
	}
	return (*conn)(c), nil
}

// towards is the network and the address of a socket that reaches addr. On loopback it is bound to it, so that nothing
// from elsewhere arrives.
func towards(addr *net.UDPAddr) (network string, local *net.UDPAddr) {
	network, local = "udp6", &net.UDPAddr{}
	if addr.IP.To4() != nil {
		network = "udp4"
	}
	if addr.IP.IsLoopback() {
		local.IP = addr.IP
	}
	return network, local
}

func (d *dialers) close() {
	for _, tr := range d.transports {
		_ = tr.Close()
		_ = tr.Conn.Close()
	}
}

// conn adapts a QUIC connection to what loadgen asks of one.
type conn quic.Conn

func (c *conn) Group() tls.CurveID { return (*quic.Conn)(c).ConnectionState().TLS.CurveID }
func (c *conn) Close() error       { return (*quic.Conn)(c).CloseWithError(0, "") }

// tls is the client's side of the handshake: a connector's, or what a server of the user's own asks for.
func (a HandshakeArgs) tls() (*tls.Config, error) {
	if a.Target == nil {
		return clientTLS(a.RootPEM, a.Groups)
	}
	config := &tls.Config{ServerName: a.Target.SNI, NextProtos: a.Target.ALPN, InsecureSkipVerify: a.Target.Insecure, MinVersion: tls.VersionTLS13}
	if len(a.RootPEM) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(a.RootPEM) {
			return nil, errors.New("the authority's PEM holds no certificate")
		}
	}
	return config, offer(config, a.Groups)
}

// clientTLS is the connector's side of the handshake: it trusts the local authority alone and offers these groups alone.
func clientTLS(rootPEM []byte, groups []tls.CurveID) (*tls.Config, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(rootPEM) {
		return nil, errors.New("the authority's PEM holds no certificate")
	}
	config := &tls.Config{
		RootCAs: roots, ServerName: tunnel.QUICServerName, NextProtos: []string{tunnel.ALPN}, MinVersion: tls.VersionTLS13,
	}
	burden(config, busy().Client)
	return config, offer(config, groups)
}

// offer makes a configuration offer these groups alone.
func offer(config *tls.Config, groups []tls.CurveID) error {
	var named []kex.Group
	for _, id := range groups {
		g, ok := kex.ByID(id)
		if !ok {
			return fmt.Errorf("unknown group 0x%04x", uint16(id))
		}
		if err := g.InTLS(kex.Fixed()); err != nil {
			return err
		}
		named = append(named, g)
	}
	kex.Configure(config, named...)
	return nil
}

// EyeballArgs open the visitors.
type EyeballArgs struct {
	Edge    string
	RootPEM []byte
	Count   int
	Timeout time.Duration
}

// Eyeballs makes Count visitors; they keep their connections until the next call for the same edge, or the process's end.
func (r *LoadRole) Eyeballs(args EyeballArgs, _ *None) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(args.RootPEM) {
		return errors.New("the authority's PEM holds no certificate")
	}
	if before, ok := r.eyeballs[args.Edge]; ok {
		before.Close()
	}
	if r.eyeballs == nil {
		r.eyeballs = map[string]*loadgen.Eyeballs{}
	}
	r.eyeballs[args.Edge] = loadgen.NewEyeballs(args.Count, args.Edge, roots, r.clock, args.Timeout)
	return nil
}

// visitors are those that were opened for the edge that a trial names.
func (r *LoadRole) visitors(args RequestArgs) (*loadgen.Eyeballs, error) {
	e, ok := r.eyeballs[args.Edge]
	if !ok {
		return nil, fmt.Errorf("no visitors were opened for the edge at %q", args.Edge)
	}
	return e, nil
}

// Leave lets the visitors close their connections.
func (r *LoadRole) Leave(_ None, _ *None) error {
	for _, e := range r.eyeballs {
		e.Close()
	}
	return nil
}

// RequestArgs describe one trial of requests: for a duration, or a number of them.
type RequestArgs struct {
	Edge        string // whose visitors ask; see EyeballArgs
	Ask         loadgen.Ask
	Concurrency int
	Count       int
	Duration    time.Duration
}

// Requests runs one trial with the first Concurrency visitors, each with one request in flight.
func (r *LoadRole) Requests(args RequestArgs, reply *TrialReply) error {
	visitors, err := r.visitors(args)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if args.Duration > 0 { // a number of them is soon done, and must not take Halt from an open loop beside it
		halting, done := r.haltable()
		defer done()
		ctx = halting
	}
	loop := loadgen.Closed{Workers: args.Concurrency, Count: args.Count, Duration: args.Duration, Clock: r.clock}
	reply.measure(r.clock, func() {
		reply.Samples, reply.Scheduled, reply.Dropped = loop.Run(ctx, visitors.Request(args.Ask))
	})
	return loadgen.Check(reply.Samples, reply.Scheduled, reply.Dropped)
}
