package storm

// dice are sources of randomness, one for each of a number of things, that do not depend on what the others draw or when: two
// storms of the same fleet and seed draw the same waits for the same connection, however differently their edges are busy.
// What differs between them is then the edge, and not luck (common random numbers).
//
// The n-th draw of a thing is a hash of seed, thing and n: two bytes of state each.
type dice struct {
	seed  uint64
	drawn []uint16
}

func newDice(seed uint64, stream uint64, n int) dice {
	return dice{mix(seed ^ mix(stream)), make([]uint16, n)}
}

// bits are the next of a thing.
func (d *dice) bits(thing int32) uint64 {
	n := d.drawn[thing]
	d.drawn[thing]++
	return mix(d.seed + uint64(thing)<<16 + uint64(n))
}

// uniform is the next of a thing, at least 0 and below 1.
func (d *dice) uniform(thing int32) float64 { return float64(d.bits(thing)>>11) / (1 << 53) }

// below is a whole number below n.
func (d *dice) below(thing int32, n int) int { return int(d.uniform(thing) * float64(n)) }

// mix is the finalizer of SplitMix64 after its increment (Steele, Lea and Flood, OOPSLA 2014), which passes for random on
// consecutive numbers.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
