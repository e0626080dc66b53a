package edge

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
)

// key names a connection: two with the same key are duplicates.
type key struct {
	tunnel, client uuid.UUID
	index          uint8
}

// registry holds the connections in rotation. The zero value is empty.
type registry struct {
	mu      sync.RWMutex
	tunnels map[uuid.UUID]*rotation
	total   int // connections in all rotations
	// watches learn which tunnels come and go. withdrawn says that none is
	// held any more as far as they are concerned.
	watches   map[*watch]struct{}
	withdrawn bool
}

// rotation is the connections of one tunnel. conns is replaced, never
// changed in place, so that a request iterates over it without a lock.
type rotation struct {
	conns []*conn
	next  atomic.Uint64
}

// add puts c, whose key is set, into rotation. A connection with the same
// key keeps its place (ok is false) unless it has closed, which its own
// goroutine may not have noticed yet, or replace asks for it; then it is
// returned.
func (r *registry) add(c *conn, replace bool) (displaced *conn, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tunnels[c.key.tunnel]
	if t == nil {
		t = &rotation{}
	}
	conns := slices.Clone(t.conns)
	if i := slices.IndexFunc(conns, func(o *conn) bool { return o.key == c.key }); i >= 0 {
		displaced = conns[i]
		if !replace && displaced.quic.Context().Err() == nil {
			return nil, false
		}
		conns = slices.Delete(conns, i, i+1)
		r.total--
	}
	t.conns = append(conns, c)
	r.total++
	if r.tunnels == nil {
		r.tunnels = make(map[uuid.UUID]*rotation)
	}
	r.tunnels[c.key.tunnel] = t
	if len(t.conns) == 1 {
		r.changed(c.key.tunnel)
	}
	return displaced, true
}

// remove takes c out of rotation; false when it was not in.
func (r *registry) remove(c *conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tunnels[c.key.tunnel]
	if t == nil {
		return false
	}
	i := slices.Index(t.conns, c)
	if i < 0 {
		return false
	}
	r.total--
	if len(t.conns) == 1 {
		delete(r.tunnels, c.key.tunnel)
		r.changed(c.key.tunnel)
		return true
	}
	t.conns = slices.Delete(slices.Clone(t.conns), i, i+1)
	return true
}

// pick returns the tunnel's connections and the place to start at: each call
// starts one further, which spreads load round robin.
func (r *registry) pick(id uuid.UUID) (conns []*conn, start int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.tunnels[id]
	if t == nil {
		return nil, 0
	}
	return t.conns, int((t.next.Add(1) - 1) % uint64(len(t.conns)))
}

// changed is called with mu held.
func (r *registry) changed(ids ...uuid.UUID) {
	for w := range r.watches {
		w.mark(ids...)
	}
}

// watch starts with all tunnels marked.
func (r *registry) watch() *watch {
	w := &watch{changed: make(map[uuid.UUID]struct{}), ready: make(chan struct{}, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.watches == nil {
		r.watches = make(map[*watch]struct{})
	}
	r.watches[w] = struct{}{}
	w.mark(slices.Collect(maps.Keys(r.tunnels))...)
	return w
}

func (r *registry) unwatch(w *watch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.watches, w)
}

// holds reports whether others may send requests for a tunnel here.
func (r *registry) holds(id uuid.UUID) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return !r.withdrawn && r.tunnels[id] != nil
}

// withdraw tells all watches that nothing is held from now on.
func (r *registry) withdraw() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.withdrawn = true
	r.changed(slices.Collect(maps.Keys(r.tunnels))...)
}

// count is how many connections of a tunnel are in rotation.
func (r *registry) count(id uuid.UUID) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if t := r.tunnels[id]; t != nil {
		return len(t.conns)
	}
	return 0
}

// registered is how many connections of all tunnels are in rotation.
func (r *registry) registered() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.total
}
