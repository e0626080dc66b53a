package edge

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"

	"pqbench/tunnel"
)

// A RelayConfig makes an edge one of several data centers: a request for a
// tunnel that is not connected here is passed to a peer that holds it. TLS
// and Peers are required.
type RelayConfig struct {
	// TLS proves data centers to each other, in both directions, by the
	// edge's own authority: Certificates is what this one presents and
	// RootCAs what a peer's must chain to. ServerName is the name in them,
	// default tunnel.RelayServerName. CurvePreferences, the group policy of
	// the links, is Config.TLS's unless set.
	TLS *tls.Config
	// PacketConn is where peers are listened for and dialled from. The edge
	// owns it. Default: a UDP socket on Addr.
	PacketConn net.PacketConn
	// Addr is used without a PacketConn; default ":7845".
	Addr string
	// Peers are the other data centers. They list this one as well.
	Peers []Peer
	// QUIC changes the time-outs of the links; the defaults are the tunnel's.
	QUIC tunnel.QUICOptions
}

// A Peer is another data center of the edge.
type Peer struct {
	Name string // as tunnel.Request.Via tells it
	Addr net.Addr
}

// relayStreams is how many requests one peer may have here at once. It is
// trusted to be an edge, so this is a bound on mistakes.
const relayStreams = 1 << 16

// relay is an edge's share of the mesh. Each data center dials every other;
// on a link the dialling side opens streams and the accepting side, which
// holds the tunnels, says which.
type relay struct {
	edge      *Edge
	cfg       RelayConfig
	transport *quic.Transport
	listener  *quic.Listener
	links     []*link
	turn      atomic.Uint64      // spreads requests over the holders
	stop      context.CancelFunc // ends the dialling
	serving   sync.WaitGroup

	mu      sync.Mutex
	inbound map[*quic.Conn]struct{}
	closed  bool
}

func (c *RelayConfig) validate(base *tls.Config) error {
	switch {
	case c.TLS == nil || len(c.TLS.Certificates) == 0 && (c.TLS.GetCertificate == nil || c.TLS.GetClientCertificate == nil):
		return errors.New("relay has no certificate: set Config.Relay.TLS")
	case c.TLS.RootCAs == nil:
		return errors.New("relay would trust anybody: set Config.Relay.TLS.RootCAs to the edge's own authority")
	}
	names := make(map[string]bool)
	for _, p := range c.Peers {
		if p.Name == "" || p.Addr == nil || names[p.Name] {
			return fmt.Errorf("relay peer %q: needs a name of its own and an address", p.Name)
		}
		names[p.Name] = true
	}
	conf := c.TLS.Clone()
	conf.MinVersion = tls.VersionTLS13
	conf.NextProtos = []string{tunnel.RelayALPN}
	conf.ServerName = cmp.Or(conf.ServerName, tunnel.RelayServerName)
	conf.ClientAuth = tls.RequireAndVerifyClientCert
	conf.ClientCAs = conf.RootCAs
	conf.VerifyConnection = verifyPeer(conf.ServerName, conf.VerifyConnection)
	if conf.CurvePreferences == nil {
		conf.CurvePreferences = base.CurvePreferences
	}
	c.TLS = conf
	c.Addr = cmp.Or(c.Addr, fmt.Sprintf(":%d", tunnel.DefaultPort+1))
	return c.QUIC.Validate()
}

// verifyPeer asks for the relay name at both ends: crypto/tls compares no
// name with a client's certificate.
func verifyPeer(name string, next func(tls.ConnectionState) error) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("relay peer has no certificate")
		}
		if err := state.PeerCertificates[0].VerifyHostname(name); err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: []*x509.Certificate{state.PeerCertificates[0]}, Err: err}
		}
		if next != nil {
			return next(state)
		}
		return nil
	}
}

// quicConfig has the tunnel's windows. The side that dials opens streams, the
// other opens one, for presence.
func (c *RelayConfig) quicConfig(dialling bool) *quic.Config {
	options := c.QUIC
	options.KeepAlive = cmp.Or(options.KeepAlive, tunnel.KeepAlivePeriod)
	conf := tunnel.QUICConfig(tunnel.EdgeSide, options)
	conf.EnableDatagrams = false
	conf.MaxIncomingStreams, conf.MaxIncomingUniStreams = relayStreams, -1
	if dialling {
		conf.MaxIncomingStreams, conf.MaxIncomingUniStreams = -1, 1
	}
	return conf
}

// listenRelay starts an edge's share of the mesh.
func listenRelay(e *Edge, cfg RelayConfig) (*relay, error) {
	if cfg.PacketConn == nil {
		socket, err := net.ListenPacket("udp", cfg.Addr)
		if err != nil {
			return nil, fmt.Errorf("relay: %w", err)
		}
		cfg.PacketConn = socket
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &relay{edge: e, cfg: cfg, stop: stop, inbound: make(map[*quic.Conn]struct{})}
	r.transport = &quic.Transport{
		Conn: cfg.PacketConn,
		// Links are few and live long: a round trip more is no matter, and
		// half-open handshakes cost nothing.
		VerifySourceAddress: func(net.Addr) bool { return true },
	}
	listener, err := r.transport.Listen(cfg.TLS, cfg.quicConfig(false))
	if err != nil {
		stop()
		return nil, errors.Join(fmt.Errorf("relay: %w", err), r.transport.Close(), cfg.PacketConn.Close())
	}
	r.listener = listener
	r.serving.Go(r.acceptLinks)
	for _, p := range cfg.Peers {
		l := &link{relay: r, peer: p}
		r.links = append(r.links, l)
		r.serving.Go(func() { l.keep(ctx) })
	}
	return r, nil
}

// close ends every link. Streams on them fail.
func (r *relay) close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stop()
	err := r.listener.Close()
	r.mu.Lock()
	for qc := range r.inbound {
		_ = qc.CloseWithError(0, "")
	}
	r.mu.Unlock()
	r.serving.Wait()
	return errors.Join(err, r.transport.Close(), r.cfg.PacketConn.Close())
}

// linger waits until what peers sent before they learned that this data
// center holds nothing any more has been answered, a round trip later.
func (r *relay) linger(ctx context.Context) {
	var wait time.Duration
	r.mu.Lock()
	for qc := range r.inbound {
		wait = max(wait, 2*qc.ConnectionStats().SmoothedRTT)
	}
	r.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
}

// A PeerStatus is what an edge knows of a peer now.
type PeerStatus struct {
	Name    string
	Up      bool        // the link is established
	Group   tls.CurveID // negotiated on the link
	Tunnels int         // held there
}

// Peers tells the state of the link to each peer, in the order of the config.
func (e *Edge) Peers() []PeerStatus {
	if e.relay == nil {
		return nil
	}
	status := make([]PeerStatus, len(e.relay.links))
	for i, l := range e.relay.links {
		status[i] = l.status()
	}
	return status
}

// holder is the next link in turn to a data center that says it holds the
// tunnel, leaving out those tried.
func (r *relay) holder(id uuid.UUID, turn uint64, tried []*link) (*link, *quic.Conn) {
	for i := range r.links {
		l := r.links[(turn+uint64(i))%uint64(len(r.links))]
		if qc := l.holding(id); qc != nil && !slices.Contains(tried, l) {
			return l, qc
		}
	}
	return nil, nil
}
