// Package knee searches for the knee of a system under load: the highest rate that it keeps up with.
//
// It is a sequence of decisions and nothing else: it names a rate, is told whether the system kept up, and names the
// next. What keeping up means, and how it is measured, is the caller's.
package knee

import (
	"fmt"
	"math"
	"slices"
)

// Stage is what a probe is for.
type Stage string

// The stages, in their order. RFC 2544's search for a throughput is the model, with a doubling in front, because nobody
// knows the order of magnitude, a verification behind, because a single probe can be lucky, and a last look at the rate
// that failed above, because two probes in a row meet the same disturbance.
const (
	Doubling     Stage = "doubling"
	Bisection    Stage = "bisection"
	Verification Stage = "verification"
	Recheck      Stage = "recheck"
)

// rechecks bounds how often a rate that failed is found to pass after all.
const rechecks = 3

// Search is a search in progress. The zero value of each field of Options is its default.
type Search struct {
	o Options
	// low is the highest rate that was kept up with so far, 0 for none; high the lowest that was not, +Inf for none.
	low, high float64
	passed    []float64 // every rate that was kept up with, in increasing order; low is the last
	failed    []float64 // every rate that was not, in decreasing order; high is the last
	rate      float64
	stage     Stage
	// passes and fails are the probes at this rate in this stage.
	passes, fails int
	probes        int
	raised        int // by rechecks
	done          bool
	result        Result
}

// Options of a search.
type Options struct {
	// Start is the first rate; 100.
	Start float64
	// Least and Most bound the rates; Start/64 and 1,000,000.
	Least, Most float64
	// Precision is how near to each other the highest rate that passes and the lowest that fails must come, as a share; 0.05.
	Precision float64
	// Verify is how often the knee must pass again; 3.
	Verify int
	// Probes bounds the search; 40.
	Probes int
}

func (o Options) withDefaults() Options {
	or := func(v *float64, def float64) {
		if *v == 0 {
			*v = def
		}
	}
	or(&o.Start, 100)
	or(&o.Least, o.Start/64)
	or(&o.Most, 1e6)
	or(&o.Precision, 0.05)
	if o.Verify == 0 {
		o.Verify = 3
	}
	if o.Probes == 0 {
		o.Probes = 40
	}
	return o
}

// Result is what a search found.
type Result struct {
	// Knee is the highest rate that was kept up with; 0 when none was.
	Knee float64
	// Beyond is the lowest rate that was not, +Inf when none was too high.
	Beyond float64
	// Verified says that the knee passed again as often as was asked for; otherwise Reason says why not.
	Verified bool
	Reason   string
	Probes   int
}

// New starts a search.
func New(o Options) *Search {
	o = o.withDefaults()
	return &Search{o: o, rate: min(o.Start, o.Most), high: math.Inf(1), stage: Doubling}
}

// Next is the rate to try; ok is false when the search is over.
func (s *Search) Next() (rate float64, stage Stage, ok bool) { return s.rate, s.stage, !s.done }

// Result is what was found; it is final when Next says that the search is over.
func (s *Search) Result() Result {
	r := s.result
	r.Beyond, r.Probes = s.high, s.probes
	return r
}

// Observe takes in whether the rate that Next named was kept up with.
//
// Outside of the verification one success is enough, and a failure must be seen twice in three probes: what disturbs a
// measurement makes it slower, hardly ever faster.
func (s *Search) Observe(pass bool) {
	s.probes++
	if pass {
		s.passes++
	} else {
		s.fails++
	}
	switch {
	case s.stage == Verification:
		s.verify()
	case s.stage == Recheck:
		s.recheck(pass)
	case pass:
		s.low = s.rate
		s.passed = append(s.passed, s.low)
		s.advance()
	case s.fails == 2:
		s.fail()
		s.advance()
	}
	if !s.done && s.probes >= s.o.Probes {
		verified := s.stage == Recheck // nothing but a second look at what had failed was left
		s.end(Result{Knee: s.low, Verified: verified, Reason: fmt.Sprintf("the search ended after %d probes, in its %s", s.probes, s.stage)})
	}
}

// advance chooses the next rate once this one is decided.
func (s *Search) advance() {
	switch {
	case s.low == 0 && s.rate <= s.o.Least:
		s.end(Result{Reason: fmt.Sprintf("not even %.3g a second were kept up with", s.rate)})
	case s.low == 0: // the start was too high
		s.try(max(s.rate/2, s.o.Least), Doubling)
	case math.IsInf(s.high, 1) && s.low >= s.o.Most:
		s.try(s.low, Verification)
	case math.IsInf(s.high, 1):
		s.try(min(2*s.low, s.o.Most), Doubling)
	case s.high/s.low > 1+s.o.Precision:
		s.try(math.Sqrt(s.low*s.high), Bisection) // the middle as a share
	default:
		s.try(s.low, Verification)
	}
}

// verify needs its passes with at most one failure among them. Otherwise the success that led here was luck, and the
// search goes on between this rate and the last one below that passed.
func (s *Search) verify() {
	switch {
	case s.passes == s.o.Verify && math.IsInf(s.high, 1):
		s.end(Result{Knee: s.rate, Verified: true, Reason: fmt.Sprintf("the highest rate that was to be tried, %.4g, was kept up with", s.o.Most)})
	case s.passes == s.o.Verify:
		s.try(s.high, Recheck)
	case s.fails == 2:
		s.fail()
		s.passed = s.passed[:len(s.passed)-1]
		if s.low = 0; len(s.passed) > 0 {
			s.low = s.passed[len(s.passed)-1]
		}
		s.advance()
	}
}

// recheck looks once more at the lowest rate that failed. Where it passes, what failed was a disturbance, and the search
// goes on above it.
func (s *Search) recheck(pass bool) {
	if s.raised++; !pass || s.raised > rechecks {
		s.end(Result{Knee: s.low, Verified: true})
		return
	}
	s.low, s.high = s.rate, math.Inf(1)
	s.passed = append(s.passed, s.low)
	s.failed = slices.DeleteFunc(s.failed, func(rate float64) bool { return rate <= s.low })
	if n := len(s.failed); n > 0 {
		s.high = s.failed[n-1]
	}
	s.advance()
}

// fail notes that this rate, which is below all that failed before, was not kept up with.
func (s *Search) fail() {
	s.high = s.rate
	s.failed = append(s.failed, s.high)
}

func (s *Search) try(rate float64, stage Stage) {
	s.rate, s.stage, s.passes, s.fails = rate, stage, 0, 0
}

func (s *Search) end(r Result) { s.done, s.result = true, r }
