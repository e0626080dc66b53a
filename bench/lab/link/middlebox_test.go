package link_test

import (
	"crypto/tls"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"pqbench/bench/lab/link"
	"pqbench/tunnel/ca"
)

const oneWay = 10 * time.Millisecond

// What each middlebox does to a ClientHello that fits one datagram and to one that takes two: whether the handshake
// succeeds, how long it takes, and which datagrams of the client's it blocks until then.
func TestMiddleboxes(t *testing.T) {
	authority, err := ca.New("")
	require.NoError(t, err)
	const (
		exact = 2 * oneWay
		fails = -1
	)
	classical, hybrid := tls.X25519, tls.X25519MLKEM768
	for _, c := range []struct {
		box     link.Middlebox
		group   tls.CurveID
		took    time.Duration // to the millisecond
		blocked []int         // numbers of the client's datagrams
	}{
		{link.BlockUDP(), classical, fails, nil},
		{link.BlockUDP(), hybrid, fails, nil},
		// The classical client's second Initial acknowledges the ServerHello and carries its Finished: its own handshake is over.
		{link.DropSecondInitial(), classical, exact, []int{1}},
		// The acknowledgement of the first gives an RTT sample of 20 ms: the probe goes after 3 RTT, then the handshake is over an RTT later.
		{link.DropSecondInitial(), hybrid, 3*exact + exact, []int{1}},
		{link.DropSplitClientHello(), classical, exact, nil},
		{link.DropSplitClientHello(), hybrid, fails, nil},
		{link.DropUnknownGroups(), classical, exact, nil},
		{link.DropUnknownGroups(), hybrid, fails, nil},
		{link.DropUnknownGroups(hybrid), hybrid, exact, nil},
		{link.DropUnknownGroups(hybrid), classical, fails, nil},
		{link.LimitSize(1252), classical, exact, nil},
		{link.LimitSize(1252), hybrid, exact, nil},
		{link.LimitSize(1251), classical, fails, nil},
		{link.RateLimitInitials(1), classical, exact, []int{1}},
		{link.RateLimitInitials(3), hybrid, exact, nil},
		{link.RateLimitInitials(2), hybrid, exact, []int{2}},
		{link.ForgetfulNAT(0), classical, exact, nil},
		{link.ForgetfulNAT(time.Millisecond), classical, fails, nil},
		{link.ForgetfulNAT(exact + time.Millisecond), hybrid, exact, nil},
	} {
		t.Run(c.box.String()+" "+c.group.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := shake(t, authority, link.Symmetric(link.Direction{Delay: oneWay}, c.box), link.Schedule{}, c.group)
				if c.took == fails {
					require.ErrorContains(t, h.err, "timeout")
					require.False(t, h.answered())
					return
				}
				require.NoError(t, h.err)
				require.Equal(t, c.took, h.took.Round(time.Millisecond))
				require.Equal(t, c.blocked, h.blocked(c.box))
			})
		})
	}
}

// blocked returns the numbers of the client's datagrams that the middlebox blocked until the handshake was complete.
func (h handshake) blocked(m link.Middlebox) (numbers []int) {
	for _, e := range h.events {
		if e.Fate == link.Blocked && e.Middlebox == m.String() && e.Dir == link.Up && (h.err != nil || e.Sent <= h.done) {
			numbers = append(numbers, e.N)
		}
	}
	return numbers
}

// answered reports whether the client received a part of the server's handshake messages.
func (h handshake) answered() bool {
	for _, e := range h.events {
		if e.Dir == link.Down && e.Fate == link.Delivered && e.Packets.Has(link.Handshake) {
			return true
		}
	}
	return false
}

// A flow whose ClientHello is split is refused from the first datagram on, and none of it reaches the server.
func TestSplitClientHelloIsRefusedWhole(t *testing.T) {
	authority, err := ca.New("")
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		h := shake(t, authority, link.Symmetric(link.Direction{Delay: oneWay}, link.DropSplitClientHello()), link.Schedule{}, tls.X25519MLKEM768)
		require.Error(t, h.err)
		require.NotEmpty(t, h.events)
		for _, e := range h.events {
			require.Equal(t, link.Blocked, e.Fate, "%+v", e)
			require.Equal(t, "drop-split-client-hello", e.Middlebox)
		}
	})
}

// A NAT that forgot the client gives it a new port: what the server sends meanwhile is lost, what the client sends then
// comes from somewhere else, and answers to there arrive.
func TestNATForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := link.Connect(link.Symmetric(link.Direction{Delay: oneWay}, link.ForgetfulNAT(time.Second)), link.Schedule{}, clientAddr, serverAddr)
		defer client.Close()
		defer server.Close()
		first := exchange(t, client, server, serverAddr)
		require.Equal(t, clientAddr.String(), first.String(), "the first mapping keeps the port")
		time.Sleep(1100 * time.Millisecond)
		send(t, server, first, 100) // too late
		time.Sleep(time.Second)
		second := exchange(t, client, server, serverAddr)
		require.Equal(t, "10.0.0.1:50001", second.String())
		send(t, server, first, 100) // to the old mapping
		send(t, server, second, 100)
		require.Equal(t, 100, receive(t, client))
		var fates []link.Fate
		for _, e := range rec.Events() {
			fates = append(fates, e.Fate)
		}
		require.Equal(t, []link.Fate{link.Delivered, link.Blocked, link.Delivered, link.Blocked, link.Delivered}, fates)
	})
}
