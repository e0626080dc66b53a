package connector

import (
	"math/rand/v2"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func addresses(n int) []net.Addr {
	all := make([]net.Addr, n)
	for i := range all {
		all[i] = &net.UDPAddr{IP: net.IPv4(10, 0, 0, byte(i)), Port: 7844}
	}
	return all
}

// users is how many slots of each region are taken; it fails when a slot's
// address and its user's do not agree.
func (s *slots) usersByRegion(t *testing.T) (used [regions]int) {
	seen := map[int]bool{}
	for slot, user := range s.users {
		if user == free {
			continue
		}
		require.False(t, seen[user], "connection %d has two slots", user)
		seen[user] = true
		require.Equal(t, s.addrs[slot], s.take(user))
		used[slot%regions]++
	}
	return used
}

func TestSlotsTable(t *testing.T) {
	tests := map[string]struct {
		slots, connections int
		want               [regions]int
	}{
		"one of one":     {1, 1, [regions]int{1, 0}},
		"two of two":     {2, 2, [regions]int{1, 1}},
		"all of three":   {3, 3, [regions]int{2, 1}},
		"four of eight":  {8, 4, [regions]int{2, 2}},
		"six of seven":   {7, 6, [regions]int{3, 3}},
		"four of four":   {4, 4, [regions]int{2, 2}},
		"two of sixteen": {16, 2, [regions]int{1, 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				s := newSlots(addresses(test.slots), newChance(seed+1, 0).below)
				for i := range test.connections {
					s.take(i)
				}
				require.Equal(t, test.want, s.usersByRegion(t))
			}
		})
	}
}

func TestSlotsAreKeptUntilTheyRotate(t *testing.T) {
	s := newSlots(addresses(4), newChance(1, 0).below)
	first := s.take(0)
	require.Equal(t, first, s.take(0))
	for range 50 {
		before := s.take(0)
		s.rotate(0)
		require.NotEqual(t, before, s.take(0))
	}
	s.giveBack(0)
	require.Equal(t, [regions]int{}, s.usersByRegion(t))
	s.rotate(0)
	require.Equal(t, [regions]int{}, s.usersByRegion(t), "nobody's slot")
}

// Where all slots are taken a connection keeps its own.
func TestRotateWithoutASpareSlot(t *testing.T) {
	s := newSlots(addresses(3), newChance(1, 0).below)
	for i := range 3 {
		s.take(i)
	}
	before := append([]int(nil), s.users...)
	for i := range 3 {
		s.rotate(i)
	}
	require.Equal(t, before, s.users)
}

// Where regions have as many users, either is chosen.
func TestSlotTiesAreRandom(t *testing.T) {
	const n = 400
	var first [regions]int
	for seed := range uint64(n) {
		s := newSlots(addresses(8), newChance(seed+1, 0).below)
		s.take(0)
		first[s.of(0)%regions]++
	}
	for _, count := range first {
		require.InDelta(t, n/2, count, 4*10) // four standard deviations of a fair coin
	}
}

// Whatever connections do, a slot has one user at most, a connection one slot,
// and with a slot to spare in each region the regions' users differ by one at most.
func TestSlotsProperties(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		connections := 1 + rng.IntN(8)
		n := 2 * (connections/2 + 1 + rng.IntN(3))
		s := newSlots(addresses(n), newChance(seed+1, 0).below)
		for i := range connections {
			s.take(i)
		}
		for range 100 {
			i := rng.IntN(connections)
			before := s.take(i)
			s.rotate(i)
			require.NotEqual(t, before, s.take(i))
			used := s.usersByRegion(t)
			require.Equal(t, connections, used[0]+used[1])
			require.LessOrEqual(t, max(used[0], used[1])-min(used[0], used[1]), 1, "seed %d: %v", seed, used)
		}
	}
}
