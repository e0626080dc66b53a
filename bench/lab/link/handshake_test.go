package link_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/bench/lab/link"
	"pqbench/tunnel/ca"
)

var (
	clientAddr = &net.UDPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 50000}
	serverAddr = &net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 7844}
)

// certificateTime replaces the bubble's clock, which begins in the year 2000.
func certificateTime() time.Time { return made }

var made = time.Now()

const alpn = "test"

// A handshake is what a client saw of one, and the record of its path.
type handshake struct {
	err    error
	took   time.Duration
	done   time.Duration // since the record began
	events []link.Event
}

// shake makes one handshake over a path, in the bubble in which it is called, and closes everything.
func shake(t testing.TB, authority *ca.CA, p link.Path, s link.Schedule, groups ...tls.CurveID) (h handshake) {
	client, server, rec := link.Connect(p, s, clientAddr, serverAddr)
	shakeOver(t, authority, client, server, &h, groups)

	for i, e := range rec.Events() {
		if i == 0 {
			h.done = h.took + e.Sent
		}
		h.events = append(h.events, e)
	}
	return h
}

func shakeOver(t testing.TB, authority *ca.CA, client, server net.PacketConn, h *handshake, groups []tls.CurveID) {
	defer client.Close()
	defer server.Close()
	config := &quic.Config{InitialPacketSize: 1252, HandshakeIdleTimeout: time.Minute}
	here, there := &quic.Transport{Conn: client}, &quic.Transport{Conn: server}
	defer here.Close()
	defer there.Close()
	l, err := there.Listen(&tls.Config{
		Certificates: []tls.Certificate{authority.Leaf()}, NextProtos: []string{alpn}, Time: certificateTime, CurvePreferences: groups,
	}, config)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	start := time.Now()
	c, err := here.Dial(ctx, serverAddr, &tls.Config{
		RootCAs: authority.Pool(), ServerName: "quic.cftunnel.com", NextProtos: []string{alpn}, Time: certificateTime, CurvePreferences: groups,
	}, config)
	h.took, h.err = time.Since(start), err
	if err != nil {
		return
	}
	time.Sleep(time.Second)
	require.NoError(t, c.CloseWithError(0, ""))
	time.Sleep(5 * time.Second)
	require.NoError(t, l.Close())
}

// A handshake takes one round trip and the few nanoseconds that keep datagrams apart, and the client sends as many datagrams until it is complete in every repetition: a hybrid's four, since the server acknowledges the
// first Initial before the second arrives.
func TestHandshakeIsExact(t *testing.T) {
	authority, err := ca.New("")
	require.NoError(t, err)
	for _, c := range []struct {
		group         tls.CurveID
		took          time.Duration
		up            int // datagrams until complete, that with the client's Finished included
		down, upBytes int
	}{
		{tls.X25519, 100*time.Millisecond + 2, 2, 1, 2 * 1252},
		{tls.X25519MLKEM768, 100*time.Millisecond + 5, 4, 3, 3*1252 + 181},
	} {
		for range 20 {
			synctest.Test(t, func(t *testing.T) {
				h := shake(t, authority, link.Symmetric(link.Direction{Delay: 50 * time.Millisecond}), link.Schedule{}, c.group)
				require.NoError(t, h.err)
				require.Equal(t, c.took, h.took, c.group)
				up, down, upBytes := h.until()
				require.Equal(t, []int{c.up, c.down, c.upBytes}, []int{up, down, upBytes}, "%v: datagrams up, down, bytes up", c.group)
			})
		}
	}
}

// until counts the datagrams each way until the client's handshake was complete.
func (h handshake) until() (up, down, upBytes int) {
	for _, e := range h.events {
		switch {
		case e.Dir == link.Up && e.Sent <= h.done:
			up++
			upBytes += e.Size
		case e.Dir == link.Down && e.Fate == link.Delivered && e.Arrived <= h.done:
			down++
		}
	}
	return up, down, upBytes
}
