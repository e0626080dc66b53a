package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"pqbench/results"
)

// The files of a run folder that this package writes, and the folder of its plots.
const (
	SummaryFile  = "summary.json"
	BenchFile    = "bench.txt"
	HistogramLog = "latency.hlog"
	MarkdownFile = "report.md"
	HTMLFile     = "report.html"
	PlotsFolder  = "plots"
)

// Write makes everything in a run folder that is made from its manifest and records: summary.json, bench.txt,
// latency.hlog, plots, report.md and report.html. The same records give the same bytes, wherever the folder lies. Each file is replaced as a whole. Errors
// are those of results.Load, before anything is written, and of the file system.
func Write(dir string) error {
	m, samples, trials, err := results.Load(dir)
	if err != nil {
		return err
	}
	all, err := index(m, samples, trials).files(samples, trials)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, PlotsFolder), 0o755); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	for _, f := range all {
		if err := Replace(filepath.Join(dir, f.name), f.data); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return removeStale(dir, all)
}

// A file is a name within the run folder, and what it holds.
type file struct {
	name string
	data []byte
}

// files are everything that Write writes. The reports are the last: where they are, what they refer to is there, too.
func (r *run) files(samples []results.Sample, trials []results.Trial) ([]file, error) {
	s := r.summarise(results.Check(r.m, samples, trials))
	var summary, bench, histograms bytes.Buffer
	if err := WriteJSON(&summary, s); err != nil {
		return nil, err
	}
	if err := results.WriteBench(&bench, r.m, trials, samples); err != nil {
		return nil, err
	}
	if err := results.WriteHistograms(&histograms, r.m, samples); err != nil {
		return nil, err
	}
	all := []file{{SummaryFile, summary.Bytes()}, {BenchFile, bench.Bytes()}, {HistogramLog, histograms.Bytes()}}
	d, figures, err := r.document(s)
	if err != nil {
		return nil, err
	}
	for i, f := range figures {
		png, err := f.png()
		if err != nil {
			return nil, err
		}
		all = append(all, file{plotFile(f.Name, "svg"), d.svgs[i]}, file{plotFile(f.Name, "png"), png})
	}
	markdown, err := d.markdown()
	if err != nil {
		return nil, err
	}
	html, err := d.html()
	if err != nil {
		return nil, err
	}
	return append(all, file{MarkdownFile, markdown}, file{HTMLFile, html}), nil
}

func plotFile(name, ending string) string { return filepath.Join(PlotsFolder, name+"."+ending) }

// removeStale removes plots of an earlier report that this one does not have.
func removeStale(dir string, written []file) error {
	for _, name := range figureNames {
		for _, ending := range []string{"svg", "png"} {
			path := plotFile(name, ending)
			if slices.ContainsFunc(written, func(f file) bool { return f.name == path }) {
				continue
			}
			if err := os.Remove(filepath.Join(dir, path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("write report: %w", err)
			}
		}
	}
	return nil
}

// Replace writes a file under a temporary name and renames it: a reader sees the old one or the new one.
func Replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it is renamed, as it should
	_, err = f.Write(data)
	// CreateTemp's files are private; a run folder is for everyone who may read the checkout.
	if err := errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Print writes the tables of a run folder that Write has been through.
func Print(w io.Writer, dir string, o Options) error {
	run, err := results.Open(dir)
	if err != nil {
		return err
	}
	s, err := ReadSummary(dir)
	if err != nil {
		return err
	}
	return WriteTables(w, run.Manifest, s, o)
}

// ReadSummary reads the summary.json of a run folder. It fails when there is none, when it is damaged, and on a schema
// other than results.Schema.
func ReadSummary(dir string) (results.Summary, error) {
	path := filepath.Join(dir, SummaryFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return results.Summary{}, fmt.Errorf("%s has no %s: make one with pqbench report", dir, SummaryFile)
	}
	if err != nil {
		return results.Summary{}, fmt.Errorf("read summary: %w", err)
	}
	var s results.Summary
	if err := json.Unmarshal(data, &s); err != nil {
		return results.Summary{}, fmt.Errorf("%s: damaged: %w (make it again with pqbench report)", path, err)
	}
	if s.Schema != results.Schema {
		return results.Summary{}, fmt.Errorf("%s: schema version %d is unknown: this pqbench reads version %d", path, s.Schema, results.Schema)
	}
	return s, nil
}
