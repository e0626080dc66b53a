package compare

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"

	"pqbench/bench"
	"pqbench/results"
)

// FindingsFile is the verdicts in the run folder of a comparison, a results.Findings.
const FindingsFile = "findings.json"

// record writes the rounds of a comparison into a run folder: three arms for each experiment, a trial for each arm and
// round. Its samples are not kept: they are many, and a round is one piece of evidence.
type record struct {
	manifest results.Manifest
	writer   *results.Writer
	first    map[string]int // an experiment's first arm
	rounds   map[string]int // written, by experiment
	names    []string       // of the plan's experiments, as the manifest has their kinds
}

func newRecord(c comparison) (*record, error) {
	text, err := yaml.Marshal(c.Plan)
	if err != nil {
		return nil, err
	}
	versions, host := bench.Here()
	r := &record{first: map[string]int{}, rounds: map[string]int{}, manifest: results.Manifest{
		Schema: results.Schema, Plan: "compare", PlanText: string(text), Seed: c.Seed, Started: time.Now().UTC(),
		Versions: versions, Host: host, Labels: c.Labels,
		Warnings: append([]string{"base: " + c.base.String(), "head: " + c.headName()}, c.warnings...),
	}}
	for _, e := range c.Plan.Experiments {
		r.first[e.Name] = len(r.manifest.Arms)
		r.names = append(r.names, e.Name)
		for a := range arms {
			arm := results.Arm{Group: e.Group, KEM: string(e.Provider), Concurrency: e.Concurrency, Stack: Base.String(), AA: a == Again}
			if a == Head {
				arm.Stack = Head.String()
			}
			r.manifest.Arms = append(r.manifest.Arms, results.ArmOf{Experiment: e.kind(), Arm: arm})
		}
		base := r.first[e.Name]
		r.manifest.Pairs = append(r.manifest.Pairs,
			results.Pair{Arm: base + int(Head), Base: base, Kind: "revision"}, results.Pair{Arm: base + int(Again), Base: base, Kind: "aa"})
		r.manifest.Experiments = append(r.manifest.Experiments, results.Experiment{Name: e.kind(), Note: e.method()})
	}
	r.writer, err = results.Create(c.Output, "compare", r.manifest)
	return r, err
}

// method is how the rounds of an experiment are made.
func (e Experiment) method() string {
	if e.apart() {
		return "Base, base again and head at once, all edges on one core and the rest on another, in fresh processes for each block; times of key agreement are CPU time."
	}
	return "Base, base again and head in turn, in fresh processes for each block."
}

func (r *record) discard() error { return r.writer.Discard() }

// add writes a round.
func (r *record) add(round Round) error {
	for a, values := range round.Arms {
		arm := r.first[round.Experiment] + a
		trial := results.Trial{
			Experiment: r.manifest.Arms[arm].Experiment, Arm: arm, Block: r.rounds[round.Experiment], Order: round.Places[a],
			Started: round.Started, Finished: round.Finished, Values: values,
		}
		if err := r.writer.Write(results.Record{Trial: &trial}); err != nil {
			return err
		}
	}
	r.rounds[round.Experiment]++
	return r.writer.Sync()
}

// finish closes the folder and puts the verdicts into it.
func (r *record) finish(findings results.Findings, cause error) (dir string, err error) {
	m := &r.manifest
	m.Finished, m.Complete = time.Now().UTC(), cause == nil
	if cause != nil {
		m.Reason = cause.Error()
	}
	if findings.Noise != nil {
		m.Noise = *findings.Noise
	}
	for i, name := range r.names {
		done := r.rounds[name]
		m.Experiments[i].Blocks, m.Experiments[i].Done = done, done
	}
	text, err := json.MarshalIndent(findings, "", "  ")
	if err != nil {
		return "", err
	}
	err = os.WriteFile(filepath.Join(r.writer.Dir(), FindingsFile), append(text, '\n'), 0o644)
	dir, finishErr := r.writer.Finish(*m)
	return dir, errors.Join(err, finishErr)
}

// recording is a Source whose rounds are kept as they come, so that an end at any time loses nothing.
type recording struct {
	Source
	record *record
}

// Round implements Source.
func (s recording) Round(ctx context.Context, experiment string) (Round, error) {
	r, err := s.Source.Round(ctx, experiment)
	if err == nil {
		err = s.record.add(r)
	}
	return r, err
}
