package results

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
)

// A Run is a run folder opened for reading.
type Run struct {
	Dir      string
	Manifest Manifest
}

// A FileError is what is wrong with a file of a run folder, and where.
type FileError struct {
	File string
	Line int // counted from 1, in the decompressed text
	Err  error
}

func (e *FileError) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }
func (e *FileError) Unwrap() error { return e.Err }

// Open reads the manifest of a run folder, finished or not. It fails when that is no run folder, when a file is
// missing, and when the schema is not Schema; content that is wrong gives a *FileError.
func Open(dir string) (*Run, error) {
	path := filepath.Join(dir, ManifestFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not a run folder: it has no %s", dir, ManifestFile)
	}
	if err != nil {
		return nil, fmt.Errorf("read run: %w", err)
	}
	m, err := parseManifest(data, path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, SamplesFile)); err != nil {
		return nil, fmt.Errorf("run folder %s is not whole: %w", dir, err)
	}
	return &Run{Dir: dir, Manifest: m}, nil
}

// Load reads a run folder into memory. Samples and trials are in the order in which they were written. A folder that is
// damaged gives an error and nothing else; Run.Records gives what can still be read of one.
func Load(dir string) (Manifest, []Sample, []Trial, error) {
	run, err := Open(dir)
	if err != nil {
		return Manifest{}, nil, nil, err
	}
	var samples []Sample
	var trials []Trial
	for r, err := range run.Records() {
		switch {
		case err != nil:
			return Manifest{}, nil, nil, err
		case r.Sample != nil:
			samples = append(samples, *r.Sample)
		default:
			trials = append(trials, *r.Trial)
		}
	}
	return run.Manifest, samples, trials, nil
}

// Records yields the records one after the other. An error is the last thing it yields, a *FileError when the content is
// to blame; every record before it is good. Indices of arms are within the manifest's.
func (r *Run) Records() iter.Seq2[Record, error] {
	path := filepath.Join(r.Dir, SamplesFile)
	return func(yield func(Record, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Record{}, fmt.Errorf("read run: %w", err))
			return
		}
		defer f.Close()
		records(f, path, len(r.Manifest.Arms))(yield)
	}
}

// records reads a compressed stream.
func records(r io.Reader, file string, arms int) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		z, err := gzip.NewReader(r)
		if err != nil {
			yield(Record{}, &FileError{file, 1, streamError(err)})
			return
		}
		lines(z, file, arms)(yield)
	}
}

// maxLine is the longest line that is read, bytes. The longest that is written is a trial with every metric there is,
// a few kB, or a failure with a long text.
const maxLine = 1 << 20

// lines reads the decompressed text, a record a line.
func lines(r io.Reader, file string, arms int) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		text := bufio.NewReaderSize(r, maxLine)
		for number := 1; ; number++ {
			line, err := text.ReadSlice('\n')
			if err == io.EOF && len(line) == 0 {
				return
			}
			var record Record
			if err == nil {
				record, err = parseRecord(line, arms)
			} else {
				err = streamError(err)
			}
			if err != nil {
				yield(Record{}, &FileError{file, number, err})
				return
			}
			if !yield(record, nil) {
				return
			}
		}
	}
}

// streamError says what a failure to read means for a run folder.
func streamError(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("truncated: the file ends in the middle (was the run killed?)")
	case errors.Is(err, bufio.ErrBufferFull):
		return fmt.Errorf("line longer than %d bytes", maxLine)
	case errors.Is(err, gzip.ErrHeader):
		return errors.New("not a gzip file")
	}
	return fmt.Errorf("damaged: %w", err)
}

func parseRecord(line []byte, arms int) (Record, error) {
	var r Record
	if err := json.Unmarshal(line, &r); err != nil {
		return Record{}, fmt.Errorf("not a record: %w", err)
	}
	var arm, block int
	switch {
	case (r.Sample == nil) == (r.Trial == nil):
		return Record{}, errors.New("not a record: exactly one of sample and trial must be there")
	case r.Sample != nil:
		arm, block = r.Sample.Arm, r.Sample.Block
	default:
		arm, block = r.Trial.Arm, r.Trial.Block
	}
	if arm < 0 || arm >= arms {
		return Record{}, fmt.Errorf("arm %d is not one of the manifest's %d", arm, arms)
	}
	if block < 0 {
		return Record{}, fmt.Errorf("block %d is negative", block)
	}
	return r, nil
}

// parseManifest reads a manifest and checks what indexes into it.
func parseManifest(data []byte, file string) (Manifest, error) {
	// The version first: another version's fields may have other types.
	var version struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return Manifest{}, jsonError(data, file, err)
	}
	if version.Schema != Schema {
		return Manifest{}, &FileError{file, lineOf(data, bytes.Index(data, []byte(`"schema"`))),
			fmt.Errorf("schema version %d is unknown: this pqbench reads version %d", version.Schema, Schema)}
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return Manifest{}, jsonError(data, file, err)
	}
	for i, p := range m.Pairs {
		if min(p.Arm, p.Base) < 0 || max(p.Arm, p.Base) >= len(m.Arms) {
			return Manifest{}, &FileError{file, lineOf(data, bytes.Index(data, []byte(`"pairs"`))),
				fmt.Errorf("pair %d compares arms %d and %d of %d", i, p.Arm, p.Base, len(m.Arms))}
		}
	}
	return m, nil
}

// jsonError is a failure to parse a whole file, with its line.
func jsonError(data []byte, file string, err error) error {
	offset := len(data)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = int(syntax.Offset)
	case errors.As(err, &kind):
		offset = int(kind.Offset)
	}
	if syntax != nil && syntax.Error() == "unexpected end of JSON input" {
		err = fmt.Errorf("truncated: %w", err)
	}
	return &FileError{file, lineOf(data, offset), err}
}

// lineOf is the line, counted from 1, that the offset lies in.
func lineOf(data []byte, offset int) int {
	return 1 + bytes.Count(data[:min(max(offset, 0), len(data))], []byte{'\n'})
}
