package gate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"pqbench/bench"
	"pqbench/results"
)

// Options of a gate. The zero value is the default.
type Options struct {
	Dir    string // of the baselines; default results/baseline
	Accept string // why what differs shall be the baseline from now on; empty to compare alone
	// Measure is what is judged; nil is Measure of this package.
	Measure func(context.Context) (Measured, error)
	// Now is the time that an acceptance gets; the zero value is the clock's.
	Now time.Time
}

// Result is what a gate says.
type Result struct {
	Findings results.Findings
	Path     string // of the baseline
	// New says that there is no baseline of these versions: everything is new, and nothing failed.
	New bool
	// Accepted is how many numbers a new baseline, or the rewritten one, has other than the last; -1 when none was written.
	Accepted int
}

// ErrChanged is numbers that are not as the baseline has them, for the better or for the worse.
var ErrChanged = errors.New("not as the baseline has them")

// Run measures and judges. Its error is an ErrChanged for a difference that nobody accepted, a bench.ConfigError for a
// baseline that is not to be believed; the Result beside an ErrChanged is good.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.Dir == "" {
		o.Dir = filepath.Join("results", "baseline")
	}
	if o.Measure == nil {
		o.Measure = Measure
	}
	if o.Now.IsZero() {
		o.Now = time.Now().UTC().Truncate(time.Second)
	}
	m, err := o.Measure(ctx)
	if err != nil {
		if ctx.Err() != nil {
			err = bench.ErrInterrupted
		}
		return Result{}, err
	}
	path := filepath.Join(o.Dir, m.Key.File())
	b, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return o.first(m, path)
	case errors.Is(err, ErrEdited) && o.Accept != "": // its history stands, for what it is worth
	case err != nil:
		return Result{}, bench.Misconfigured(err)
	case b.Key != m.Key:
		return Result{}, bench.Misconfigured(fmt.Errorf("baseline %s is of other versions than its name says: %s", path, b.Key))
	}
	r := Result{Findings: judge(b, path, m.only(b.Provider)), Path: path, Accepted: -1}
	n := changes(r.Findings)
	switch {
	case o.Accept != "" && (n > 0 || err != nil):
		r.Accepted = n
		return r, o.accept(m, b.History, n)
	case n > 0:
		for i := range r.Findings.Findings {
			one := &r.Findings.Findings[i]
			one.Fails = changed(*one)
		}
		return r, fmt.Errorf("%d of %d numbers are %w (%s); where that is meant: pqbench gate --accept \"reason\"", n, len(r.Findings.Findings), ErrChanged, path)
	}
	return r, nil
}

// first is a gate without a baseline of these versions.
func (o Options) first(m Measured, path string) (Result, error) {
	r := Result{Path: path, New: true, Accepted: -1}
	other, otherPath, ok := latest(o.Dir, m.Key)
	if ok {
		r.Findings = unlike(other, otherPath, m.only(other.Provider))
		r.Findings.Warnings = append(r.Findings.Warnings, fmt.Sprintf(
			"new versions: there is no baseline of %s yet, so nothing can fail; beside the values stand those of %s", m.Key, other.Key))
	} else {
		r.Findings = judge(Baseline{Arch: m.Arch}, path, m)
		r.Findings.Warnings = append(r.Findings.Warnings, fmt.Sprintf("new versions: there is no baseline of %s, nor of any other", m.Key))
	}
	if o.Accept == "" {
		r.Findings.Warnings = append(r.Findings.Warnings, fmt.Sprintf("to keep these numbers: pqbench gate --accept \"reason\", and commit %s", path))
		return r, nil
	}
	r.Accepted = len(m.Values)
	return r, o.accept(m, nil, len(m.Values))
}

// accept writes what was measured as the baseline.
func (o Options) accept(m Measured, history []Accepted, changed int) error {
	if len(m.Lacking) > 0 {
		return bench.Misconfigured(fmt.Errorf("this build lacks %s, and a baseline from it would, too: accept with a build that has them (make build)",
			strings.Join(m.Lacking, ", ")))
	}
	b := Baseline{Schema: schema, Key: m.Key, Arch: m.Arch, Provider: m.Provider, Values: m.Values,
		History: append(history, Accepted{Time: o.Now, Commit: m.Commit, Reason: o.Accept, Changed: changed})}
	_, err := b.write(o.Dir)
	return err
}
