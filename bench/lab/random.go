package lab

import (
	"crypto/rand"
	"io"
	mathrand "math/rand/v2"
	"sync"
)

// pin makes crypto/rand's Reader one that the seed and the trial decide, until restore. quic-go draws from it what shows
// on the wire: which packet number it skips (the gap is acknowledged at once, with a datagram of its own), the length of the
// GREASE transport parameter, how a ClientHello is cut into frames. A worker has no secrets to keep.
//
// Note: keys and signatures stay random. Go's crypto packages do not ask this Reader, and only the length of an ECDSA
// signature (70 to 72 bytes) shows.
func pin(seed, trial uint64) (restore func()) {
	before := rand.Reader
	var key [32]byte
	for i, word := range []uint64{seed, trial} {
		for k := range 8 {
			key[8*i+k] = byte(word >> (8 * k))
		}
	}
	rand.Reader = &pinned{source: mathrand.NewChaCha8(key)}
	return func() { rand.Reader = before }
}

// pinned is a stream of bytes that several goroutines may read.
type pinned struct {
	mu     sync.Mutex
	source io.Reader
}

func (p *pinned) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.source.Read(b)
}
