package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// An overlay is what the go command needs to build with the hook, for one
// toolchain and one output folder.
type overlay struct {
	tc   toolchain
	dir  string // absolute
	root string // GOROOT to build with: the toolchain's own or a link to it

	files map[string][]byte // to write, by path below dir
	key   string            // identifies everything the self-test depends on
}

// plan names the folders, without touching them.
func plan(tc toolchain, dir string) *overlay {
	ov := &overlay{tc: tc, dir: dir, root: tc.GOROOT}
	if tc.downloaded() {
		ov.root = filepath.Join(dir, "goroot")
	}
	return ov
}

// file is the value for -overlay.
func (ov *overlay) file() string { return filepath.Join(ov.dir, "overlay.json") }

// prepare generates the overlay and tests it. Generating is quick and always
// done afresh, and what is written already is not written again, so that the
// build cache and file times hold. Only the test is remembered.
func (ov *overlay) prepare() error {
	if err := ov.generateAny(); err != nil {
		return err
	}
	if err := ov.write(); err != nil {
		return fmt.Errorf("write the overlay (-o names another folder): %w", err)
	}
	stamp := filepath.Join(ov.dir, "tested")
	if done, err := os.ReadFile(stamp); err == nil && string(done) == ov.key {
		return nil
	}
	if err := ov.selfTest(); err != nil {
		return fmt.Errorf("self-test with %s: %w", ov.tc.GOVERSION, err)
	}
	return writeFile(stamp, []byte(ov.key))
}

// generateAny takes the first layout that fits. When none does, the error has
// what each of them misses.
func (ov *overlay) generateAny() error {
	var misfits []string
	for _, l := range layouts {
		err := ov.generate(hookSource, l)
		if err == nil {
			return nil
		}
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w (some distributions ship Go's sources as a package of their own)", err)
		}
		misfits = append(misfits, fmt.Sprintf("unlike %s: %v", l.name, err))
	}
	return fmt.Errorf("crypto/tls of %s is not as expected: %s", ov.tc.GOVERSION, strings.Join(misfits, "; "))
}

// generate patches crypto/tls in memory.
func (ov *overlay) generate(hook string, l layout) error {
	src := filepath.Join(ov.tc.GOROOT, "src", "crypto", "tls")
	if _, err := os.Stat(filepath.Join(src, "pqbench.go")); err == nil {
		return errors.New("has a pqbench.go already: is this GOROOT patched?")
	}
	added := map[string][]byte{"pqbench.go": []byte(hook), "pqbench_layout.go": []byte(l.glue)}
	for _, name := range editedFiles(l.edits) {
		content, err := os.ReadFile(filepath.Join(src, name))
		if err != nil {
			return err
		}
		if added[name], err = applyEdits(name, content, l.edits); err != nil {
			return err
		}
	}
	// A module of its own: "./..." of the project must not find these.
	ov.files = map[string][]byte{"go.mod": []byte("module overlay\n\ngo 1.26\n")}
	replace := map[string]string{}
	for name, content := range added {
		ov.files["tls/"+name] = content
		replace[filepath.Join(ov.root, "src", "crypto", "tls", name)] = filepath.Join(ov.dir, "tls", name)
	}
	list, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return err
	}
	ov.files["overlay.json"] = append(list, '\n')
	ov.key, err = ov.digest(src)
	return err
}

// digest covers the whole of crypto/tls, not only the patched files: a Go built
// from source keeps its version while its files change.
func (ov *overlay) digest(src string) (string, error) {
	h := sha256.New()
	tc := ov.tc
	fmt.Fprintf(h, "%q\n", []string{ov.root, tc.GOROOT, tc.GOVERSION, tc.GOHOSTOS, tc.GOHOSTARCH, tc.GOFIPS140, tc.GOEXPERIMENT})
	for _, name := range slices.Sorted(maps.Keys(ov.files)) {
		fmt.Fprintf(h, "%s %x\n", name, sha256.Sum256(ov.files[name]))
	}
	if err := hashFiles(h, selfTestFiles, "selftest"); err != nil {
		return "", err
	}
	if err := hashFiles(h, os.DirFS(src), "."); err != nil {
		return "", fmt.Errorf("read crypto/tls: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)) + "\n", nil
}

// hashFiles covers the Go files of one folder that are not tests.
func hashFiles(w io.Writer, fsys fs.FS, dir string) error {
	entries, err := fs.ReadDir(fsys, dir)
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		content, err := fs.ReadFile(fsys, path.Join(dir, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s %x\n", name, sha256.Sum256(content))
	}
	return err
}

// write brings the output folder up to date.
func (ov *overlay) write() error {
	if err := os.MkdirAll(filepath.Join(ov.dir, "tls"), 0o777); err != nil {
		return err
	}
	if ov.root != ov.tc.GOROOT {
		if err := ov.tc.linkScratch(ov.root); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ov.files)) {
		if err := writeFile(filepath.Join(ov.dir, filepath.FromSlash(name)), ov.files[name]); err != nil {
			return err
		}
	}
	return nil
}

// writeFile leaves a file alone that has the content already, and otherwise
// replaces it in one step, since two builds may run side by side.
func writeFile(name string, content []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, content) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
