package link_test

import (
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"pqbench/bench/lab/link"
)

// pair runs test in a bubble with the two ends of a path that takes oneWay each way. The bubble fails when a goroutine
// is left.
func pair(t *testing.T, test func(t *testing.T, client, server net.PacketConn, rec *link.Record)) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := link.Connect(link.Symmetric(link.Direction{Delay: oneWay}), link.Schedule{}, clientAddr, serverAddr)
		test(t, client, server, rec)
		client.Close()
		server.Close()
	})
}

func TestReadDeadline(t *testing.T) {
	pair(t, func(t *testing.T, client, server net.PacketConn, _ *link.Record) {
		start := time.Now()
		require.NoError(t, server.SetReadDeadline(start.Add(time.Second)))
		_, _, err := server.ReadFrom(make([]byte, 10))
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		require.True(t, timeout.Timeout())
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))

		// One that is over wakes all readers, one that is taken back lets them wait again.
		require.NoError(t, server.SetReadDeadline(time.Time{}))
		failed := make(chan error)
		for range 3 {
			go func() {
				_, _, err := server.ReadFrom(make([]byte, 10))
				failed <- err
			}()
		}
		synctest.Wait()
		require.NoError(t, server.SetReadDeadline(time.Now()))
		for range 3 {
			require.ErrorIs(t, <-failed, os.ErrDeadlineExceeded)
		}
		require.NoError(t, server.SetDeadline(time.Time{}))
		send(t, client, serverAddr, 5)
		require.Equal(t, 5, receive(t, server))

		require.NoError(t, client.SetWriteDeadline(time.Now()))
		_, err = client.WriteTo([]byte{1}, serverAddr)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	})
}

func TestClose(t *testing.T) {
	pair(t, func(t *testing.T, client, server net.PacketConn, rec *link.Record) {
		failed := make(chan error)
		for range 2 {
			go func() {
				_, _, err := server.ReadFrom(make([]byte, 10))
				failed <- err
			}()
		}
		synctest.Wait()
		send(t, client, serverAddr, 5) // on its way when the other end closes
		require.NoError(t, server.Close())
		for range 2 {
			require.ErrorIs(t, <-failed, net.ErrClosed)
		}
		require.ErrorIs(t, server.Close(), net.ErrClosed)
		_, err := server.WriteTo([]byte{1}, clientAddr)
		require.ErrorIs(t, err, net.ErrClosed)
		_, _, err = server.ReadFrom(nil)
		require.ErrorIs(t, err, net.ErrClosed)
		send(t, client, serverAddr, 5) // nobody is there: that is no error of UDP's
		time.Sleep(time.Second)
		for _, e := range rec.Events() {
			require.Equal(t, link.InFlight, e.Fate)
		}
	})
}

// What goes to an address that nobody has vanishes; payload is what was sent, also when the sender's buffer has changed since,
// and is cut to the reader's.
func TestDatagrams(t *testing.T) {
	pair(t, func(t *testing.T, client, server net.PacketConn, rec *link.Record) {
		require.Equal(t, clientAddr, client.LocalAddr())
		stranger := &net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 1}
		send(t, client, stranger, 1)
		send(t, server, stranger, 1)
		buf := []byte("hello, world")
		for range 2 {
			_, err := client.WriteTo(buf, &net.UDPAddr{IP: net.IP{10, 0, 0, 2}, Port: serverAddr.Port})
			require.NoError(t, err)
		}
		clear(buf)
		got := make([]byte, 20)
		n, from, err := server.ReadFrom(got)
		require.NoError(t, err)
		require.Equal(t, "hello, world", string(got[:n]))
		require.Equal(t, clientAddr, from)
		n, _, err = server.ReadFrom(got[:5])
		require.NoError(t, err)
		require.Equal(t, "hello", string(got[:n]))
		require.NoError(t, client.SetReadDeadline(time.Now().Add(time.Second)))
		_, _, err = client.ReadFrom(got)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)

		var fates []link.Fate
		for _, e := range rec.Events() {
			fates = append(fates, e.Fate)
		}
		require.Equal(t, []link.Fate{link.NoRoute, link.Delivered, link.Delivered, link.NoRoute}, fates, "the client's first")
		require.Equal(t, "no route", fates[0].String())
	})
}
