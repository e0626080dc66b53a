package storm

import (
	"math"
	"time"
)

// A Result is what a storm did. Times count from the edge's return.
type Result struct {
	Connections, Tunnels int
	// Dials = registered + Timeouts + Refused + those that the end of the simulation cut short.
	Dials, Timeouts, Refused int
	// Lost are first flights that found the edge's queue full.
	Lost int
	// Retries are round trips that the edge asked for, and InVain handshakes that it computed for a client that had given up.
	Retries, InVain int
	LongestWait     time.Duration // for a core
	Bin             time.Duration
	// Shaken are the handshakes that completed, Registered the connections, and Reachable the tunnels with their first
	// connection, that came back in each step of Bin.
	Shaken, Registered, Reachable []int32
	// EdgeBusy is the CPU time that handshakes, registrations and upkeep took from the edge's cores until the last
	// connection registered, or to the end, and PeerBusy what their other ends took from the same cores.
	EdgeBusy, PeerBusy time.Duration
}

// add counts into the step of a time.
func (r *Result) add(line *[]int32, since int64) {
	step := int(since / int64(r.Bin))
	for len(*line) <= step {
		*line = append(*line, 0)
	}
	(*line)[step]++
}

func (s *simulation) result() Result {
	if s.established < s.out.Connections {
		s.keep(s.end)
	}
	return s.out
}

// Back is how many connections registered.
func (r *Result) Back() int { return total(r.Registered) }

func total(line []int32) (sum int) {
	for _, n := range line {
		sum += int(n)
	}
	return sum
}

// Recovered is how long until the share of all connections was back, to the end of the step; ok is false when it never was.
func (r *Result) Recovered(share float64) (after time.Duration, ok bool) {
	return reached(r.Registered, share*float64(r.Connections), r.Bin)
}

// Reached is how long until the share of all tunnels had a connection.
func (r *Result) Reached(share float64) (after time.Duration, ok bool) {
	return reached(r.Reachable, share*float64(r.Tunnels), r.Bin)
}

func reached(line []int32, want float64, bin time.Duration) (time.Duration, bool) {
	sum, need := 0, int(math.Ceil(want-1e-9))
	for i, n := range line {
		if sum += int(n); sum >= need {
			return time.Duration(i+1) * bin, true
		}
	}
	return 0, false
}

// Peak is the most connections that registered within a window, a second.
func (r *Result) Peak(window time.Duration) float64 { return peak(r.Registered, r.Bin, window) }

// PeakHandshakes is the most handshakes that completed within a window, a second.
func (r *Result) PeakHandshakes(window time.Duration) float64 { return peak(r.Shaken, r.Bin, window) }

func peak(line []int32, bin, window time.Duration) float64 {
	steps := max(int(window/bin), 1)
	sum, most := 0, 0
	for i, n := range line {
		sum += int(n)
		if i >= steps {
			sum -= int(line[i-steps])
		}
		most = max(most, sum)
	}
	return float64(most) / (float64(steps) * bin.Seconds())
}
