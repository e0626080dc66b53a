package history

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Open reads the file of a history. One that does not exist is an error: fs.ErrNotExist.
func Open(path string) ([]Line, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("history %s: %w", path, err)
	}
	return lines, nil
}

// ErrThere is a run that the history has already.
var ErrThere = errors.New("the history has this run already")

// Append adds a run's lines to the file, which is made when it is not there, and is read whole before: a damaged one does not grow. The
// lines go in with one write.
func Append(path string, lines []Line) error {
	old, err := Open(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, l := range old {
		for _, more := range lines {
			if l.Run == more.Run {
				return fmt.Errorf("%s: %w: %s", path, ErrThere, l.Run)
			}
		}
	}
	text, err := write(lines)
	if err == nil {
		_, err = Read(bytes.NewReader(text)) // what could not be read would spoil the file
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}
