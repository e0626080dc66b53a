package wire

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/testutils/simnet"
	"github.com/stretchr/testify/require"
)

// rtt of the simulated path. Longer than the processing takes, which in virtual time is nothing.
const rtt = 100 * time.Millisecond

// gap is the least time between two datagrams that arrive at one end, as on any link of finite rate. Without it, two
// would arrive at the same instant, and whether the second is read before the first is answered would be up to the
// scheduler even in virtual time. With it every count is exact.
const gap = time.Millisecond

// spaced returns the delay of a simulated link that keeps the gap.
func spaced() func(simnet.Packet) time.Duration {
	var mu sync.Mutex
	var last time.Time
	return func(simnet.Packet) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		last = last.Add(gap)
		if earliest := now.Add(rtt / 2); last.Before(earliest) {
			last = earliest
		}
		return last.Sub(now)
	}
}

// The names are those of a real tunnel: their lengths count in the ClientHello.
const (
	serverName = "quic.cftunnel.com"
	alpn       = "argotunnel"
)

// leaf is an ECDSA P-256 certificate, made once: outside of any virtual clock.
var leaf = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "wire test"},
		DNSNames:     []string{serverName},
		NotBefore:    time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), // synctest starts in 2000
		NotAfter:     time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed}
})

func configs(keylog *bytes.Buffer, client, server []tls.CurveID) (clientTLS, serverTLS *tls.Config) {
	roots := x509.NewCertPool()
	roots.AddCert(leaf().Leaf)
	clientTLS = &tls.Config{RootCAs: roots, ServerName: serverName, NextProtos: []string{alpn}, CurvePreferences: client, KeyLogWriter: keylog}
	serverTLS = &tls.Config{Certificates: []tls.Certificate{leaf()}, NextProtos: []string{alpn}, CurvePreferences: server}
	return clientTLS, serverTLS
}

// trial is one handshake in virtual time.
type trial struct {
	client, server []tls.CurveID                   // CurvePreferences
	retry          bool                            // the server validates the client's address
	drop           func(dir Direction, n int) bool // loses the nth datagram (from 0) in a direction
	role           Role                            // where the tap stands
}

// lossyRouter delivers what drop leaves, and counts datagrams as the sender's link hands them over.
type lossyRouter struct {
	simnet.PerfectRouter
	drop func(dir Direction, n int) bool

	mu   sync.Mutex
	sent [2]int
}

func (r *lossyRouter) SendPacket(p simnet.Packet) error {
	dir := ServerToClient
	if p.To.(*net.UDPAddr).Port == serverAddr.Port {
		dir = ClientToServer
	}
	r.mu.Lock()
	n := r.sent[dir]
	r.sent[dir]++
	r.mu.Unlock()
	if r.drop != nil && r.drop(dir, n) {
		return nil
	}
	return r.PerfectRouter.SendPacket(p)
}

var (
	clientAddr = &net.UDPAddr{IP: net.IPv4(1, 0, 0, 1), Port: 9001}
	serverAddr = &net.UDPAddr{IP: net.IPv4(1, 0, 0, 2), Port: 9002}
)

// outcome is what a trial recorded: through confirmation and a little longer.
type outcome struct {
	datagrams []Datagram
	keylog    []byte
	took      time.Duration // virtual, from dialing to completion
	err       error
}

// run performs a trial in a bubble of its own.
func (tr trial) run(t *testing.T) (out outcome) {
	t.Helper()
	leaf()
	synctest.Test(t, func(t *testing.T) {
		network := &simnet.Simnet{Router: &lossyRouter{drop: tr.drop}}
		clientConn := network.NewEndpoint(clientAddr, simnet.NodeBiDiLinkSettings{LatencyFunc: spaced()})
		serverConn := network.NewEndpoint(serverAddr, simnet.NodeBiDiLinkSettings{LatencyFunc: spaced()})
		require.NoError(t, network.Start())
		defer network.Close()
		out = tr.handshake(t, clientConn, serverConn)
	})
	return out
}

func (tr trial) handshake(t *testing.T, clientConn, serverConn net.PacketConn) (out outcome) {
	var tap *Tap
	if tr.role == AtServer {
		tap = NewTap(serverConn, AtServer)
		serverConn = tap
	} else {
		tap = NewTap(clientConn, AtClient)
		clientConn = tap
	}
	var keylog bytes.Buffer
	clientTLS, serverTLS := configs(&keylog, tr.client, tr.server)
	server := &quic.Transport{Conn: serverConn, VerifySourceAddress: func(net.Addr) bool { return tr.retry }}
	defer serverConn.Close()
	defer server.Close()
	listener, err := server.Listen(serverTLS, nil)
	require.NoError(t, err)
	client := &quic.Transport{Conn: clientConn}
	defer clientConn.Close()
	defer client.Close()

	start := time.Now()
	conn, err := client.Dial(t.Context(), serverConn.LocalAddr(), clientTLS, nil)
	out.took, out.err = time.Since(start), err
	if err == nil {
		peer, err := listener.Accept(t.Context())
		require.NoError(t, err)
		// A stream of the server's that arrives comes after HANDSHAKE_DONE or with it: the handshake is confirmed.
		waitForServer(t, conn, peer)
		require.NoError(t, conn.CloseWithError(0, ""))
		<-peer.Context().Done()
	}
	out.datagrams, out.keylog = tap.Take(), keylog.Bytes()
	return out
}

// waitForServer returns once data of the server's has come to the client.
func waitForServer(t *testing.T, conn, peer *quic.Conn) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stream, err := peer.OpenUniStream()
	require.NoError(t, err)
	require.NoError(t, stream.Close())
	_, err = conn.AcceptUniStream(ctx)
	require.NoError(t, err)
}
