package role

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"

	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
)

// bareEdge is quic-go's accept loop and nothing else, with the edge's QUIC configuration.
type bareEdge struct {
	open, handshakes atomic.Int64
}

func listenBare(socket *net.UDPConn, config *tls.Config, initial int) (*bareEdge, error) {
	b := &bareEdge{}
	tr := &quic.Transport{Conn: socket}
	l, err := tr.Listen(config, tunnel.QUICConfig(tunnel.EdgeSide, tunnel.QUICOptions{InitialPacketSize: initial}))
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := l.Accept(context.Background())
			if err != nil {
				return
			}
			b.open.Add(1)
			b.handshakes.Add(1)
			go func() {
				<-conn.Context().Done()
				b.open.Add(-1)
			}()
		}
	}()
	return b, nil
}
