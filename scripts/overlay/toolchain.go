package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A toolchain is the Go installation that the overlay is made for. The fields
// are named as "go env -json" names them.
type toolchain struct {
	GOROOT       string
	GOVERSION    string
	GOMODCACHE   string
	GOFLAGS      string // with what "go env -w" set
	GOHOSTOS     string
	GOHOSTARCH   string
	GOFIPS140    string
	GOEXPERIMENT string
}

// findToolchain asks the go command which toolchain this folder builds with:
// the one in PATH or, by go.mod and GOTOOLCHAIN, another that it downloaded.
// A goroot that is not empty is used instead.
func findToolchain(goroot string) (toolchain, error) {
	cmd := exec.Command("go", "env", "-json")
	if goroot != "" {
		root, err := filepath.Abs(goroot)
		if err != nil {
			return toolchain{}, err
		}
		cmd = toolchain{GOROOT: root}.command(root, "env", "-json")
	}
	out, err := cmd.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(failed.Stderr))
		}
		return toolchain{}, fmt.Errorf("ask go for its settings: %w", err)
	}
	var tc toolchain
	if err := json.Unmarshal(out, &tc); err != nil {
		return toolchain{}, fmt.Errorf("parse go env -json: %w", err)
	}
	if tc.GOROOT == "" {
		return toolchain{}, errors.New("go env names no GOROOT: set it, or use -goroot")
	}
	return tc, nil
}

// downloaded reports whether the go command refuses to overlay this toolchain:
// it lies beneath GOMODCACHE, by the path as it is written.
func (tc toolchain) downloaded() bool {
	cache := filepath.Clean(tc.GOMODCACHE)
	return tc.GOMODCACHE != "" && strings.HasPrefix(filepath.Clean(tc.GOROOT), cache+string(filepath.Separator))
}

// command runs the toolchain's go under the path root. An overlay fits one
// toolchain only, so the go command is kept from switching to another, here
// and in what it starts.
func (tc toolchain) command(root string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(root, "bin", "go"), args...)
	cmd.Env = append(os.Environ(), pinned(root)...)
	return cmd
}

// pinned is the environment that makes root the toolchain of every go command.
func pinned(root string) []string {
	bin := filepath.Join(root, "bin")
	path := filepath.SplitList(os.Getenv("PATH"))
	if len(path) == 0 || path[0] != bin {
		path = append([]string{bin}, path...)
	}
	return []string{
		"GOROOT=" + root,
		"GOTOOLCHAIN=local",
		"PATH=" + strings.Join(path, string(filepath.ListSeparator)),
	}
}

// linkScratch makes link a symbolic link to the toolchain and replaces one to
// another toolchain. The go command compares paths as they are written, so one
// link at the top is enough for it to take an overlay.
func (tc toolchain) linkScratch(link string) error {
	if target, err := os.Readlink(link); err == nil && target == tc.GOROOT {
		return nil
	}
	// A rename, so that two builds side by side never see the link missing.
	fresh := fmt.Sprintf("%s.%d", link, os.Getpid())
	if err := os.Symlink(tc.GOROOT, fresh); err != nil {
		return fmt.Errorf("make a scratch GOROOT, which a toolchain in the module cache needs: %w", err)
	}
	if err := os.Rename(fresh, link); err != nil {
		os.Remove(fresh)
		return fmt.Errorf("make a scratch GOROOT: %w", err)
	}
	return nil
}
