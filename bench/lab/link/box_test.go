package link

import (
	"bytes"
	"crypto/tls"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// initialOf is the beginning of an Initial with this source connection ID, which opens with no key.
func initialOf(scid string, size int) []byte {
	b := slices.Concat([]byte{0xc0, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, byte(len(scid))}, []byte(scid), []byte{0})
	rest := size - len(b) - 2
	return append(append(b, 0x40|byte(rest>>8), byte(rest)), make([]byte, rest)...)
}

func passUp(b box, at time.Duration, payload []byte) bool {
	return b.pass(&datagram{dir: Up, at: at, client: &net.UDPAddr{Port: 5000}, packets: packetsOf(payload), payload: payload})
}

func TestRateLimitIsATokenBucket(t *testing.T) {
	b, p := RateLimitInitials(4).start(), initialOf("abcd", 1200)
	for i, c := range []struct {
		at   time.Duration
		want bool
	}{
		{0, true}, {0, true}, {0, true}, {0, true}, {0, false}, // it is full at first
		{249 * time.Millisecond, false}, {250 * time.Millisecond, true}, {250 * time.Millisecond, false},
		{time.Hour, true}, {time.Hour, true}, {time.Hour, true}, {time.Hour, true}, {time.Hour, false}, // and holds a second's worth
	} {
		require.Equal(t, c.want, passUp(b, c.at, p), "%d", i)
	}
	require.True(t, passUp(b, time.Hour, []byte{0x40, 1, 2}), "not an Initial")
}

// Flows are told apart by the client's connection ID.
func TestSecondInitialIsOfAFlow(t *testing.T) {
	b := DropSecondInitial().start()
	for _, c := range []struct {
		scid string
		want bool
	}{{"aaaa", true}, {"bbbb", true}, {"aaaa", false}, {"aaaa", true}, {"bbbb", false}, {"bbbb", true}} {
		require.Equal(t, c.want, passUp(b, 0, initialOf(c.scid, 1200)), c.scid)
	}
}

// A flood of flows, or a flow without end, costs a box a bounded amount of memory.
func TestBoxesAreBounded(t *testing.T) {
	for _, m := range []Middlebox{DropUnknownGroups(), DropSplitClientHello(), DropSecondInitial()} {
		b := m.start()
		before := heap()
		for i := range 4000 {
			passUp(b, 0, initialOf(string([]byte{byte(i >> 8), byte(i)}), 1200))
		}
		for range 1000 {
			passUp(b, 0, initialOf("one", 1200))
		}
		require.Less(t, heap()-before, int64(700<<10), "%v: 256 flows with a datagram each are 300 kB", m)
		runtime.KeepAlive(b)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestPacketsOf(t *testing.T) {
	initial := initialOf("abcd", 100)
	handshake := slices.Concat([]byte{0xe0, 0, 0, 0, 1, 0, 0, 3}, []byte{1, 2, 3})
	for _, c := range []struct {
		datagram []byte
		want     string
	}{
		{nil, "unknown"},
		{initial, "Initial"},
		{slices.Concat(initial, handshake), "Initial+Handshake"},
		{slices.Concat(initial, handshake, []byte{0x41, 1, 2}), "Initial+Handshake+1-RTT"},
		{slices.Concat(initial, make([]byte, 10)), "Initial"},
		{slices.Concat(initial, []byte{1}), "Initial+unknown"},
		{slices.Concat([]byte{0xc0, 0, 0, 0, 1, 255}, make([]byte, 255), []byte{255}, make([]byte, 255)), "unknown"}, // lengths that fill a byte
		{[]byte{0x41, 0}, "1-RTT"},
		{[]byte{0x01, 0}, "unknown"},
		{initial[:99], "unknown"},
		{[]byte{0xf0, 0, 0, 0, 1, 0, 0, 9, 9}, "Retry"},
		{[]byte{0x80, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1}, "Version Negotiation"},
		{[]byte{0xd0, 0, 0, 0, 1, 0, 0, 0}, "0-RTT"},
		{[]byte{0xc0, 0x6b, 0x33, 0x43, 0xcf, 0, 0, 0}, "unknown"}, // QUIC version 2
	} {
		require.Equal(t, c.want, packetsOf(c.datagram).String(), "%x", c.datagram)
	}
}

// Middleboxes that look into datagrams never panic and never alter one, and say the same about the same.
func FuzzMiddleboxes(f *testing.F) {
	f.Add(initialOf("abcd", 200), initialOf("", 100))
	f.Add([]byte{}, []byte{0x40})
	f.Add([]byte{0xc0, 0, 0, 0, 1, 255}, []byte{0xf0, 0, 0, 0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		for _, m := range append(Middleboxes(), DropUnknownGroups(tls.X25519, tls.X25519MLKEM768)) {
			var said [2][]bool
			for i := range said {
				b := m.start()
				for _, payload := range [][]byte{first, second, first} {
					before := bytes.Clone(payload)
					said[i] = append(said[i], passUp(b, time.Second, payload))
					down := &datagram{dir: Down, at: time.Second, client: &net.UDPAddr{Port: 5000}, packets: packetsOf(payload), payload: payload}
					said[i] = append(said[i], b.pass(down))
					require.True(t, bytes.Equal(before, payload), "altered")
				}
			}
			require.Equal(t, said[0], said[1])
		}
	})
}
