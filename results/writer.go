package results

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A Writer writes a run folder. Until Finish it has a temporary name that starts with a dot and ends in ".partial", and
// its manifest says that it is not complete: a run that crashes leaves nothing that reads as whole.
//
// A Writer may be used by several goroutines. It compresses and writes to disk, so keep it off the timed path.
type Writer struct {
	mu     sync.Mutex
	dir    string // while it is written
	final  string
	file   *os.File
	buffer *bufio.Writer
	gzip   *gzip.Writer
	lines  *json.Encoder
	synced int64 // length of the file at the last Sync: what it held then can be read by itself
	err    error // the first failure, or errFinished
}

var errFinished = errors.New("the run folder is already finished")

// Create makes the folder "<UTC time>-<name>" under root, root included, and is to be called before anything is
// measured: it fails when the folder cannot be written. The time is m.Started, or now when that is zero; runs that
// start in the same second get different folders. The manifest is written as it is known by then.
func Create(root, name string, m Manifest) (*Writer, error) {
	started := m.Started
	if started.IsZero() {
		started = time.Now()
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, createError(root, err)
	}
	dir, final, err := claim(root, folderName(started, name))
	if err != nil {
		return nil, createError(root, err)
	}
	w := &Writer{dir: dir, final: final}
	if err := w.open(m); err != nil {
		return nil, errors.Join(createError(root, err), os.RemoveAll(dir))
	}
	return w, nil
}

// createError is a cause without the "mkdir" and the temporary name that mean nothing to the user.
func createError(root string, err error) error {
	return fmt.Errorf("run folder under %q cannot be written: %w (choose another with --output)", root, pathless(err))
}

func pathless(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func (w *Writer) open(m Manifest) error {
	if err := reserve(w.dir); err != nil {
		return err
	}
	m.Complete = false
	if m.Reason == "" {
		m.Reason = "the run did not end: it is still going on, or was killed"
	}
	if err := writeManifest(w.dir, m); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(w.dir, SamplesFile))
	if err != nil {
		return err
	}
	w.file, w.buffer = file, bufio.NewWriterSize(file, 1<<16)
	w.gzip = gzip.NewWriter(w.buffer)
	w.lines = json.NewEncoder(w.gzip)
	return w.sync() // the header of the compressed file, so that a reader finds one
}

// Dir is the folder: the temporary one until Finish, then the final one.
func (w *Writer) Dir() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dir
}

// Write adds a record to samples.jsonl.gz. Exactly one of its fields must be set. After a failure to write, every later
// call repeats it.
func (w *Writer) Write(r Record) error {
	if (r.Sample == nil) == (r.Trial == nil) {
		return errors.New("write record: set exactly one of sample and trial")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if err := w.lines.Encode(r); err != nil {
		// A NaN among a trial's values is the caller's mistake and nothing of it was written; the rest can go on.
		var value *json.UnsupportedValueError
		if errors.As(err, &value) {
			return fmt.Errorf("write record: %w", err)
		}
		return w.fail(err)
	}
	return nil
}

// Sync brings everything written so far to the disk: a crash or a full disk after it loses only what comes later. Call it
// at the end of a block, when the records of all its trials are written.
func (w *Writer) Sync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	return w.sync()
}

// sync ends a member of the compressed file (RFC 1952, section 2.2: a file is a series of them) and begins another.
func (w *Writer) sync() error {
	for _, step := range []func() error{w.gzip.Close, w.buffer.Flush, w.file.Sync} {
		if err := step(); err != nil {
			return w.fail(err)
		}
	}
	w.gzip.Reset(w.buffer)
	var err error
	if w.synced, err = w.file.Seek(0, io.SeekCurrent); err != nil {
		return w.fail(err)
	}
	return nil
}

// Finish ends the samples, writes m as the manifest and gives the folder its final name, which it returns. It is also
// the way to save a run that was interrupted: m.Complete says which it is. After a failure to write, what the last Sync
// brought to the disk is saved, in the room that was kept for it, and the manifest says so; the failure is returned with
// the folder. Only when that fails, too, what was written stays under the temporary name.
func (w *Writer) Finish(m Manifest) (dir string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(w.err, errFinished) {
		return w.dir, w.err
	}
	release(w.dir)
	if w.err == nil {
		_ = w.sync() // w.err has it
	}
	failure := w.err
	if failure != nil {
		m.Complete, m.Reason = false, failure.Error()
		if err := w.file.Truncate(w.synced); err != nil {
			return w.dir, failure
		}
	}
	for _, step := range []func() error{
		w.file.Sync, w.file.Close,
		func() error { return writeManifest(w.dir, m) }, func() error { return os.Rename(w.dir, w.final) },
	} {
		if err := step(); err != nil {
			return w.dir, w.fail(err)
		}
	}
	syncFolder(filepath.Dir(w.final))
	w.dir, w.err = w.final, errFinished
	return w.dir, failure
}

// Discard removes a folder that is not worth keeping, because nothing was measured. After Finish it does nothing.
func (w *Writer) Discard() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(w.err, errFinished) {
		return nil
	}
	w.err = errFinished
	w.file.Close() // its content goes anyway
	return os.RemoveAll(w.dir)
}

func (w *Writer) fail(err error) error {
	w.err = fmt.Errorf("the run folder cannot be written any more: %w", pathless(err))
	return w.err
}

func writeManifest(dir string, m Manifest) error {
	m.Schema = Schema
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	return ReplaceFile(filepath.Join(dir, ManifestFile), append(data, '\n'))
}
