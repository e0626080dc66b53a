package edge

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func record(op byte, id uuid.UUID) []byte { return append([]byte{op}, id[:]...) }

func TestPresenceIsFollowed(t *testing.T) {
	a, b := uuid.New(), uuid.New()
	var s presenceSet
	began := 0
	stream := bytes.Join([][]byte{{presenceVersion}, record('+', a), record('+', b), record('-', a)}, nil)
	require.ErrorIs(t, s.follow(bytes.NewReader(stream), func() { began++ }), io.EOF)
	require.Equal(t, 1, began)
	require.False(t, s.has(a))
	require.True(t, s.has(b))
	require.Equal(t, 1, s.len())
}

func TestWrongPresenceEndsTheLink(t *testing.T) {
	a := uuid.New()
	tests := map[string][][]byte{
		"version":           {{2}},
		"operation":         {{presenceVersion}, record('*', a)},
		"twice":             {{presenceVersion}, record('+', a), record('+', a)},
		"gone before known": {{presenceVersion}, record('-', a)},
	}
	for name, records := range tests {
		var s presenceSet
		require.ErrorIs(t, s.follow(bytes.NewReader(bytes.Join(records, nil)), func() {}), errPresence, name)
	}
}

// A peer may name so many tunnels and no more; we name no more to a peer.
func TestPresenceIsBounded(t *testing.T) {
	flood := bytes.NewBuffer([]byte{presenceVersion})
	changed := make(map[uuid.UUID]struct{})
	r := registry{tunnels: make(map[uuid.UUID]*rotation)}
	for range maxPresence + 10 {
		id := uuid.New()
		flood.Write(record('+', id))
		changed[id] = struct{}{}
		r.tunnels[id] = &rotation{conns: []*conn{{}}}
	}
	var s presenceSet
	require.ErrorIs(t, s.follow(flood, func() {}), errPresence)
	require.Equal(t, maxPresence, s.len())

	s = presenceSet{}
	records := r.records(changed, make(map[uuid.UUID]struct{}))
	require.ErrorIs(t, s.follow(io.MultiReader(bytes.NewReader([]byte{presenceVersion}), bytes.NewReader(records)), func() {}), io.EOF)
	require.Equal(t, maxPresence, s.len())
}

// However often a tunnel comes and goes, what is told is where it ended.
func TestPresenceOfAFlappingTunnel(t *testing.T) {
	var r registry
	w := r.watch()
	defer r.unwatch(w)
	announced := make(map[uuid.UUID]struct{})
	c := &conn{key: key{tunnel: uuid.New()}}
	flap := func(n int) []byte {
		for i := range n {
			if i%2 == 0 {
				r.add(c, false)
			} else {
				r.remove(c)
			}
		}
		return r.records(w.take(), announced)
	}
	require.Empty(t, flap(1000))
	require.Equal(t, record('+', c.key.tunnel), flap(1001))
	r.remove(c)
	require.Equal(t, record('-', c.key.tunnel), flap(1000))
	flap(1)
	r.withdraw()
	require.Equal(t, record('-', c.key.tunnel), flap(0))
	require.Empty(t, flap(0))
}

// Tunnels come and go while they are told: the peer ends up knowing what is held.
func TestPresenceConverges(t *testing.T) {
	var r registry
	var s presenceSet
	told, tell := io.Pipe()
	done, followed, announced := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() { defer close(announced); _ = r.announce(tell, done) }()
	go func() {
		defer close(followed)
		if err := s.follow(told, func() {}); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	}()
	held := make([]*conn, 8)
	var flapping sync.WaitGroup
	for i := range held {
		held[i] = &conn{key: key{tunnel: uuid.New()}}
		flapping.Go(func() {
			for range 500 + i%2 { // odd ones are left in
				if !r.remove(held[i]) {
					r.add(held[i], false)
				}
			}
		})
	}
	flapping.Wait()
	require.Eventually(t, func() bool {
		for i, c := range held {
			if s.has(c.key.tunnel) != (i%2 == 1) {
				return false
			}
		}
		return true
	}, patience, time.Millisecond)
	close(done)
	<-announced
	require.NoError(t, tell.Close())
	<-followed
}

// FuzzPresence: no bytes of a peer do harm; what is known afterwards is what
// the whole records before the first wrong one say.
func FuzzPresence(f *testing.F) {
	a, b := uuid.UUID{1}, uuid.UUID{2}
	f.Add(bytes.Join([][]byte{{presenceVersion}, record('+', a), record('+', b), record('-', a)}, nil))
	f.Add(bytes.Join([][]byte{{presenceVersion}, record('-', a)}, nil))
	f.Add([]byte{presenceVersion, '+'})
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		var s presenceSet
		err := s.follow(bytes.NewReader(stream), func() {})
		require.Error(t, err)
		if len(stream) == 0 || stream[0] != presenceVersion {
			require.Zero(t, s.len())
			return
		}
		want := make(map[uuid.UUID]bool)
		wrong := false
		for rest := stream[1:]; len(rest) >= presenceRecord && !wrong; rest = rest[presenceRecord:] {
			op, id := rest[0], uuid.UUID(rest[1:presenceRecord])
			if wrong = (op != '+' || want[id]) && (op != '-' || !want[id]); wrong {
				break
			}
			if want[id] = op == '+'; !want[id] {
				delete(want, id)
			}
		}
		require.Equal(t, wrong, errors.Is(err, errPresence), err)
		require.Equal(t, len(want), s.len())
		for id := range want {
			require.True(t, s.has(id))
		}
	})
}
