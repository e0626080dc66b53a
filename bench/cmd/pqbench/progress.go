package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"pqbench/bench"
)

// newProgress draws bars with the time left on a terminal, and prints plain lines elsewhere.
func newProgress(w io.Writer) bench.Progress {
	if isTerminal(w) && width(w) > 0 {
		return &bars{pool: mpb.New(mpb.WithOutput(w), mpb.WithWidth(48))}
	}
	return &lines{w: w}
}

// bars shows one bar for each experiment.
type bars struct {
	pool *mpb.Progress
	bar  *mpb.Bar
	step atomic.Pointer[string] // drawn by the pool's own goroutine
	last time.Time
}

func (b *bars) Start(experiment string, blocks int, skipped []string) {
	for _, s := range skipped {
		_, _ = fmt.Fprintf(b.pool, "%s: left out: %s\n", experiment, s)
	}
	if blocks == 0 {
		return
	}
	b.last = time.Now()
	b.step.Store(new(string))
	step := func(decor.Statistics) string { return *b.step.Load() }
	b.bar = b.pool.AddBar(int64(blocks),
		mpb.PrependDecorators(decor.Name(experiment, decor.WC{W: 12, C: decor.DindentRight}), decor.CountersNoUnit("%d/%d blocks", decor.WCSyncSpace)),
		mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}), decor.OnComplete(decor.EwmaETA(decor.ET_STYLE_MMSS, 10, decor.WC{W: 6}), " done"), decor.Any(step)),
	)
}

// Step shows the text behind the bar.
func (b *bars) Step(what string) {
	what = "  " + what
	b.step.Store(&what)
}

func (b *bars) Block() {
	b.step.Store(new(string))
	b.bar.EwmaIncrement(time.Since(b.last))
	b.last = time.Now()
}

func (b *bars) End() {
	if b.bar != nil && !b.bar.Completed() {
		b.bar.Abort(false)
	}
	if b.bar != nil {
		b.bar.Wait()
	}
	b.bar = nil
}

// Close waits until the last frame is drawn: what comes next must not land in it.
func (b *bars) Close() { b.pool.Wait() }

// lines is for a log: one line when an experiment starts, and one every few seconds.
type lines struct {
	w             io.Writer
	name          string
	done, blocks  int
	started, last time.Time
}

// every is how often a line is printed: a log of a five-minute run stays readable.
const every = 10 * time.Second

func (l *lines) Start(experiment string, blocks int, skipped []string) {
	for _, s := range skipped {
		fmt.Fprintf(l.w, "%s: left out: %s\n", experiment, s)
	}
	*l = lines{w: l.w, name: experiment, blocks: blocks, started: time.Now(), last: time.Now()}
	if blocks > 0 {
		fmt.Fprintf(l.w, "%s: %d blocks\n", experiment, blocks)
	}
}

func (l *lines) Step(what string) {
	if time.Since(l.last) < every {
		return
	}
	l.last = time.Now()
	fmt.Fprintf(l.w, "%s: block %d of %d: %s\n", l.name, l.done+1, l.blocks, what)
}

func (l *lines) Block() {
	l.done++
	if time.Since(l.last) < every || l.done == l.blocks {
		return
	}
	l.last = time.Now()
	left := time.Since(l.started) / time.Duration(l.done) * time.Duration(l.blocks-l.done)
	fmt.Fprintf(l.w, "%s: %d of %d blocks, about %v left\n", l.name, l.done, l.blocks, left.Round(time.Second))
}

func (l *lines) End() {
	if l.blocks > 0 {
		fmt.Fprintf(l.w, "%s: %d of %d blocks in %v\n", l.name, l.done, l.blocks, time.Since(l.started).Round(100*time.Millisecond))
	}
}

func (l *lines) Close() {}
