package results

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The files of a run folder that this package writes and reads.
const (
	ManifestFile = "manifest.json"
	SamplesFile  = "samples.jsonl.gz"
)

// A folder that is still being written has the final name between these two.
const (
	partialPrefix = "."
	partialSuffix = ".partial"
)

// folderName is "<UTC time>-<plan>". The time has no colons, which some file systems refuse, and sorts as text.
func folderName(started time.Time, plan string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, plan)
	return started.UTC().Format("20060102T150405Z") + "-" + clean
}

// nth is the name that the n-th run of a second takes: the name itself, then name-2, name-3.
func nth(name string, n int) string {
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, n)
}

// claim makes the temporary folder of the first name that no other run has, finished or not.
func claim(root, name string) (partial, final string, err error) {
	for n := 1; ; n++ {
		final = filepath.Join(root, nth(name, n))
		partial = filepath.Join(root, partialPrefix+nth(name, n)+partialSuffix)
		err := os.Mkdir(partial, 0o755)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", "", err
		}
		// Looked for after the temporary folder was made: whoever held that one before has been renamed by now.
		if _, err := os.Lstat(final); errors.Is(err, fs.ErrNotExist) {
			return partial, final, nil
		}
		if err := os.Remove(partial); err != nil {
			return "", "", err
		}
	}
}

// Room for the manifest and the report of a run whose samples have filled the disk, in pieces that a limit on the size of
// files rather lets pass.
const (
	reservePrefix = ".reserve-"
	reservePieces = 16
	reservePiece  = 256 << 10 // bytes
)

// reserve takes the room up in a folder. What it writes has no pattern: a file system may compress.
func reserve(dir string) error {
	piece := make([]byte, reservePiece)
	_, _ = rand.Read(piece) // never fails
	for i := range reservePieces {
		if err := os.WriteFile(filepath.Join(dir, reservePrefix+strconv.Itoa(i)), piece, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// release gives it back.
func release(dir string) {
	for i := range reservePieces {
		_ = os.Remove(filepath.Join(dir, reservePrefix+strconv.Itoa(i))) // what cannot be removed is a matter of room alone
	}
}

// ReplaceFile replaces a file as a whole: a reader sees the old one or the new one, and so does a machine after a crash.
func ReplaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it is renamed, as it should
	_, err = f.Write(data)
	// CreateTemp's files are private; a run folder is for everyone who may read the checkout.
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// syncFolder makes a rename inside the folder survive a crash, where the file system can.
func syncFolder(path string) {
	if f, err := os.Open(path); err == nil {
		_ = f.Sync() // some file systems refuse; the rename stands either way
		f.Close()
	}
}
