package role

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/quic-go/quic-go"

	"pqbench/loadgen"
	"pqbench/results"
	"pqbench/tunnel"
	"pqbench/tunnel/connector"
	"pqbench/wire"
)

// WireReply is one handshake's sample and its ledger.
type WireReply struct {
	Sample    results.Sample
	Ledger    wire.Ledger
	FirstSent int64 // when its first datagram left, ns since the run's origin
}

// Wire runs one handshake from a new socket behind a tap and reads its ledger. Its times are those of a tapped socket
// (no segmentation offload): right for bytes, not for speed.
func (r *LoadRole) Wire(args HandshakeArgs, reply *WireReply) error {
	if err := r.tapped(args, nil, reply); err != nil || reply.Sample.Class != "" {
		return err
	}
	if err := loadgen.AssertGroup([]results.Sample{reply.Sample}, args.Want); err != nil {
		return err
	}
	if !reply.Ledger.Complete {
		return fmt.Errorf("the ledger of a completed handshake is not complete: %d of its packets could not be read", reply.Ledger.Undecrypted)
	}
	return nil
}

// tapped runs one handshake behind a tap. The ledger of one that failed tells what was sent until then.
func (r *LoadRole) tapped(args HandshakeArgs, sessions tls.ClientSessionCache, reply *WireReply) error {
	edge, err := net.ResolveUDPAddr("udp", args.Edge)
	if err != nil {
		return err
	}
	config, err := clientTLS(args.RootPEM, args.Groups)
	if err != nil {
		return err
	}
	var keys wire.KeyLog
	config.KeyLogWriter, config.ClientSessionCache = &keys, sessions
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	defer socket.Close()
	tap := wire.NewTap(socket, wire.AtClient)
	started := r.clock.Now()
	tr := &quic.Transport{Conn: tap}
	defer tr.Close()

	dialer := &connector.Dialer{TLS: config, QUIC: tunnel.QUICOptions{InitialPacketSize: args.Initial}}
	dial := func(ctx context.Context, _ int) (loadgen.Conn, error) {
		c, err := dialer.Dial(ctx, tr, edge)
		if err != nil {
			return nil, err
		}
		return lingering{(*conn)(c)}, nil
	}
	loop := loadgen.Closed{Workers: 1, Count: 1, Clock: r.clock}
	samples, _, _ := loop.Run(context.Background(), loadgen.Handshake(r.clock, dial, args.Timeout))
	reply.Sample = samples[0]
	datagrams := tap.Take()
	if len(datagrams) == 0 {
		return nil // nothing was sent: the sample says why
	}
	reply.FirstSent = started + int64(datagrams[0].At)
	if reply.Ledger, err = wire.Read(datagrams, keys.Bytes()); err != nil && reply.Sample.Class == "" {
		return fmt.Errorf("reading the ledger: %w", err)
	}
	return nil
}

// linger is how long a tapped connection stays open after its handshake, so that the edge's HANDSHAKE_DONE, which
// confirms the handshake, is on the record too. On loopback it follows within a millisecond.
const linger = 10 * time.Millisecond

type lingering struct{ *conn }

func (l lingering) Close() error {
	time.Sleep(linger)
	return l.conn.Close()
}
