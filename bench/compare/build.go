package compare

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"pqbench/bench/role"
)

// A Toolchain is what a program is built with. The zero value is the go command in PATH and the modules of go.mod.
type Toolchain struct {
	// GOROOT is a Go installation; empty for that of the go command in PATH.
	GOROOT string
	// Replace is modules and the folders that stand in for them.
	Replace map[string]string
}

func (t Toolchain) changed() bool { return t.GOROOT != "" || len(t.Replace) > 0 }

// String says what is changed.
func (t Toolchain) String() string {
	var parts []string
	for _, module := range slices.Sorted(maps.Keys(t.Replace)) {
		parts = append(parts, module+"="+t.Replace[module])
	}
	if t.GOROOT != "" {
		parts = append(parts, "go="+t.GOROOT)
	}
	return strings.Join(parts, ", ")
}

// absolute is the toolchain with folders that mean the same wherever a build runs.
func (t Toolchain) absolute() (_ Toolchain, err error) {
	if t.GOROOT != "" {
		if t.GOROOT, err = filepath.Abs(t.GOROOT); err != nil {
			return t, err
		}
	}
	replace := map[string]string{}
	for module, dir := range t.Replace {
		if replace[module], err = filepath.Abs(dir); err != nil {
			return t, err
		}
	}
	t.Replace = replace
	return t, nil
}

// check refuses what cannot be built with, before anything is.
func (t Toolchain) check() error {
	if t.GOROOT != "" {
		if _, err := os.Stat(t.goCommand()); err != nil {
			return fmt.Errorf("--go %s: there is no bin/go in it", t.GOROOT)
		}
	}
	for module, dir := range t.Replace {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
			return fmt.Errorf("--replace %s=%s: the folder has no go.mod", module, dir)
		}
	}
	return nil
}

func (t Toolchain) goCommand() string {
	if t.GOROOT == "" {
		return "go"
	}
	return filepath.Join(t.GOROOT, "bin", "go")
}

// environ is that of the process, with the toolchain in front.
func (t Toolchain) environ() []string {
	env := os.Environ()
	if t.GOROOT == "" {
		return env
	}
	path := filepath.Join(t.GOROOT, "bin") + string(filepath.ListSeparator) + os.Getenv("PATH")
	return append(env, "GOROOT="+t.GOROOT, "GOTOOLCHAIN=local", "PATH="+path)
}

// A Builder makes programs of operands.
type Builder struct {
	// Cache is the folder that programs are kept in, and sources while they are built; each commit and toolchain has one
	// of its own there.
	Cache string
	// Progress hears what is being built; nil for nobody.
	Progress func(string)
}

// Program is an operand that can be run. A working tree is built where it is, but for what the build leaves behind.
func (b Builder) Program(ctx context.Context, o Operand, t Toolchain) (role.Program, error) {
	if o.Program != "" {
		if t.changed() {
			return role.Program{}, fmt.Errorf("%s is a binary: --replace and --go need something that can be built", o.Name)
		}
		return role.Program{Path: o.Program}, nil
	}
	err := t.check()
	if err == nil {
		t, err = t.absolute()
	}
	if err != nil {
		return role.Program{}, err
	}
	dir, err := b.scratch(ctx, o, t)
	if err != nil {
		return role.Program{}, err
	}
	binary := filepath.Join(dir, "pqbench")
	if _, err := os.Stat(binary); err == nil && !o.Tree && !t.changed() {
		return role.Program{Path: binary}, nil // a commit does not change; what is replaced may
	}
	if b.Progress != nil {
		b.Progress(fmt.Sprintf("building %s", o))
	}
	source, err := b.source(ctx, o, dir)
	if err != nil {
		return role.Program{}, fmt.Errorf("building %s: %w", o, err)
	}
	if err := build(ctx, o, t, source, dir, binary); err != nil {
		return role.Program{}, fmt.Errorf("building %s: %w", o, err)
	}
	if !o.Tree {
		err = os.RemoveAll(source) // the program is what is kept
	}
	return role.Program{Path: binary}, err
}

// scratch is the folder of an operand's build. Equal builds share it.
func (b Builder) scratch(ctx context.Context, o Operand, t Toolchain) (string, error) {
	cache, err := filepath.Abs(b.Cache)
	if err != nil {
		return "", err
	}
	of := t.String()
	if o.Tree {
		top, err := git(ctx, "rev-parse", "--show-toplevel")
		if err != nil {
			return "", err
		}
		of += "\n" + top
	}
	version, settings, err := goSettings(ctx, t)
	if err != nil {
		return "", err
	}
	name := "worktree"
	if !o.Tree {
		name = fmt.Sprintf("%.12s", o.Revision)
	}
	dir := filepath.Join(cache, fmt.Sprintf("%s-%s-%.12s", name, version, digest([]byte(of+"\n"+settings))))
	return dir, os.MkdirAll(dir, 0o755)
}

// builtWith are the settings of the go command that another program comes of.
var builtWith = []string{
	"GOVERSION", "GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOARM", "GOFLAGS", "GOEXPERIMENT", "GOFIPS140", "CGO_ENABLED", "CC", "CGO_CFLAGS", "CGO_LDFLAGS",
}

// goSettings are the version of a toolchain, fit for the name of a folder, and all that it builds with.
func goSettings(ctx context.Context, t Toolchain) (version, settings string, err error) {
	cmd := exec.CommandContext(ctx, t.goCommand(), append([]string{"env"}, builtWith...)...)
	cmd.Env = t.environ()
	out, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("ask %s for its version: %w", t.goCommand(), err)
	}
	version, _, _ = strings.Cut(string(out), "\n")
	return strings.ReplaceAll(strings.TrimSpace(version), " ", "-"), string(out), nil
}

// source is the folder with the operand's source: the repository's own for a working tree, else one that is taken from git.
func (b Builder) source(ctx context.Context, o Operand, dir string) (string, error) {
	if o.Tree {
		return git(ctx, "rev-parse", "--show-toplevel")
	}
	source := filepath.Join(dir, "source")
	if err := os.RemoveAll(source); err != nil {
		return "", err
	}
	top, err := git(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		top = "." // a bare repository
	}
	cmd := exec.CommandContext(ctx, "git", "-C", top, "archive", "--format=tar", o.Revision)
	out, err := cmd.Output()
	if err != nil {
		return "", gitError([]string{"archive"}, err)
	}
	return source, extract(bytes.NewReader(out), source)
}

// extract writes an archive's files below a folder, and nothing outside.
func extract(r io.Reader, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		switch header.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(strings.TrimSuffix(header.Name, "/"), 0o755)
		case tar.TypeReg:
			err = extractFile(root, header, archive)
		}
		if err != nil {
			return err
		}
	}
}

func extractFile(root *os.Root, header *tar.Header, content io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(header.Name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(header.Name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644|os.FileMode(header.Mode)&0o111)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

// build builds a source with its own overlay.
func build(ctx context.Context, o Operand, t Toolchain, source, dir, binary string) error {
	for _, needed := range []string{"scripts/overlay", "bench/cmd/pqbench"} {
		if _, err := os.Stat(filepath.Join(source, needed)); err != nil {
			return fmt.Errorf("it has no %s: is it older than the benchmark?", needed)
		}
	}
	revision := fmt.Sprintf("%.12s", o.Revision)
	if o.Dirty {
		revision += "+dirty"
	}
	args := []string{"run", "./scripts/overlay", "-o", filepath.Join(dir, "overlay")}
	// Without the folder's name in it, a program is the same wherever it is built.
	args = append(args, "exec", "--", "build", "-trimpath", "-ldflags", "-X pqbench/bench.Revision="+revision, "-o", binary+".new")
	if len(t.Replace) > 0 {
		modfile, err := replaced(ctx, t, source, dir)
		if err != nil {
			return err
		}
		// The replacement may need other modules than what it replaces: -mod=mod lets the build add them.
		args = append(args, "-mod=mod", "-modfile="+modfile)
	}
	cmd := exec.CommandContext(ctx, t.goCommand(), append(args, "./bench/cmd/pqbench")...)
	cmd.Dir, cmd.Env = source, t.environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, lastLines(string(out), 15))
	}
	if err := t.used(binary + ".new"); err != nil {
		return err
	}
	return os.Rename(binary+".new", binary)
}

// used refuses a program that a replacement is not in: the go command is silent about one of a module that nothing needs, or
// that is misspelt, and the base would be compared with itself.
func (t Toolchain) used(binary string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read what it was built of: %w", err)
	}
	for _, module := range slices.Sorted(maps.Keys(t.Replace)) {
		if !slices.ContainsFunc(info.Deps, func(m *debug.Module) bool { return m.Path == module && m.Replace != nil }) {
			return fmt.Errorf("--replace %s=%s: no such module is in the program", module, t.Replace[module])
		}
	}
	return nil
}

// replaced makes a go.mod beside the source's that has the replacements.
func replaced(ctx context.Context, t Toolchain, source, dir string) (modfile string, err error) {
	modfile = filepath.Join(dir, "go.mod")
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(source, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
		if err != nil {
			return "", err
		}
	}
	args := []string{"mod", "edit"}
	for module, folder := range t.Replace {
		args = append(args, "-replace="+module+"="+folder)
	}
	cmd := exec.CommandContext(ctx, t.goCommand(), append(args, modfile)...)
	cmd.Dir, cmd.Env = source, t.environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go mod edit: %w\n%s", err, lastLines(string(out), 15))
	}
	return modfile, nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
