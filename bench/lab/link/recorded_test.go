package link

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"testing/synctest"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"
)

// recorded returns the first two datagrams of a real client: a ClientHello that is whole in each, or one that is split over
// both.
func recorded(t *testing.T, group tls.CurveID) (pair [2][]byte) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := Connect(Path{}, Schedule{}, &net.UDPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}, &net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 2})
		defer client.Close()
		defer server.Close()
		tr := &quic.Transport{Conn: client}
		defer tr.Close()
		ctx, cancel := context.WithCancel(t.Context())
		dialled := make(chan error)
		go func() {
			_, err := tr.Dial(ctx, server.LocalAddr(), &tls.Config{ServerName: "example.org", NextProtos: []string{"x"}, CurvePreferences: []tls.CurveID{group}}, nil)
			dialled <- err
		}()
		for i := range pair { // the second of a client whose ClientHello is whole is a probe, 200 ms later
			buf := make([]byte, DefaultMTU)
			n, _, err := server.ReadFrom(buf)
			require.NoError(t, err)
			pair[i] = buf[:n]
		}
		cancel()
		require.ErrorIs(t, <-dialled, context.Canceled)
	})
	return pair
}

// A real ClientHello that is split is seen through, in either order of its datagrams.
func TestSplitClientHelloIsReadInAnyOrder(t *testing.T) {
	for _, group := range []tls.CurveID{tls.X25519, tls.X25519MLKEM768} {
		pair := recorded(t, group)
		for _, order := range [][2]int{{0, 1}, {1, 0}} {
			b := DropUnknownGroups(tls.CurveP256).start()
			whole := group == tls.X25519
			require.Equal(t, !whole, passUp(b, 0, pair[order[0]]), "not yet whole, it passes")
			require.False(t, passUp(b, 0, pair[order[1]]))
			b = DropUnknownGroups(group).start()
			require.True(t, passUp(b, 0, pair[order[0]]))
			require.True(t, passUp(b, 0, pair[order[1]]))
			require.Equal(t, whole, passUp(DropSplitClientHello().start(), 0, pair[order[0]]))
		}
	}
}
