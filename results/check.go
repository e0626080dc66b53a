package results

import (
	"errors"
	"fmt"
)

// Check holds a run's books to account: for every trial scheduled = completed + failed + dropped, its samples say the
// same, and every sample's times are in order: intended ≤ sent ≤ first ≤ completed. A violation means that the run is
// worthless. The error names the first few and counts the rest.
func Check(m Manifest, samples []Sample, trials []Trial) error {
	c := &checker{m: m, counts: make(map[trialKey]counts)}
	for i, s := range samples {
		c.sample(i, s)
	}
	for _, t := range trials {
		c.trial(t)
	}
	c.orphans(samples)
	if c.more > 0 {
		c.errs = append(c.errs, fmt.Errorf("and %d more", c.more))
	}
	return errors.Join(c.errs...)
}

// A checker goes through the records once.
type checker struct {
	m      Manifest
	counts map[trialKey]counts
	errs   []error
	more   int
}

// trialKey is what a sample and its trial have in common. An arm index belongs to one experiment.
type trialKey struct{ arm, block int }

// counts is what the samples of one trial add up to.
type counts struct {
	completed, failed, dropped int
	seen                       bool // the trial was found
}

// maxViolations is how many violations are told in full. One mistake usually gives thousands.
const maxViolations = 8

func (c *checker) violation(format string, args ...any) {
	if len(c.errs) == maxViolations {
		c.more++
		return
	}
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

func (c *checker) sample(i int, s Sample) {
	c.home("sample", s.Experiment, s.Arm, s.Block)
	n := c.counts[trialKey{s.Arm, s.Block}]
	switch s.Class {
	case "":
		n.completed++
	case ClassDropped:
		n.dropped++
	default:
		n.failed++
	}
	c.counts[trialKey{s.Arm, s.Block}] = n
	if why := disorder(s); why != "" {
		c.violation("sample %d (%s): %s: intended %d, sent %d, first %d, completed %d",
			i, place(s.Experiment, s.Arm, s.Block), why, s.Intended, s.Sent, s.First, s.Completed)
	}
	if s.Down < 0 || s.Up < 0 || s.SinceInitial < 0 {
		c.violation("sample %d (%s): negative size or time: down %d, up %d, since the first Initial %d",
			i, place(s.Experiment, s.Arm, s.Block), s.Down, s.Up, s.SinceInitial)
	}
}

// disorder names the pair of times that are in the wrong order. What was dropped was never sent, and where there was no
// answer there is no first byte.
func disorder(s Sample) string {
	last := s.Intended
	if s.Class != ClassDropped {
		if s.Sent < last {
			return "sent before it was intended"
		}
		last = s.Sent
	}
	if s.First != 0 {
		if s.First < last {
			return "answered before it was sent"
		}
		last = s.First
	}
	if s.Completed < last {
		return "completed too early"
	}
	return ""
}

func (c *checker) trial(t Trial) {
	c.home("trial", t.Experiment, t.Arm, t.Block)
	at, key := place(t.Experiment, t.Arm, t.Block), trialKey{t.Arm, t.Block}
	n := c.counts[key]
	if n.seen {
		c.violation("trial (%s): recorded twice", at)
	}
	n.seen = true
	c.counts[key] = n
	if t.Finished < t.Started {
		c.violation("trial (%s): finished at %d before it started at %d", at, t.Finished, t.Started)
	}
	if t.Scheduled != t.Completed+t.Failed+t.Dropped {
		c.violation("trial (%s): scheduled %d, but completed %d + failed %d + dropped %d",
			at, t.Scheduled, t.Completed, t.Failed, t.Dropped)
	}
	for i, p := range t.Probes {
		if p.Scheduled != p.Completed+p.Failed+p.Dropped {
			c.violation("trial (%s): probe %d: scheduled %d, but completed %d + failed %d + dropped %d",
				at, i, p.Scheduled, p.Completed, p.Failed, p.Dropped)
		}
	}
	if t.Completed != n.completed || t.Failed != n.failed || t.Dropped != n.dropped {
		c.violation("trial (%s): counted completed %d, failed %d, dropped %d; its samples say %d, %d, %d",
			at, t.Completed, t.Failed, t.Dropped, n.completed, n.failed, n.dropped)
	}
}

// orphans reports samples without a trial, once for each trial that is missing.
func (c *checker) orphans(samples []Sample) {
	for _, s := range samples {
		key := trialKey{s.Arm, s.Block}
		if n := c.counts[key]; !n.seen {
			c.violation("samples without a trial (%s)", place(s.Experiment, s.Arm, s.Block))
			n.seen = true
			c.counts[key] = n
		}
	}
}

// home checks that a record's arm exists and belongs to the experiment that it names.
func (c *checker) home(kind, experiment string, arm, block int) {
	if arm < 0 || arm >= len(c.m.Arms) {
		c.violation("%s (%s): the manifest has %d arms", kind, place(experiment, arm, block), len(c.m.Arms))
		return
	}
	if of := c.m.Arms[arm].Experiment; of != experiment {
		c.violation("%s (%s): that arm belongs to %s", kind, place(experiment, arm, block), of)
	}
}

func place(experiment string, arm, block int) string {
	return fmt.Sprintf("%s, arm %d, block %d", experiment, arm, block)
}
