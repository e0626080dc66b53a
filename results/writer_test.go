package results

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// exampleRun is a small run that is in order: two arms, two blocks, with a failure and something dropped.
func exampleRun() (Manifest, []Sample, []Trial) {
	m := Manifest{
		Schema: Schema, Plan: "quick", Seed: 7, Complete: true,
		Started:     time.Date(2026, 3, 1, 12, 30, 5, 0, time.UTC),
		Finished:    time.Date(2026, 3, 1, 12, 31, 0, 0, time.UTC),
		Experiments: []Experiment{{Name: "handshake", Blocks: 2, Done: 2}},
		Arms: []ArmOf{
			{Experiment: "handshake", Arm: Arm{Group: "X25519", Concurrency: 8}},
			{Experiment: "handshake", Arm: Arm{Group: "X25519MLKEM768", KEM: "go", Concurrency: 8}},
		},
		Pairs:    []Pair{{Arm: 1, Base: 0, Kind: "group"}},
		Versions: Versions{Commit: "0123abcd", Go: "go1.26.8"},
		Host:     Host{OS: "linux", Arch: "amd64", CPU: "Example CPU", GOMAXPROCS: 2},
	}
	var samples []Sample
	var trials []Trial
	for block := range 2 {
		for arm := range 2 {
			for i := range int64(3) {
				samples = append(samples, Sample{Experiment: "handshake", Arm: arm, Block: block, Intended: 1000 * i,
					Sent: 1000*i + 10, First: 1000*i + 500, Completed: 1000*i + 900, Group: m.Arms[arm].Arm.Group})
			}
			samples = append(samples,
				Sample{Experiment: "handshake", Arm: arm, Block: block, Intended: 4000, Sent: 4001, Completed: 9000,
					Class: ClassTimeout, Detail: "no answer\nfor \"5 s\""},
				Sample{Experiment: "handshake", Arm: arm, Block: block, Intended: 5000, Completed: 5000, Class: ClassDropped})
			trials = append(trials, Trial{Experiment: "handshake", Arm: arm, Block: block, Order: arm, Finished: 10_000,
				Scheduled: 5, Completed: 3, Failed: 1, Dropped: 1, Values: map[string]float64{"client_cpu": 1234.5}})
		}
	}
	return m, samples, trials
}

// writeRun writes the records into a folder under root, without finishing it.
func writeRun(t *testing.T, root string, m Manifest, samples []Sample, trials []Trial) *Writer {
	t.Helper()
	w, err := Create(root, m.Plan, m)
	require.NoError(t, err)
	for i := range samples {
		require.NoError(t, w.Write(Record{Sample: &samples[i]}))
	}
	for i := range trials {
		require.NoError(t, w.Write(Record{Trial: &trials[i]}))
	}
	return w
}

func TestRoundTrip(t *testing.T) {
	root := filepath.Join(t.TempDir(), "not", "yet", "there")
	m, samples, trials := exampleRun()
	w := writeRun(t, root, m, samples, trials)
	assert.Equal(t, filepath.Join(root, ".20260301T123005Z-quick.partial"), w.Dir())
	dir, err := w.Finish(m)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, "20260301T123005Z-quick"), dir)
	assert.Equal(t, dir, w.Dir())
	assert.NoDirExists(t, filepath.Join(root, ".20260301T123005Z-quick.partial"))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing temporary is left")

	gotManifest, gotSamples, gotTrials, err := Load(dir)
	require.NoError(t, err)
	assert.Equal(t, m, gotManifest)
	assert.Equal(t, samples, gotSamples)
	assert.Equal(t, trials, gotTrials)
}

func TestWriterAfterItsEnd(t *testing.T) {
	m, samples, _ := exampleRun()
	w := writeRun(t, t.TempDir(), m, samples, nil)
	dir, err := w.Finish(m)
	require.NoError(t, err)
	assert.ErrorIs(t, w.Write(Record{Sample: &samples[0]}), errFinished)
	assert.ErrorIs(t, w.Sync(), errFinished)
	again, err := w.Finish(m)
	assert.ErrorIs(t, err, errFinished)
	assert.Equal(t, dir, again)
	require.NoError(t, w.Discard())
	assert.DirExists(t, dir, "a finished run is not discarded")
}

func TestDiscard(t *testing.T) {
	root := t.TempDir()
	m, samples, _ := exampleRun()
	w := writeRun(t, root, m, samples, nil)
	require.NoError(t, w.Discard())
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestInterruptedRunIsSaved(t *testing.T) {
	m, samples, trials := exampleRun()
	w := writeRun(t, t.TempDir(), m, samples[:3], trials[:1])
	m.Complete, m.Reason = false, "interrupted"
	dir, err := w.Finish(m)
	require.NoError(t, err)
	got, gotSamples, gotTrials, err := Load(dir)
	require.NoError(t, err)
	assert.False(t, got.Complete)
	assert.Equal(t, "interrupted", got.Reason)
	assert.Len(t, gotSamples, 3)
	assert.Len(t, gotTrials, 1)
}

func TestCrashedRun(t *testing.T) {
	m, samples, trials := exampleRun()
	w := writeRun(t, t.TempDir(), m, samples, nil)
	require.NoError(t, w.Sync())
	for i := range trials {
		require.NoError(t, w.Write(Record{Trial: &trials[i]}))
	}
	// The process dies here: what comes after Sync is lost, everything before is there.
	died, synced, _, err := Load(w.Dir())
	require.NoError(t, err)
	assert.Equal(t, samples, synced)
	assert.False(t, died.Complete, "it must not read as whole")
	assert.NotEmpty(t, died.Reason)
}

func TestRunThatDiedWhileItWrote(t *testing.T) {
	m, samples, _ := exampleRun()
	w := writeRun(t, t.TempDir(), m, samples, nil)
	require.NoError(t, errors.Join(w.gzip.Flush(), w.buffer.Flush()))
	run, err := Open(w.Dir())
	require.NoError(t, err)
	n := 0
	for r, err := range run.Records() {
		if err != nil {
			var at *FileError
			require.ErrorAs(t, err, &at)
			assert.Equal(t, len(samples)+1, at.Line)
			assert.ErrorContains(t, err, SamplesFile+":21: truncated")
			break
		}
		assert.Equal(t, samples[n], *r.Sample)
		n++
	}
	assert.Equal(t, len(samples), n)
	_, none, _, err := Load(w.Dir())
	assert.ErrorContains(t, err, "truncated")
	assert.Nil(t, none)
}

func TestRunsOfTheSameSecond(t *testing.T) {
	root := t.TempDir()
	m, samples, trials := exampleRun()
	const runs = 12
	dirs := make([]string, runs)
	var wg sync.WaitGroup
	for i := range runs {
		wg.Go(func() {
			w := writeRun(t, root, m, samples, trials)
			dir, err := w.Finish(m)
			assert.NoError(t, err)
			dirs[i] = dir
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, dir := range dirs {
		assert.False(t, seen[dir], "%s was given twice", dir)
		seen[dir] = true
		_, got, _, err := Load(dir)
		assert.NoError(t, err)
		assert.Len(t, got, len(samples))
	}
	assert.Contains(t, dirs, filepath.Join(root, "20260301T123005Z-quick"))
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	assert.Len(t, entries, runs)
}

func TestFolderNameIsSafe(t *testing.T) {
	started := time.Date(2026, 3, 1, 23, 59, 59, 999, time.FixedZone("east", 3600))
	assert.Equal(t, "20260301T225959Z-..-..-my-plan", folderName(started, "../../my plan"))
}

func TestCreateFailsBeforeAnythingIsMeasured(t *testing.T) {
	m, _, _ := exampleRun()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err := Create(file, "quick", m)
	assert.ErrorContains(t, err, "cannot be written: not a directory")
	assert.ErrorContains(t, err, file)
	assert.NotContains(t, err.Error(), "\n")
	assert.NotContains(t, err.Error(), "partial")

	m.Noise.Before = math.NaN() // cannot be encoded
	root := t.TempDir()
	_, err = Create(root, "quick", m)
	assert.ErrorContains(t, err, "manifest")
	entries, readErr := os.ReadDir(root)
	require.NoError(t, readErr)
	assert.Empty(t, entries, "a failed Create leaves nothing")
}

func TestUnwritableFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	root := t.TempDir()
	require.NoError(t, os.Chmod(root, 0o555))
	_, err := Create(root, "quick", Manifest{})
	assert.ErrorIs(t, err, os.ErrPermission)
}

func TestWriteRefusesWhatCannotBeRead(t *testing.T) {
	m, samples, trials := exampleRun()
	w := writeRun(t, t.TempDir(), m, nil, nil)
	assert.ErrorContains(t, w.Write(Record{}), "exactly one")
	assert.ErrorContains(t, w.Write(Record{Sample: &samples[0], Trial: &trials[0]}), "exactly one")
	bad := trials[0]
	bad.Values = map[string]float64{"client_cpu": math.NaN()}
	assert.ErrorContains(t, w.Write(Record{Trial: &bad}), "NaN")
	require.NoError(t, w.Write(Record{Sample: &samples[0]}), "a bad value does not end the run")
	dir, err := w.Finish(m)
	require.NoError(t, err)
	_, got, _, err := Load(dir)
	require.NoError(t, err)
	assert.Len(t, got, 1)
}

// What was on the disk before it was full is a run that can be read, and says why it is short.
func TestDiskFull(t *testing.T) {
	m, samples, trials := exampleRun()
	half := len(samples) / 2
	w := writeRun(t, t.TempDir(), m, samples[:half], trials[:2])
	require.NoError(t, w.Sync())
	file := w.file
	full, err := os.Open(file.Name()) // for reading alone: writes to it fail
	require.NoError(t, err)
	w.buffer.Reset(full)
	require.NoError(t, w.Write(Record{Sample: &samples[half]}), "still buffered")
	_, err = file.WriteString("the first bytes of what had no room")
	require.NoError(t, err)
	failure := w.Sync()
	require.ErrorContains(t, failure, "run folder cannot be written any more")
	assert.Equal(t, failure, w.Write(Record{Sample: &samples[0]}), "the failure stays")

	dir, err := w.Finish(m)
	assert.Equal(t, failure, err)
	saved, gotSamples, gotTrials, err := Load(dir)
	require.NoError(t, err)
	assert.Equal(t, samples[:half], gotSamples)
	assert.Equal(t, trials[:2], gotTrials)
	assert.False(t, saved.Complete)
	assert.Equal(t, failure.Error(), saved.Reason)
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// A folder that cannot even be saved so keeps its temporary name.
func TestDiskGone(t *testing.T) {
	m, samples, _ := exampleRun()
	w := writeRun(t, t.TempDir(), m, nil, nil)
	require.NoError(t, w.file.Close())
	require.NoError(t, w.Write(Record{Sample: &samples[0]}), "still buffered")
	err := w.Sync()
	dir, err2 := w.Finish(m)
	assert.Equal(t, err, err2)
	assert.True(t, strings.HasSuffix(dir, ".partial"), dir)
	assert.DirExists(t, dir, "what was written stays")
}

// compress makes a stream as Writer does.
func compress(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := io.WriteString(z, text)
	require.NoError(t, errors.Join(err, z.Close()))
	return out.Bytes()
}
