package link_test

import (
	"fmt"
	"math"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"pqbench/bench/lab/link"
)

func send(t *testing.T, from net.PacketConn, to net.Addr, size int) {
	t.Helper()
	n, err := from.WriteTo(make([]byte, size), to)
	require.NoError(t, err)
	require.Equal(t, size, n)
}

func receive(t *testing.T, at net.PacketConn) (size int) {
	t.Helper()
	size, _, err := at.ReadFrom(make([]byte, 2000))
	require.NoError(t, err)
	return size
}

// exchange sends one datagram up and returns the address from which the server saw it come.
func exchange(t *testing.T, client, server net.PacketConn, to net.Addr) net.Addr {
	t.Helper()
	send(t, client, to, 1)
	_, from, err := server.ReadFrom(make([]byte, 2000))
	require.NoError(t, err)
	return from
}

// burst sends datagrams of these sizes up at once, reads what arrives for a minute and returns the record.
func burst(t *testing.T, d link.Direction, s link.Schedule, sizes ...int) (events []link.Event) {
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := link.Connect(link.Path{Up: d}, s, clientAddr, serverAddr)
		defer client.Close()
		defer server.Close()
		for _, size := range sizes {
			send(t, client, serverAddr, size)
		}
		require.NoError(t, server.SetReadDeadline(time.Now().Add(time.Minute)))
		for {
			n, from, err := server.ReadFrom(make([]byte, 2000))
			if err != nil {
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				break
			}
			require.Equal(t, clientAddr, from)
			i := arrivedAt(rec, time.Since(rec.Start))
			require.NotNil(t, i, "a datagram was read at an instant for which the record has none")
			require.Equal(t, i.Size, n)
		}
		events = rec.Events()
	})
	return events
}

func arrivedAt(rec *link.Record, at time.Duration) *link.Event {
	for _, e := range rec.Events() {
		if e.Fate == link.Delivered && e.Arrived == at {
			return &e
		}
	}
	return nil
}

func repeat(size, n int) []int {
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}

// Without a rate or jitter a datagram arrives after the delay and a nanosecond, the next one a nanosecond later.
func TestDelayIsExact(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Nanosecond, 50 * time.Millisecond, time.Second} {
		for i, e := range burst(t, link.Direction{Delay: delay}, link.Schedule{}, 1, 1200, 40) {
			require.Equal(t, delay+time.Duration(i+1)*link.Spacing, e.Arrived)
			require.Equal(t, link.Delivered, e.Fate)
		}
	}
}

// A link of rate r serialises b bytes in b·8/r, one datagram after the other, headers counted.
func TestSerialisation(t *testing.T) {
	for _, rate := range []int64{1_000_000, 880_000_000, 12_345_678} {
		sizes := []int{1200, 1472, 1, 300}
		bytes := 0
		for i, e := range burst(t, link.Direction{Delay: time.Millisecond, Rate: rate}, link.Schedule{}, sizes...) {
			began := time.Duration(math.Ceil(float64(bytes) * 8e9 / float64(rate)))
			bytes += sizes[i] + link.Headers
			left := time.Duration(math.Ceil(float64(bytes) * 8e9 / float64(rate)))
			// Each datagram is rounded up to a nanosecond.
			require.InDelta(t, began, e.Began, float64(i), "rate %d, datagram %d", rate, i)
			require.InDelta(t, left, e.Left, float64(i), "rate %d, datagram %d", rate, i)
			require.Equal(t, e.Left+time.Millisecond+time.Duration(i+1)*link.Spacing, e.Arrived)
		}
	}
	e := burst(t, link.Direction{Rate: 1_000_000}, link.Schedule{}, 1472)[0]
	require.Equal(t, 12*time.Millisecond, e.Left, "1500 bytes at 1 Mbit/s")
}

// A queue of q bytes holds what fits in beside the datagram that is being serialised; the rest is dropped, until the
// link has taken some.
func TestQueueOverflow(t *testing.T) {
	const size = 1472
	for _, c := range []struct{ queue, want int }{
		{4500, 1 + 3}, {4499, 1 + 2}, {5999, 1 + 3}, {1, 1}, {0, 1 + link.DefaultQueue/1500},
	} {
		t.Run(fmt.Sprint(c.queue), func(t *testing.T) {
			events := burst(t, link.Direction{Rate: 1_000_000, Queue: c.queue}, link.Schedule{}, repeat(size, 60)...)
			for i, e := range events {
				want := link.Delivered
				if i >= c.want {
					want = link.QueueFull
				}
				require.Equal(t, want, e.Fate, "datagram %d", i)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := link.Connect(link.Path{Up: link.Direction{Rate: 1_000_000, Queue: 1500}}, link.Schedule{}, clientAddr, serverAddr)
		defer client.Close()
		defer server.Close()
		for range 3 {
			send(t, client, serverAddr, size)
		}
		time.Sleep(12 * time.Millisecond) // the first has left, the second has begun
		send(t, client, serverAddr, size)
		var fates []link.Fate
		for _, e := range rec.Events() {
			fates = append(fates, e.Fate)
		}
		require.Equal(t, []link.Fate{link.InFlight, link.InFlight, link.QueueFull, link.InFlight}, fates)
		require.Equal(t, 24*time.Millisecond, rec.Events()[3].Began)
	})
}

// The default queue is what is in flight on a full path.
func TestDefaultQueueIsOneBandwidthDelayProduct(t *testing.T) {
	const rate, rtt, size = 8_000_000, 200 * time.Millisecond, 1000 - link.Headers // 200 kB
	delivered := 0
	synctest.Test(t, func(t *testing.T) {
		d := link.Direction{Delay: rtt / 2, Rate: rate}
		client, server, rec := link.Connect(link.Symmetric(d), link.Schedule{}, clientAddr, serverAddr)
		defer client.Close()
		defer server.Close()
		for range 300 {
			send(t, client, serverAddr, size)
		}
		for _, e := range rec.Events() {
			if e.Fate == link.InFlight {
				delivered++
			}
		}
	})
	require.Equal(t, 1+200, delivered)
}

func TestMTU(t *testing.T) {
	for _, c := range []struct {
		mtu, size int
		want      link.Fate
	}{
		{0, 1472, link.Delivered}, {0, 1473, link.TooBig}, {1200, 1200, link.Delivered}, {1200, 1201, link.TooBig},
	} {
		require.Equal(t, c.want, burst(t, link.Direction{MTU: c.mtu}, link.Schedule{}, c.size)[0].Fate, "%+v", c)
	}
}

// Jitter is uniform in [0, Jitter), and never changes the order.
func TestJitter(t *testing.T) {
	const delay, jitter, n = 10 * time.Millisecond, 4 * time.Millisecond, 2000
	sum := time.Duration(0)
	synctest.Test(t, func(t *testing.T) {
		client, server, rec := link.Connect(link.Path{Up: link.Direction{Delay: delay, Jitter: jitter}}, link.Schedule{Seed: 7}, clientAddr, serverAddr)
		defer client.Close()
		defer server.Close()
		for range n {
			send(t, client, serverAddr, 100)
			time.Sleep(20 * time.Millisecond) // alone on the link
		}
		least, most := time.Hour, time.Duration(0)
		for _, e := range rec.Events() {
			late := e.Arrived - e.Left - delay
			least, most, sum = min(least, late), max(most, late), sum+late
		}
		require.GreaterOrEqual(t, least, time.Duration(0))
		require.Less(t, least, jitter/100)
		require.Less(t, most, jitter)
		require.Greater(t, most, jitter*99/100)
	})
	require.InDelta(t, jitter/2, sum/n, 4*float64(jitter)/math.Sqrt(12*n), "within four standard errors")

	last := time.Duration(0)
	for _, e := range burst(t, link.Direction{Delay: delay, Jitter: jitter}, link.Schedule{}, repeat(100, 200)...) {
		require.Greater(t, e.Arrived, last)
		last = e.Arrived
	}
}

// A share of datagrams takes a quarter of the delay longer, and those sent meanwhile overtake it.
func TestReorder(t *testing.T) {
	const delay, n, p = 40 * time.Millisecond, 1000, 0.1
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = i + 1 // each is recognised when it is read
	}
	late := 0
	events := burst(t, link.Direction{Delay: delay, Reorder: p}, link.Schedule{Seed: 3}, sizes...)
	requireApart(t, events)
	for _, e := range events {
		if took := e.Arrived - e.Left; took > delay+time.Millisecond {
			late++
			require.InDelta(t, delay+delay/4, took, float64(2*link.MaxSkew+n))
		} else {
			require.InDelta(t, delay, took, float64(2*link.MaxSkew+n))
		}
	}
	require.InDelta(t, p, float64(late)/n, 4*math.Sqrt(p*(1-p)/n))

	// So short a delay that what is late arrives among those that overtake it.
	requireApart(t, burst(t, link.Direction{Delay: 40, Reorder: 0.5}, link.Schedule{Seed: 3}, sizes[:100]...))
}

// requireApart asks that all datagrams arrived, no two at the same instant.
func requireApart(t *testing.T, events []link.Event) {
	t.Helper()
	instants := map[time.Duration]bool{}
	for _, e := range events {
		require.Equal(t, link.Delivered, e.Fate)
		require.False(t, instants[e.Arrived], "two arrive at %v", e.Arrived)
		instants[e.Arrived] = true
	}
}
