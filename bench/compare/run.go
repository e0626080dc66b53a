package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"pqbench/bench"
	"pqbench/bench/role"
	"pqbench/results"
)

// Options of a comparison. Base must be set, or a toolchain; the rest has defaults.
type Options struct {
	// Base and Head are operands, see ParseOperand. With a toolchain, Base is the working tree and Head the base unless
	// they are named.
	Base, Head string
	// Toolchain is what the head alone is built with.
	Toolchain Toolchain
	// Plan says what is measured and what counts; the zero value is the default plan.
	Plan Plan
	// Budget bounds the time of measuring, builds not included; default five minutes.
	Budget time.Duration
	// Seed of the orders; default 1.
	Seed uint64
	// Cache is the folder that revisions are built in; default one in the user's cache.
	Cache string
	// Output is the folder that run folders are made in; default results/runs.
	Output string
	Labels map[string]string
	// Progress hears in a line what is going on; nil for nobody.
	Progress func(line string)
}

// Run compares. The findings of what was measured are saved in a run folder, dir, also beside an error that came after
// the first round: bench.ErrInterrupted when the context ended. An error before it is a bench.ConfigError.
func Run(ctx context.Context, o Options) (dir string, findings results.Findings, err error) {
	o, base, head, err := o.complete(ctx)
	if err != nil {
		return "", findings, bench.Misconfigured(err)
	}
	if base.Run != "" || head.Run != "" {
		findings, err = compareRuns(base, head, o.Plan)
		if err != nil {
			err = bench.Misconfigured(err)
		}
		return "", findings, err
	}
	programs, warnings, err := o.programs(ctx, base, head)
	if err != nil {
		if ctx.Err() != nil {
			return "", findings, bench.ErrInterrupted
		}
		return "", findings, bench.Misconfigured(err)
	}
	c := comparison{Options: o, base: base, head: head, warnings: warnings}
	return c.measure(ctx, programs)
}

// complete fills in the defaults and reads the operands.
func (o Options) complete(ctx context.Context) (_ Options, base, head Operand, err error) {
	if len(o.Plan.Experiments) == 0 {
		if o.Plan, err = OpenPlan(""); err != nil {
			return o, base, head, err
		}
	}
	if o.Budget == 0 {
		o.Budget = 5 * time.Minute
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Output == "" {
		o.Output = "results/runs"
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if o.Cache == "" {
		if o.Cache, err = os.UserCacheDir(); err != nil {
			return o, base, head, fmt.Errorf("%w: name a folder with --cache", err)
		}
		o.Cache = filepath.Join(o.Cache, "pqbench", "compare")
	}
	base, head, err = o.operands(ctx)
	return o, base, head, err
}

func (o Options) operands(ctx context.Context) (base, head Operand, err error) {
	if o.Toolchain.changed() {
		if o.Base == "" {
			o.Base = "."
		}
		if o.Head == "" {
			o.Head = o.Base
		}
	}
	if o.Base == "" || o.Head == "" {
		return base, head, errors.New("name a base and a head: git revisions, pqbench binaries or run folders; or a base alone with --replace or --go")
	}
	if base, err = ParseOperand(ctx, o.Base); err != nil {
		return base, head, fmt.Errorf("base: %w", err)
	}
	if head, err = ParseOperand(ctx, o.Head); err != nil {
		return base, head, fmt.Errorf("head: %w", err)
	}
	if (base.Run == "") != (head.Run == "") {
		return base, head, errors.New("a run folder can be compared with a run folder only: what measures one side alone cannot be paired")
	}
	if o.Toolchain.changed() && base.Run != "" {
		return base, head, errors.New("--replace and --go build the head: a run folder cannot be built")
	}
	return base, head, nil
}

// programs builds what must be built.
func (o Options) programs(ctx context.Context, base, head Operand) (programs []role.Program, warnings []string, err error) {
	b := Builder{Cache: o.Cache, Progress: o.Progress}
	programs = make([]role.Program, arms)
	if programs[Base], err = b.Program(ctx, base, Toolchain{}); err != nil {
		return programs, nil, err
	}
	programs[Again] = programs[Base]
	if programs[Head], err = b.Program(ctx, head, o.Toolchain); err != nil {
		return programs, nil, err
	}
	for _, side := range []Operand{base, head} {
		if side.Dirty {
			warnings = append(warnings, fmt.Sprintf("%s holds changes that no commit has: this result cannot be made again", side.Name))
		}
	}
	if same(programs[Base].Path, programs[Head].Path) {
		warnings = append(warnings, "base and head are the same program: whatever is found is noise")
	}
	return programs, warnings, nil
}

// same reports whether two files are.
func same(a, b string) bool {
	one, errA := os.ReadFile(a)
	other, errB := os.ReadFile(b)
	return errA == nil && errB == nil && bytes.Equal(one, other)
}

// comparison is one in progress.
type comparison struct {
	Options
	base, head Operand
	warnings   []string
}

// measure runs the procedure on live rounds and saves what came of it.
func (c comparison) measure(ctx context.Context, programs []role.Program) (string, results.Findings, error) {
	record, err := newRecord(c)
	if err != nil {
		return "", results.Findings{}, bench.Misconfigured(err)
	}
	source, err := newLive(programs, c.Plan, c.Seed)
	if err != nil {
		return "", results.Findings{}, errors.Join(err, record.discard())
	}
	noise := bench.StartNoise()
	outcome, err := Procedure{Budget: c.Budget, Looked: c.tell}.Run(ctx, c.Plan, recording{source, record})
	if errors.Is(err, context.Canceled) {
		err = bench.ErrInterrupted
	}
	if err != nil && len(outcome.Rounds) == 0 {
		return "", results.Findings{}, errors.Join(err, record.discard())
	}
	findings := c.findings(outcome, *source.failed)
	if err == nil {
		measured := noise.End()
		findings.Noise = &measured
	} else {
		findings.Warnings = append(findings.Warnings, "not complete: "+err.Error())
	}
	dir, saveErr := record.finish(findings, err)
	return dir, findings, errors.Join(err, saveErr)
}

// tell says where a comparison stands.
func (c comparison) tell(look int, findings []Finding) {
	counts := map[string]int{}
	for i := range findings {
		switch f := &findings[i]; {
		case f.suspect():
			counts["suspect"]++
		case f.decided():
			counts["decided"]++
		default:
			counts["open"]++
		}
	}
	line := fmt.Sprintf("look %d of %d: %d decided, %d open", look, len(looks), counts["decided"], counts["open"])
	if n := counts["suspect"]; n > 0 {
		line += fmt.Sprintf(", %d look different and are measured again", n)
	}
	c.Progress(line)
}

// findings are the outcome in the words of all regression tracking.
func (c comparison) findings(outcome Outcome, spoiled failed) results.Findings {
	_, host := bench.Here()
	r := results.Findings{
		Schema: results.Schema, Tier: results.TierPaired, Base: c.base.String(), Head: c.headName(), Host: host, Warnings: c.warnings,
	}
	lacking := map[string]bool{}
	for i := range outcome.Findings {
		f := &outcome.Findings[i]
		r.Findings = append(r.Findings, f.result(c.Plan.experiment(f.Experiment)))
		if f.gone && !lacking[f.Experiment] {
			lacking[f.Experiment] = true
			r.Warnings = append(r.Warnings, f.Experiment+" was not compared: "+f.Note)
		}
	}
	r.Warnings = append(r.Warnings, spoiled.warnings()...)
	if f, ok := spoiled.finding(); ok {
		r.Findings = append(r.Findings, f)
	}
	return r
}

func (c comparison) headName() string {
	if c.Toolchain.changed() {
		return c.head.String() + " with " + c.Toolchain.String()
	}
	return c.head.String()
}
