package role

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"pqbench/loadgen"
	"pqbench/wire"
)

// AttemptArgs describe handshakes that may be refused.
type AttemptArgs struct {
	HandshakeArgs
	// Issuer is an edge that gives a session ticket which Edge takes; empty to come without one.
	Issuer string
}

// AttemptsReply is how they ended.
type AttemptsReply struct {
	TrialReply
	Ledger  wire.Ledger // of one more, behind a tap
	Resumed int         // of the handshakes without the tap
	Others  int         // handshakes and attempts that the edges saw besides: the tapped one, and the ticket's issue
}

// Attempts runs handshakes that may be refused, and one more behind a tap.
func (r *LoadRole) Attempts(args AttemptArgs, reply *AttemptsReply) error {
	var sessions tls.ClientSessionCache
	if args.Issuer != "" {
		ticket, err := fetchTicket(args)
		if err != nil {
			return err
		}
		sessions = ticket
		reply.Others++
	}
	d, err := newDialers(args.HandshakeArgs, sessions)
	if err != nil {
		return err
	}
	defer d.close()
	var resumed atomic.Int64
	dial := func(ctx context.Context, worker int) (loadgen.Conn, error) {
		c, err := d.connect(ctx, d.transports[worker], d.edge)
		if err != nil {
			return nil, err
		}
		if c.ConnectionState().TLS.DidResume {
			resumed.Add(1)
		}
		return (*conn)(c), nil
	}
	loop := loadgen.Closed{Workers: args.Concurrency, Count: args.Count, Clock: r.clock}
	reply.measure(r.clock, func() {
		reply.Samples, reply.Scheduled, reply.Dropped = loop.Run(context.Background(), loadgen.Handshake(r.clock, dial, args.Timeout))
	})
	reply.Resumed = int(resumed.Load())
	if err := loadgen.Check(reply.Samples, reply.Scheduled, reply.Dropped); err != nil {
		return err
	}
	var tapped WireReply
	err = r.tapped(args.HandshakeArgs, sessions, &tapped)
	reply.Ledger = tapped.Ledger
	reply.Others++
	return err
}

// ticketTimeout bounds the wait for a ticket, which the edge sends right after the handshake.
const ticketTimeout = 2 * time.Second

// fetchTicket makes a handshake with the issuer and waits for its ticket.
func fetchTicket(args AttemptArgs) (*oneTicket, error) {
	from := args.HandshakeArgs
	from.Edge, from.Concurrency = args.Issuer, 1
	ticket := &oneTicket{got: make(chan struct{})}
	d, err := newDialers(from, ticket)
	if err != nil {
		return nil, err
	}
	defer d.close()
	ctx, cancel := context.WithTimeout(context.Background(), args.Timeout)
	defer cancel()
	c, err := d.connect(ctx, d.transports[0], d.edge)
	if err != nil {
		return nil, err
	}
	defer func(c *quic.Conn) { _ = c.CloseWithError(0, "") }(c)
	select {
	case <-ticket.got:
		return ticket, nil
	case <-time.After(ticketTimeout):
		return nil, errors.New("the edge issued no session ticket")
	}
}

// oneTicket keeps the first ticket that it is given, and gives it to every handshake, so that all of them resume the
// same session.
type oneTicket struct {
	mu    sync.Mutex
	state *tls.ClientSessionState
	got   chan struct{} // closed once there is one
}

// Get gives the ticket, whatever the key: the edges share it.
func (o *oneTicket) Get(string) (*tls.ClientSessionState, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state, o.state != nil
}

// Put keeps the first. A nil would take it away after a failed handshake.
func (o *oneTicket) Put(_ string, state *tls.ClientSessionState) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state == nil && state != nil {
		o.state = state
		close(o.got)
	}
}
