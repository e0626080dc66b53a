package endtoend

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/origin"
	"pqbench/tunnel"
	"pqbench/tunnel/ca"
	"pqbench/tunnel/connector"
	"pqbench/tunnel/edge"
)

// cpu reports the process's CPU time per operation, both ends together.
func cpu(b *testing.B) (report func()) {
	start := used(b)
	return func() { b.ReportMetric(float64(used(b)-start)/float64(b.N), "cpu-ns/op") }
}

func used(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkHandshake dials and closes: against the edge, and against a plain
// quic-go accept loop with the same configuration, which is what the edge's
// share is judged by.
func BenchmarkHandshake(b *testing.B) {
	authority, err := ca.New("")
	require.NoError(b, err)
	leaf := &tls.Config{Certificates: []tls.Certificate{authority.Leaf()}}
	b.Run("listener=edge", func(b *testing.B) {
		e, err := edge.Listen(edge.Config{TLS: leaf, Addr: "127.0.0.1:0", Authorize: func(string, uuid.UUID) ([]byte, bool) { return nil, false }})
		require.NoError(b, err)
		defer e.Close(context.Background())
		handshakes(b, authority, e.Addr())
	})
	b.Run("listener=bare", func(b *testing.B) {
		socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		require.NoError(b, err)
		tr := &quic.Transport{Conn: socket}
		defer tr.Close()
		l, err := tr.Listen(tunnel.TLSConfig(tunnel.EdgeSide, leaf), tunnel.QUICConfig(tunnel.EdgeSide, tunnel.QUICOptions{}))
		require.NoError(b, err)
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept(context.Background())
				if err != nil {
					return
				}
				go func() { _, _ = c.AcceptStream(context.Background()) }()
			}
		}()
		handshakes(b, authority, l.Addr())
	})
}

func handshakes(b *testing.B, authority *ca.CA, address net.Addr) {
	const inFlight = 8
	dialer := &connector.Dialer{TLS: &tls.Config{RootCAs: authority.Pool(), CurvePreferences: []tls.CurveID{tls.X25519MLKEM768}}}
	b.ReportAllocs()
	defer cpu(b)()
	b.ResetTimer()
	work := make(chan struct{})
	var workers sync.WaitGroup
	for range inFlight {
		workers.Go(func() {
			socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				b.Error(err)
				return
			}
			tr := &quic.Transport{Conn: socket}
			defer socket.Close()
			defer tr.Close()
			for range work {
				c, err := dialer.Dial(b.Context(), tr, address)
				if err != nil {
					b.Error(err)
					continue
				}
				_ = c.CloseWithError(0, "")
			}
		})
	}
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	workers.Wait()
}

// discard is an eyeball without a network.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header       { return d.header }
func (*discard) Write(p []byte) (int, error) { return len(p), nil }
func (*discard) WriteHeader(int)             {}
func (*discard) Flush()                      {}

// BenchmarkRequest passes small requests through edge, tunnel and connector
// to an origin over loopback; the eyeball's own HTTP is left out.
func BenchmarkRequest(b *testing.B) {
	authority, err := ca.New("")
	require.NoError(b, err)
	creds := tunnel.Credentials{AccountTag: "a", TunnelSecret: []byte("s"), TunnelID: uuid.New()}
	e, err := edge.Listen(edge.Config{
		TLS: &tls.Config{Certificates: []tls.Certificate{authority.Leaf()}}, Addr: "127.0.0.1:0",
		Authorize: func(string, uuid.UUID) ([]byte, bool) { return creds.TunnelSecret, true },
	})
	require.NoError(b, err)
	defer e.Close(context.Background())
	service := httptest.NewServer(origin.New())
	defer service.Close()
	to, err := url.Parse(service.URL)
	require.NoError(b, err)
	c, err := connector.New(connector.Config{Edges: slices.Repeat([]net.Addr{e.Addr()}, tunnel.HAConnections), Stagger: -1, Credentials: creds, Origin: to,
		Dialer: &connector.Dialer{TLS: &tls.Config{RootCAs: authority.Pool()}}})
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }()
	defer func() { cancel(); <-done }()
	require.NoError(b, c.Ready(ctx))

	requests(b, e, creds.TunnelID)
}

// BenchmarkRelayedRequest passes the same requests through another data center first.
func BenchmarkRelayedRequest(b *testing.B) {
	m := newMesh(b, loopbackSockets(b), "AMS", "FRA")
	defer m.close()
	defer m.connect(nil, nil, "FRA", "FRA", "FRA", "FRA")()
	m.settled(map[string]int{"FRA": 1})
	requests(b, m.colos["AMS"], m.creds.TunnelID)
}

func requests(b *testing.B, e http.Handler, id uuid.UUID) {
	b.ReportAllocs()
	defer cpu(b)()
	b.SetParallelism(25) // 50 eyeballs on two cores
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequest(http.MethodGet, "/bytes/1KiB", http.NoBody)
			r.Header.Set("User-Agent", "bench")
			r.Header.Set("Accept-Encoding", "gzip")
			r.Host = id.String() + tunnel.HostSuffix
			e.ServeHTTP(&discard{http.Header{}}, r)
		}
	})
}
