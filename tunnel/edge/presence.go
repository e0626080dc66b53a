package edge

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"

	"github.com/google/uuid"
)

// Presence is how a data center tells the others which tunnels it holds: one
// unidirectional stream per link, a version byte, then records of 17 bytes,
// an operation and a tunnel id. The whole set comes first, then changes.
const (
	presenceVersion = 1
	presenceRecord  = 1 + 16
	present, absent = '+', '-'
)

// maxPresence is how many tunnels one data center may announce, so that a
// peer gone wrong costs some megabytes at most. What is beyond is served
// where it is connected, but not relayed to.
const maxPresence = 1 << 16

var errPresence = errors.New("peer announces tunnels wrongly")

// presenceSet is what a peer holds, as it says. The zero value is nothing.
type presenceSet struct {
	mu      sync.RWMutex
	tunnels map[uuid.UUID]struct{}
}

func (s *presenceSet) has(id uuid.UUID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.tunnels[id]
	return ok
}

func (s *presenceSet) len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.tunnels)
}

// follow applies what arrives on a presence stream until it ends, which is an
// error like any other. began is called once, when the version is known.
func (s *presenceSet) follow(r io.Reader, began func()) error {
	var b [presenceRecord]byte
	if _, err := io.ReadFull(r, b[:1]); err != nil {
		return err
	}
	if b[0] != presenceVersion {
		return fmt.Errorf("%w: version %d", errPresence, b[0])
	}
	began()
	for {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return err
		}
		if err := s.apply(b[0], uuid.UUID(b[1:])); err != nil {
			return err
		}
	}
}

// apply is strict: a peer that repeats itself has lost count, and a new link
// starts over.
func (s *presenceSet) apply(op byte, id uuid.UUID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.tunnels[id]
	switch {
	case op == present && !known && len(s.tunnels) < maxPresence:
		if s.tunnels == nil {
			s.tunnels = make(map[uuid.UUID]struct{})
		}
		s.tunnels[id] = struct{}{}
	case op == absent && known:
		delete(s.tunnels, id)
	default:
		return fmt.Errorf("%w: operation %q on a tunnel, %d known", errPresence, op, len(s.tunnels))
	}
	return nil
}

// A watch collects which tunnels came or went in a registry. It holds ids,
// not events: a reader that is slow costs no more than one that is not.
type watch struct {
	mu      sync.Mutex
	changed map[uuid.UUID]struct{}
	ready   chan struct{} // holds one token while changed is not empty
}

// mark notes tunnels whose presence may have changed.
func (w *watch) mark(ids ...uuid.UUID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		w.changed[id] = struct{}{}
	}
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// take returns what was marked since the last call.
func (w *watch) take() map[uuid.UUID]struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	changed := maps.Clone(w.changed)
	clear(w.changed)
	return changed
}

// announce writes presence to a peer until done is closed or w fails.
func (r *registry) announce(w io.Writer, done <-chan struct{}) error {
	if _, err := w.Write([]byte{presenceVersion}); err != nil {
		return err
	}
	changes := r.watch()
	defer r.unwatch(changes)
	announced := make(map[uuid.UUID]struct{})
	for {
		select {
		case <-done:
			return nil
		case <-changes.ready:
		}
		if _, err := w.Write(r.records(changes.take(), announced)); err != nil {
			return err
		}
	}
}

// records are the changes that bring announced up to date.
func (r *registry) records(changed, announced map[uuid.UUID]struct{}) []byte {
	var records []byte
	for id := range changed {
		_, told := announced[id]
		switch holds := r.holds(id); {
		case holds && !told && len(announced) < maxPresence:
			announced[id] = struct{}{}
			records = append(append(records, present), id[:]...)
		case !holds && told:
			delete(announced, id)
			records = append(append(records, absent), id[:]...)
		}
	}
	return records
}
