package lab

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"

	"pqbench/bench/lab/link"
	"pqbench/kex"
	"pqbench/loadgen"
	"pqbench/results"
	"pqbench/tunnel"
	"pqbench/tunnel/ca"
	"pqbench/tunnel/connector"
	"pqbench/tunnel/edge"
	"pqbench/wire"
)

// Result is what one trial saw. Times are virtual, in nanoseconds since the dial; 0 is what was not asked for or did not
// happen.
type Result struct {
	Handshake time.Duration // until complete at the client, or failed
	Class     string        // of the failure, results.Class…; empty for a success
	Detail    string
	Group     string // negotiated
	Retried   bool   // a HelloRetryRequest
	Ended     string // why the worker ended at this trial; there is nothing else then

	Registered    time.Duration
	Registrations int // of the tunnel's connection: each after the first follows a loss
	Answers       []Answer

	Explanation Explanation
	// Datagrams and UDP payload bytes that each side had sent by the end of the handshake; by index link.Up, link.Down.
	Datagrams, Bytes [2]int
	Lost             [2]int // of these, or blocked
	// Of what was lost, the datagrams that held packets of each kind; one with two kinds counts for both.
	LostInitial, LostHandshake, LostOneRTT int
	Probes                                 [2]int // probe time-outs of the client and of the server
	// Stalled says that it took a round trip more although nothing was lost, nobody asked for a retry and no timer ran
	// out: the server had to hear from the client before it might send all of its flight (RFC 9000, Section 8.1).
	Stalled bool

	Ledger *wire.Ledger // where the job asks for it and the client sent a ClientHello
	// Allocs is how many objects both ends allocated from the dial until the connection was closed, where the job asks.
	Allocs uint64
}

// Answer is a first request of so many bytes over a new tunnel.
type Answer struct {
	Size        int
	First, Last time.Duration // byte of the answer, since the request
}

// setting is what the trials of a worker share: it takes real time to make.
type setting struct {
	chains map[string]*ca.CA // by certificate kind
	made   time.Time         // the bubble's clock begins in the year 2000, before any certificate is valid
}

// ready makes the cell's certificate: it takes real time, for which a bubble's clock would stand still.
func (s *setting) ready(c Cell) error {
	_, err := s.authority(c.Cert)
	return err
}

func (s *setting) authority(kind string) (*ca.CA, error) {
	if c, ok := s.chains[kind]; ok {
		return c, nil
	}
	c, err := ca.New(kind)
	if err != nil {
		return nil, err
	}
	if s.chains == nil {
		s.chains, s.made = map[string]*ca.CA{}, time.Now()
	}
	s.chains[kind] = c
	return c, nil
}

var (
	clientAddr = &net.UDPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 50000}
	serverAddr = &net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: tunnel.DefaultPort}
	creds      = tunnel.Credentials{AccountTag: "lab", TunnelSecret: make([]byte, 32), TunnelID: uuid.UUID{15: 1}}
)

// trial is one bubble's.
type trial struct {
	*setting
	job    Job
	path   link.Path
	record *link.Record
	start  time.Duration // of the dial, since the record began
	probes [2]probes     // by link.Up (the client's), link.Down
	result Result
	server *cores // of the edge
	mu     sync.Mutex
	spells []spell // of computing, where that takes time
	stop   func()  // ends a tunnel whose first connection failed: what its connector tries next is another trial's
}

// run makes one trial, or as many as there are clients at once; it must be called in a bubble.
func (s *setting) run(t *testing.T, job Job, number uint64) []Result {
	defer pin(job.Seed, number)()
	path, err := job.Cell.path()
	if err != nil {
		t.Fatal(err)
	}
	all := make([]Result, job.Cell.clients())
	server := &cores{free: max(1, job.Cell.Cores)}
	var ended sync.WaitGroup
	for i := range all {
		x := &trial{setting: s, job: job, path: path, server: server}
		ended.Go(func() { all[i] = x.run(t, number+uint64(i)) })
	}
	ended.Wait()
	return all
}

// run is one client's trial, over a path of its own. Every client has an edge of its own, too: what they share is its
// cores.
func (x *trial) run(t *testing.T, number uint64) Result {
	job := x.job
	client, server, record := link.Connect(x.path, link.Schedule{Seed: job.Seed, Trial: number}, clientAddr, serverAddr)
	x.record = record
	if cost := job.Cell.Cost; cost != nil {
		// Not a delay of the dial: that would be outside of the handshake's time, which runs from the call that dials.
		link.OnFirstSend(client, func() { x.compute(link.Up, time.Duration(cost.Share), nil) })
	}
	e, err := x.listen(server)
	if err != nil {
		t.Error(err)
		return Result{Class: results.ClassOther, Detail: err.Error()}
	}
	switch {
	case len(job.Requests) > 0:
		x.tunnel(t.Context(), e, client)
	case job.Ledger:
		x.tapped(client)
	case job.Allocs:
		x.counted(client)
	default:
		x.handshake(client, nil, 0)
	}
	ctx, cancel := context.WithTimeout(t.Context(), closing)
	defer cancel()
	_ = e.Close(ctx) // what a path lost may stay in flight
	_ = client.Close()
	_ = server.Close()
	return x.result
}

// tick lets some time pass before an end writes because of what it has just read. QUIC itself sends at that instant, too,
// and whether the two share a datagram would be the scheduler's choice. It is longer than a burst takes to arrive
// (an initial window of 32 datagrams, link.Spacing apart): a nanosecond would end as the second datagram of a burst arrives.
func tick() { time.Sleep(100 * time.Nanosecond) }

// resolution is that of what follows a handshake. The nanoseconds below it count the datagrams that left at one
// instant, and how many they were is the scheduler's choice.
const resolution = time.Microsecond

// closing bounds, in virtual time, what is left at the end of a trial.
const closing = 10 * time.Second

func (x *trial) tls(groups []string) (*tls.Config, error) {
	config := &tls.Config{Time: func() time.Time { return x.made }}
	var named []kex.Group
	for _, name := range groups {
		g, err := kex.ByName(name)
		if err != nil {
			return nil, err
		}
		named = append(named, g)
	}
	kex.Configure(config, named...)
	return config, nil
}

func (x *trial) listen(socket net.PacketConn) (*edge.Edge, error) {
	authority, err := x.authority(x.job.Cell.Cert)
	if err != nil {
		return nil, err
	}
	accept, err := edge.ParseAccept(x.job.Cell.Accept)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{authority.Leaf()}, Time: func() time.Time { return x.made }}
	accept.Configure(config)
	if cost := x.job.Cell.Cost; cost != nil {
		// It is asked once, when the group is chosen and before anything is answered.
		config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			x.compute(link.Down, time.Duration(cost.Server), x.server)
			return nil, nil // as configured
		}
	}
	return edge.Listen(edge.Config{
		VerifySourceAddress: func(net.Addr) bool { return x.job.Retry },
		TLS:                 config, PacketConn: socket, RetryAbove: -1, RegisterTimeout: -1, QUIC: x.quic(link.Down),
		Authorize: func(string, uuid.UUID) ([]byte, bool) {
			tick()
			return creds.TunnelSecret, true
		},
	})
}

func (x *trial) dialer() (*connector.Dialer, error) {
	authority, err := x.authority(x.job.Cell.Cert)
	if err != nil {
		return nil, err
	}
	config, err := x.tls(x.job.Cell.Offer)
	if err != nil {
		return nil, err
	}
	config.RootCAs = authority.Pool()
	if cost := x.job.Cell.Cost; cost != nil {
		config.VerifyConnection = func(tls.ConnectionState) error {
			x.compute(link.Up, time.Duration(cost.Client), nil)
			return nil
		}
	}
	return &connector.Dialer{TLS: config, QUIC: x.quic(link.Up), Trace: &tunnel.Trace{HandshakeDone: x.done}}, nil
}

// quic is how an end differs from cloudflared's. It never searches for the path's MTU, whether its socket would let it or
// not: cells with and without ECN are alike but for the marks.
func (x *trial) quic(end link.Dir) tunnel.QUICOptions {
	timers := x.job.Cell.Timers
	o := tunnel.QUICOptions{DisablePathMTUDiscovery: true, Idle: timers.Idle, Tracer: x.probes[end].tracer}
	if end == link.Up {
		o.KeepAlive = timers.KeepAlive
	}
	return o
}

// done is told of the handshake's end at the client, at the very instant.
func (x *trial) done(h tunnel.Handshake) {
	if x.result.Handshake != 0 {
		return // a connector's second attempt
	}
	x.start = h.Start.Sub(x.record.Start)
	x.result.Handshake = h.Done.Sub(h.Start)
	if h.Err != nil {
		x.result.Class, x.result.Detail = loadgen.Classify(h.Err), h.Err.Error()
	} else if g, ok := kex.ByID(h.Group); ok {
		x.result.Group, x.result.Retried = g.Label(), h.Retried
	}
	// What the client sends at the instant of its completion, or of its failure, is part of the handshake; what comes
	// after it, a close or a registration, is not.
	tick()
	x.account()
	if h.Err != nil && x.stop != nil {
		x.stop()
	}
}

// account reads the record up to the end of the handshake.
func (x *trial) account() {
	r := &x.result
	events := x.record.Events()
	for _, d := range events {
		if d.Sent > x.start+r.Handshake {
			continue
		}
		r.Datagrams[d.Dir]++
		r.Bytes[d.Dir] += d.Size
		if d.Fate != link.Delivered && d.Fate != link.InFlight {
			r.lose(d)
		}
	}
	r.Probes = [2]int{int(x.probes[link.Up].n.Load()), int(x.probes[link.Down].n.Load())}
	if r.Class == "" {
		r.Explanation = Explain(events, x.start, x.start+r.Handshake, x.path, x.spells...)
		r.Stalled = r.stalled()
	}
}

func (r *Result) stalled() bool {
	return r.Explanation.Crossings > 2 && r.Explanation.Waits == 0 && r.Lost == [2]int{} && !r.Retried
}

func (r *Result) lose(d link.Event) {
	r.Lost[d.Dir]++
	for kind, n := range map[link.Packets]*int{link.Initial: &r.LostInitial, link.Handshake: &r.LostHandshake, link.OneRTT: &r.LostOneRTT} {
		if d.Packets.Has(kind) {
			*n++
		}
	}
}

// handshake dials and closes, without registration. The connection stays open for linger.
func (x *trial) handshake(socket net.PacketConn, keys io.Writer, linger time.Duration) {
	tr := &quic.Transport{Conn: socket}
	defer tr.Close()
	dialer, err := x.dialer()
	if err != nil {
		x.result.Class, x.result.Detail = "other", err.Error()
		return
	}
	dialer.TLS.KeyLogWriter = keys
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := dialer.Dial(ctx, tr, serverAddr)
	if err == nil {
		time.Sleep(linger)
		_ = c.CloseWithError(0, "")
	}
}

// patience bounds a trial in virtual time: QUIC's own time-outs come long before.
const patience = 2 * time.Minute
