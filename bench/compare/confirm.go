package compare

import (
	"math"

	"pqbench/results"
	"pqbench/results/stats"
)

// suspicions gives what looks different since this look its later looks, and their shares of the level.
func (d *decision) suspicions(look int) {
	for i := range d.findings {
		if c := d.findings[i].Confirmation; c != nil && c.shares == nil {
			c.shares = make([]float64, look+1)
			c.shares = append(c.shares, stats.Spend(2*d.p.ConfirmLevel, progress(looks[look+1:], looks[look]))...)
		}
	}
}

// confirm judges what looked different at an earlier look by the rounds since.
func (d *decision) confirm(look int) {
	for i := range d.findings {
		switch f := &d.findings[i]; {
		case !f.suspect():
		case f.Exact:
			d.exactAgain(f)
		default:
			d.again(f, f.Confirmation.shares[look])
		}
	}
}

// again judges the second measurement alone. It need not show the whole threshold again: of differences that just passed,
// half are smaller the second time.
//
// Note: the level is two-sided, since Spend's shares are, and half of it is for the direction that was seen.
func (d *decision) again(f *Finding, level float64) {
	c := f.Confirmation
	head, _ := d.of(f.Experiment).differences(f.Name)
	head = head[min(c.after, len(head)):]
	e := centre(head)
	c.Difference, c.Rounds, c.P = e.share(), len(head), e.P()/2
	same := math.Signbit(c.Difference) == math.Signbit(f.Difference)
	if !same {
		c.P = 1 - c.P
	}
	c.Low, c.High = e.interval(0.95)
	c.Confirmed = c.P < level/2 && same && math.Abs(c.Difference) > float64(f.Threshold)/2
	if c.Confirmed {
		f.Verdict, f.Note = results.Direction(f.Difference, f.Better), ""
	}
}

// unconfirmed says what became of what looked different and was not confirmed.
func (d *decision) unconfirmed() {
	for i := range d.findings {
		f := &d.findings[i]
		if !f.suspect() {
			continue
		}
		looked := results.Direction(f.Difference, f.Better)
		if c := f.Confirmation; c.Rounds < stats.MinBlocks { // of an exact one that was measured again, no suspicion is left
			f.Note = "looked " + looked + ", but there was no time to measure it again"
		} else {
			f.Note = "looked " + looked + ", but not when it was measured again (" + percent(c.Difference) + ")"
		}
	}
}
