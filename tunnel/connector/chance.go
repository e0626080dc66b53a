package connector

import (
	"math/rand/v2"
	"sync"
)

// chance is a seeded source of random numbers for many goroutines.
type chance struct {
	mu  sync.Mutex
	rng *rand.Rand
}

// newChance makes a source; seed 0 stands for a random one.
func newChance(seed uint64) *chance {
	if seed == 0 {
		seed = rand.Uint64()
	}
	return &chance{rng: rand.New(rand.NewPCG(seed, seed))}
}

// float is uniform in [0, 1).
func (c *chance) float() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rng.Float64()
}

// below is uniform in [0, n).
func (c *chance) below(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rng.IntN(n)
}
