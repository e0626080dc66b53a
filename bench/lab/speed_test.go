package lab

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/testutils/simnet"
	"github.com/stretchr/testify/require"
)

// TestSpeed compares trials of the lab (edge, connector's dialer, record and explanation) with bare handshakes of
// quic-go over its own simulated network, in turn, and prints the ratio of handshakes per second: at least 0.9 is wanted.
// It is a test because a bubble needs one; `make lab-speed` runs it. It asserts nothing: speed is the machine's.
func TestSpeed(t *testing.T) {
	if os.Getenv("PQBENCH_LAB_SPEED") == "" {
		t.Skip("a measurement, which make lab-speed takes")
	}
	s := &setting{}
	_, err := s.authority("ecdsa-p256")
	require.NoError(t, err)
	const rounds, each = 20, 100
	for _, group := range []string{"X25519", "X25519MLKEM768"} {
		job := Job{Cell: Cell{Offer: []string{group}, RTT: 100 * time.Millisecond, Loss: "0", Accept: "all", Cert: "ecdsa-p256"}}
		id := map[string]tls.CurveID{"X25519": tls.X25519, "X25519MLKEM768": tls.X25519MLKEM768}[group]
		var ours, bare time.Duration
		for range rounds {
			start := time.Now()
			for i := range each {
				synctest.Test(t, func(t *testing.T) { require.Empty(t, s.run(t, job, uint64(i))[0].Class) })
			}
			middle := time.Now()
			for range each {
				synctest.Test(t, func(t *testing.T) { s.bare(t, id) })
			}
			ours += middle.Sub(start)
			bare += time.Since(middle)
		}
		const n = rounds * each
		t.Logf("%s: lab %.0f handshakes/s, bare %.0f, ratio %.2f", group, n/ours.Seconds(), n/bare.Seconds(), bare.Seconds()/ours.Seconds())
	}
}

// bare is one handshake of quic-go alone.
func (s *setting) bare(t *testing.T, group tls.CurveID) {
	network := &simnet.Simnet{Router: &simnet.PerfectRouter{}}
	latency := simnet.NodeBiDiLinkSettings{Latency: 50 * time.Millisecond}
	client, server := network.NewEndpoint(clientAddr, latency), network.NewEndpoint(serverAddr, latency)
	require.NoError(t, network.Start())
	defer network.Close()
	authority := s.chains["ecdsa-p256"]
	now := func() time.Time { return s.made }
	there := &quic.Transport{Conn: server}
	defer there.Close()
	l, err := there.Listen(&tls.Config{Certificates: []tls.Certificate{authority.Leaf()}, NextProtos: []string{"bare"}, Time: now}, &quic.Config{})
	require.NoError(t, err)
	defer l.Close()
	here := &quic.Transport{Conn: client}
	defer here.Close()
	c, err := here.Dial(context.Background(), net.Addr(serverAddr), &tls.Config{RootCAs: authority.Pool(), ServerName: "quic.cftunnel.com",
		NextProtos: []string{"bare"}, Time: now, CurvePreferences: []tls.CurveID{group}}, &quic.Config{})
	require.NoError(t, err)
	require.NoError(t, c.CloseWithError(0, ""))
}
