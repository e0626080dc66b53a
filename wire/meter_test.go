package wire

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A meter sees what a bulk transfer sends, several datagrams to a system call, as the peer counts it in packets and bytes.
func TestMeterCountsWhatQUICSends(t *testing.T) {
	var meter Meter
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	tr := &quic.Transport{Conn: meter.Socket(server)}
	defer server.Close()
	defer tr.Close()
	config := &tls.Config{Certificates: []tls.Certificate{leaf()}, NextProtos: []string{"meter"}}
	l, err := tr.Listen(config, nil)
	require.NoError(t, err)
	defer l.Close()
	const size = 4 << 20
	go func() {
		c, err := l.Accept(context.Background())
		if err != nil {
			return
		}
		stream, err := c.OpenUniStream()
		if err == nil {
			_, _ = stream.Write(make([]byte, size))
			_ = stream.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := quic.DialAddr(ctx, server.LocalAddr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"meter"}}, nil)
	require.NoError(t, err)
	stream, err := c.AcceptUniStream(ctx)
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, stream)
	require.NoError(t, err)
	require.EqualValues(t, size, n)

	sent := meter.Sent()
	received := c.ConnectionStats()
	assert.Greater(t, sent.Bytes, int64(size))
	assert.Less(t, sent.Bytes, int64(size)*12/10)
	// A datagram holds at least one packet, and those of the handshake hold up to three.
	assert.GreaterOrEqual(t, sent.Datagrams+8, int64(received.PacketsReceived))
	assert.InDelta(t, float64(sent.Bytes), float64(received.BytesReceived), 0.1*size, "what was lost was sent again")
	assert.Greater(t, sent.Datagrams, int64(size/1500), "segments are counted, not system calls")
	require.NoError(t, c.CloseWithError(0, ""))
}

func TestMeterCountsSegments(t *testing.T) {
	for _, test := range []struct {
		bytes, size int
		want        Traffic
	}{
		{0, 0, Traffic{}}, {-1, 0, Traffic{}}, {1200, 0, Traffic{1, 1200}}, {1200, 1200, Traffic{1, 1200}},
		{2401, 1200, Traffic{3, 2401}}, {2400, 1200, Traffic{2, 2400}},
	} {
		var m Meter
		m.count(test.bytes, test.size)
		assert.Equal(t, test.want, m.Sent(), "%d bytes in segments of %d", test.bytes, test.size)
	}
	assert.Equal(t, Traffic{3, 5}, Traffic{1, 2}.Add(Traffic{2, 3}))
	assert.Equal(t, Traffic{1, 1}, Traffic{2, 3}.Sub(Traffic{1, 2}))
}
