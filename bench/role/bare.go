package role

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"

	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
	"pqbench/tunnel/edge"
)

// bareEdge is quic-go's accept loop and nothing else, with the edge's QUIC configuration.
type bareEdge struct {
	open, handshakes atomic.Int64
	accepters        *edge.Accepters // the edge's, or it would refuse what an edge takes
}

func listenBare(socket *net.UDPConn, config *tls.Config, initial int) (*bareEdge, error) {
	b := &bareEdge{}
	tr := &quic.Transport{Conn: socket}
	// The early listener, as the edge has it: the plain one hands a connection over later, and may lose one that is
	// closed right after its handshake.
	l, err := tr.ListenEarly(config, tunnel.QUICConfig(tunnel.EdgeSide, tunnel.QUICOptions{InitialPacketSize: initial}))
	if err != nil {
		return nil, err
	}
	b.accepters = edge.StartAccepters(l, false, func(conn *quic.Conn) {
		b.open.Add(1)
		go func() {
			defer b.open.Add(-1)
			select {
			case <-conn.HandshakeComplete():
				b.handshakes.Add(1)
			case <-conn.Context().Done():
				return
			}
			<-conn.Context().Done()
		}()
	})
	return b, nil
}

// dialBare is quic-go's dial loop and nothing else: each worker dials and closes until count connections are made. It
// keeps no samples, so that what the harness adds to each handshake is in the comparison.
func dialBare(d *dialers, args HandshakeArgs) (failed int64) {
	var next, failures atomic.Int64
	var workers sync.WaitGroup
	for w := range args.Concurrency {
		workers.Go(func() {
			for next.Add(1) <= int64(args.Count) {
				ctx, cancel := context.WithTimeout(context.Background(), args.Timeout)
				conn, err := d.connect(ctx, d.transports[w], d.edge)
				cancel()
				if err != nil {
					failures.Add(1)
					continue
				}
				_ = conn.CloseWithError(0, "")
			}
		})
	}
	workers.Wait()
	return failures.Load()
}
