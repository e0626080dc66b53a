package loadgen

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// A Phase is a stretch of load with a name: so many units a second for so long, or at recorded instants.
type Phase struct {
	Name string
	Time time.Duration
	// From and To are the rates, units a second, at the beginning and the end; between them it goes linearly.
	From, To float64
	// Poisson draws the gaps between units from an exponential distribution, as independent visitors come; otherwise
	// they are even.
	Poisson bool
	// Warmup marks load that is made and accounted for, and left out of every number.
	Warmup bool
	// Recorded are the instants since the phase's beginning, in increasing order, in place of From and To.
	Recorded []time.Duration
}

// MaxArrivals bounds a schedule, which is in memory before the load starts: 8 bytes each, and about 200 for the sample.
const MaxArrivals = 5_000_000

// Units is about how many units the phase has: exactly so with even gaps.
func (p Phase) Units() float64 {
	if p.Recorded != nil {
		return float64(len(p.Recorded))
	}
	return (p.From + p.To) / 2 * p.Time.Seconds()
}

// Schedule is when the units of phases one after the other are to start: ns since the beginning, in increasing order.
// It is a pure function of the phases and the seed. The error is a phase that cannot be.
func Schedule(phases []Phase, seed uint64) ([]int64, error) {
	units := 0.0
	for _, p := range phases {
		if err := p.check(); err != nil {
			return nil, err
		}
		units += p.Units()
	}
	if units > MaxArrivals {
		return nil, fmt.Errorf("the phases hold about %.0f units of load, more than %d: make them shorter or slower", units, MaxArrivals)
	}
	random := rand.New(rand.NewPCG(seed, 0x6172726976616c73)) // its own stream: "arrivals"
	at := make([]int64, 0, int(units+4*math.Sqrt(units))+8)
	begin := int64(0)
	for _, p := range phases {
		at = p.append(at, begin, random)
		begin += int64(p.Time)
	}
	return at, nil
}

func (p Phase) check() error {
	valid := func(rate float64) bool { return rate >= 0 && !math.IsInf(rate, 1) } // false for NaN, too
	switch {
	case p.Time <= 0:
		return fmt.Errorf("phase %q: a time of %v is none", p.Name, p.Time)
	case p.Recorded == nil && (!valid(p.From) || !valid(p.To) || p.From+p.To <= 0):
		return fmt.Errorf("phase %q: %g to %g units a second is no rate to keep; want more than 0", p.Name, p.From, p.To)
	}
	for i, at := range p.Recorded {
		if at < 0 || at >= p.Time || i > 0 && at < p.Recorded[i-1] {
			return fmt.Errorf("phase %q: instant %d, %v, is not between its predecessor and the end", p.Name, i+1, at)
		}
	}
	return nil
}

// append adds the phase's instants. A process of rate 1 is made first, and stretched to the rate that changes over
// time (the time change of a Poisson process): unit u of it comes when the integral of the rate has reached u.
func (p Phase) append(at []int64, begin int64, random *rand.Rand) []int64 {
	if p.Recorded != nil {
		for _, r := range p.Recorded {
			at = append(at, begin+int64(r))
		}
		return at
	}
	gap := func() float64 {
		if p.Poisson {
			return random.ExpFloat64()
		}
		return 1
	}
	u := 0.0
	if p.Poisson {
		u = gap()
	}
	for total := p.Units(); u < total-1e-9*total; u += gap() { // the slack undoes rounding: the end belongs to the next phase
		at = append(at, begin+min(int64(p.reaches(u)*1e9), int64(p.Time)-1))
	}
	return at
}

// reaches is when the integral of the rate is u, s since the phase's beginning. With rate a + b·t it is a·t + b·t²/2;
// the root is written so that a constant rate, b = 0, needs no case of its own.
func (p Phase) reaches(u float64) float64 {
	if u == 0 {
		return 0
	}
	b := (p.To - p.From) / p.Time.Seconds()
	return 2 * u / (p.From + math.Sqrt(max(0, p.From*p.From+2*b*u)))
}

// PhaseAt is the number of the phase that an instant belongs to, ns since the first one's beginning.
func PhaseAt(phases []Phase, at int64) int {
	for i, p := range phases {
		if at < int64(p.Time) {
			return i
		}
		at -= int64(p.Time)
	}
	return len(phases) - 1
}
