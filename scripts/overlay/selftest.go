package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// selfTestFiles is a program that does handshakes through the hook. It needs
// the standard library only.
//
//go:embed selftest/*.go
var selfTestFiles embed.FS

// selfTest builds the program with the overlay and runs it.
func (ov *overlay) selfTest() error {
	dir, err := os.MkdirTemp(ov.dir, "selftest-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := copyFiles(dir, selfTestFiles, "selftest"); err != nil {
		return err
	}
	program := filepath.Join(dir, "selftest.exe")
	build, err := ov.selfTestBuild(dir, program)
	if err != nil {
		return err
	}
	if err := runQuietly(build); err != nil {
		return fmt.Errorf("does not build: %w", err)
	}
	run := exec.Command(program)
	run.Dir = dir
	// GODEBUG can switch off the groups that are compared with.
	run.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "GODEBUG=") })
	return runQuietly(run)
}

// selfTestBuild builds for this host whatever the user cross-compiles for, and
// with our flags alone: the user's may be meant for the project only.
func (ov *overlay) selfTestBuild(dir, program string) (*exec.Cmd, error) {
	flags, err := buildFlags([]string{"-buildvcs=false", "-mod=mod"}, ov.file(), true)
	if err != nil {
		return nil, err
	}
	goflags, err := joinGOFLAGS(flags)
	if err != nil {
		return nil, err
	}
	build := ov.tc.command(ov.root, "build", "-o", program, ".")
	build.Dir = dir
	build.Env = append(build.Env, "GOFLAGS="+goflags, "GOWORK=off", "GO111MODULE=on",
		"GOOS="+ov.tc.GOHOSTOS, "GOARCH="+ov.tc.GOHOSTARCH)
	return build, nil
}

// runQuietly turns the output of a failed command into the error.
func runQuietly(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if errors.As(err, &failed) && len(out) > 0 {
		return fmt.Errorf("%s", firstLines(string(out), 3))
	}
	return err
}

// firstLines keeps a warning short: n lines, less those that only name a package.
func firstLines(text string, n int) string {
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(text), "\n"), func(line string) bool {
		return strings.HasPrefix(line, "# ")
	})
	return strings.Join(lines[:min(n, len(lines))], "; ")
}

func copyFiles(to string, fsys fs.FS, dir string) error {
	from, err := fs.Sub(fsys, dir)
	if err != nil {
		return err
	}
	return os.CopyFS(to, from)
}
