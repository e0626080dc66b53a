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

// newChance makes the source of that number; seed 0 stands for a random one. Sources of different numbers are
// independent: with one for each connection, a seed fixes its waits, in whatever order connections draw theirs.
func newChance(seed, number uint64) *chance {
	if seed == 0 {
		seed = rand.Uint64()
	}
	return &chance{rng: rand.New(rand.NewPCG(seed, number))}
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
