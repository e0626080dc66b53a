package link

import "math/rand/v2"

// A Schedule draws what happens to the n-th datagram of a direction in a trial. It depends on the seed, the trial, the
// direction and n alone, not on sizes, times or the rate of loss: all groups of a cell meet the same losses, and what is lost at
// 1 % is also lost at 5 %.
type Schedule struct {
	Seed  uint64 // of the run
	Trial uint64 // number of the trial
}

// A draw is what chance says about one datagram: uniform in [0, 1), each.
type draw struct{ loss, state, jitter, reorder float64 }

// draws is the sequence of draws of one direction.
type draws struct{ rand *rand.Rand }

func (s Schedule) direction(d Dir) draws {
	return draws{rand.New(rand.NewPCG(mix(s.Seed), mix(mix(s.Trial)+uint64(d))))}
}

// next draws for the next datagram. It always takes the same number of values, so that what is asked of one
// datagram does not move what the next one meets.
func (d draws) next() draw {
	return draw{loss: d.rand.Float64(), state: d.rand.Float64(), jitter: d.rand.Float64(), reorder: d.rand.Float64()}
}

// mix spreads small numbers over all bits (the finalizer of SplitMix64), so that neighbouring seeds and trials are not
// neighbouring states of the generator.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
