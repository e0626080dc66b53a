package edge

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/tunnel"
)

// deaf is a socket whose owner never hears an answer, as if the address of
// its packets were not its own.
type deaf struct{ net.PacketConn }

func (d deaf) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		if _, _, err := d.PacketConn.ReadFrom(p); err != nil {
			return 0, nil, err
		}
	}
}

// flood begins handshakes from addresses that never answer, until stop.
func flood(t *testing.T, to net.Addr, addresses int) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	conf := tunnel.TLSConfig(tunnel.ConnectorSide, &tls.Config{InsecureSkipVerify: true})
	done := make(chan struct{})
	for range addresses {
		socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
		require.NoError(t, err)
		tr := &quic.Transport{Conn: deaf{socket}}
		go func() {
			_, err := tr.Dial(ctx, to, conf, tunnel.QUICConfig(tunnel.ConnectorSide, tunnel.QUICOptions{HandshakeIdle: time.Minute}))
			if err == nil {
				t.Error("a deaf peer completed a handshake")
			}
			_, _ = tr.Close(), socket.Close()
			done <- struct{}{}
		}()
	}
	return func() {
		cancel()
		for range addresses {
			<-done
		}
	}
}

// Beyond the threshold a spoofed Initial costs a Retry and nothing that
// stays, and who answers the Retry is served.
func TestAFloodOfSpoofedInitials(t *testing.T) {
	const addresses, above = 64, 8
	id := uuid.New()
	e := listenWith(t, id, func(c *Config) {
		c.RetryAbove = above
		c.QUIC.HandshakeIdle = 2 * time.Second
	})
	stop := flood(t, e.Addr(), addresses)
	require.Eventually(t, func() bool {
		s := e.Stats()
		require.LessOrEqual(t, s.HalfOpen, int64(above))
		return s.HalfOpen == above && s.Retries >= addresses-above
	}, patience, time.Millisecond)

	c, err := dial(t, e)
	require.NoError(t, err)
	defer register(t, c, id).Close()
	require.Equal(t, 1, e.Connections(id))
	stop()
	require.Eventually(t, func() bool { return e.Stats().HalfOpen == 0 }, patience, time.Millisecond)
	stats := e.Stats()
	require.EqualValues(t, 1, stats.Handshakes)
	require.GreaterOrEqual(t, stats.HandshakesFailed, int64(above))
}

func TestWithoutAFloodNobodyIsAsked(t *testing.T) {
	id := uuid.New()
	e := listen(t, id)
	for range 3 {
		_, err := dial(t, e)
		require.NoError(t, err)
	}
	require.Zero(t, e.Stats().Retries)
	require.Eventually(t, func() bool { s := e.Stats(); return s.HalfOpen == 0 && s.Handshakes == 3 }, patience, time.Millisecond)
}

// The caller's own rule holds below the threshold.
func TestTheCallerMayAskForProof(t *testing.T) {
	e := listenWith(t, uuid.New(), func(c *Config) { c.VerifySourceAddress = func(net.Addr) bool { return true } })
	_, err := dial(t, e)
	require.NoError(t, err)
	require.GreaterOrEqual(t, e.Stats().Retries, int64(1))
}

// Above the cap handshakes are refused at once, and the next one is served as soon as one of those in progress is over.
func TestACapOnHandshakesInProgress(t *testing.T) {
	const atMost = 4
	id := uuid.New()
	e := listenWith(t, id, func(c *Config) { c.RefuseAbove, c.RetryAbove = atMost, -1 })
	stop := flood(t, e.Addr(), 2*atMost)
	require.Eventually(t, func() bool {
		s := e.Stats()
		require.LessOrEqual(t, s.HalfOpen, int64(atMost))
		return s.HalfOpen == atMost && s.InitialsRefused >= atMost
	}, patience, time.Millisecond)

	_, err := dial(t, e)
	var refused *quic.TransportError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, quic.ConnectionRefused, refused.ErrorCode)
	e.Admit(-1, 0)
	_, err = dial(t, e)
	require.NoError(t, err, "without the cap")
	stop()
	require.Zero(t, e.Stats().Retries)
	require.ErrorContains(t, (&Config{TLS: e.cfg.TLS, Authorize: e.cfg.Authorize, RefuseAbove: -1}).validate(), "refuse above -1")
}

// Connections that complete while the edge has no time for them wait: quic-go alone would refuse the 34th.
func TestConnectionsWaitToBeAccepted(t *testing.T) {
	e := listen(t, uuid.New(), tls.X25519)
	const many = 100
	e.mu.Lock() // whoever accepts one gets no further
	var failed error
	for range many {
		_, err := dial(t, e, tls.X25519)
		failed = cmp.Or(failed, err)
	}
	e.mu.Unlock()
	require.NoError(t, failed)
	require.Equal(t, 1+many, e.Accepters())
	require.Eventually(t, func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.open) == many
	}, 5*time.Second, 5*time.Millisecond)
}
