package connector

import (
	"net"
	"sync"
)

// regions is how many data centers a list of edges stands for: entries at even positions are one, those at odd
// positions the other (cloudflared, allregions.NewNoResolve).
const regions = 2

// slots hands out a connector's edge addresses. A slot has at most one user, and a connection that has one keeps it
// until it rotates. The same address may fill several slots.
type slots struct {
	addrs  []net.Addr
	random func(n int) int // uniform in [0, n)

	mu    sync.Mutex
	users []int // by slot: the connection's index, or free
}

const (
	free = -1 // as a user: nobody
	none = -1 // as a slot: there is none
)

func newSlots(addrs []net.Addr, random func(n int) int) *slots {
	users := make([]int, len(addrs))
	for i := range users {
		users[i] = free
	}
	return &slots{addrs: addrs, random: random, users: users}
}

// take is the slot of connection index; a connection without one gets it from the region with fewer users. It needs a
// free slot, which there is as long as connections are no more than slots.
func (s *slots) take(index int) net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	slot := s.of(index)
	if slot == none {
		slot = s.pick(none)
		s.users[slot] = index
	}
	return s.addrs[slot]
}

// rotate gives connection index another slot. Where none is free it keeps its own: cloudflared gives the slot back,
// finds none, and dials again without having waited.
func (s *slots) rotate(index int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.of(index)
	if old == none {
		return
	}
	s.users[old] = free
	slot := s.pick(old)
	if slot == none {
		slot = old
	}
	s.users[slot] = index
}

// giveBack frees the slot of a connection that will not come again.
func (s *slots) giveBack(index int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot := s.of(index); slot != none {
		s.users[slot] = free
	}
}

func (s *slots) of(index int) int {
	for slot, user := range s.users {
		if user == index {
			return slot
		}
	}
	return none
}

// pick is any free slot but one, of the region with fewer users; where both have as many, of either.
func (s *slots) pick(except int) int {
	var used [regions]int
	var unused [regions][]int
	for slot, user := range s.users {
		switch region := slot % regions; {
		case user != free:
			used[region]++
		case slot != except:
			unused[region] = append(unused[region], slot)
		}
	}
	region := 0
	if used[1] < used[0] || used[1] == used[0] && s.random(regions) == 1 {
		region = 1
	}
	if len(unused[region]) == 0 {
		region = 1 - region
	}
	if len(unused[region]) == 0 {
		return none
	}
	return unused[region][s.random(len(unused[region]))]
}
