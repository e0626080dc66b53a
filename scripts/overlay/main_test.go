package main

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHelp(t *testing.T) {
	var stdout, stderr strings.Builder
	err := run(nil, &stdout, &stderr, []string{"-h"})
	assert.ErrorIs(t, err, flag.ErrHelp)
	assert.Zero(t, exitStatus(&stderr, err))
	assert.Contains(t, stdout.String(), "exec -- build -o bin/pqbench ./bench/cmd/pqbench")
	assert.Contains(t, stdout.String(), "-goroot DIR")
	assert.Empty(t, stderr.String())
}

func TestMisuse(t *testing.T) {
	installed(t)
	tests := []struct{ args, want string }{
		{"-x", "flag provided but not defined: -x (-h lists the flags)"},
		{"build", `unknown command "build"`},
		{"exec", "exec needs a go command"},
		{"exec -- go", "exec needs a go command"},
		{"exec -- build -overlay=x .", "the command already holds -overlay=x"},
	}
	for _, tt := range tests {
		var stdout, stderr strings.Builder
		err := run(nil, &stdout, &stderr, strings.Fields(tt.args))
		assert.Equal(t, 2, exitStatus(&stderr, err), tt.args)
		assert.Contains(t, stderr.String(), "overlay: "+tt.want)
		assert.Empty(t, stdout.String())
	}
}

func TestUsersOwnOverlay(t *testing.T) {
	installed(t)
	t.Setenv("GOFLAGS", "-overlay=/theirs.json")
	for _, args := range []string{"-json", "exec -- version"} {
		var stdout, stderr strings.Builder
		err := run(nil, &stdout, &stderr, append([]string{"-o", t.TempDir()}, strings.Fields(args)...))
		assert.Equal(t, 2, exitStatus(&stderr, err))
		assert.Contains(t, stderr.String(), "GOFLAGS already holds -overlay=/theirs.json")
		assert.NotContains(t, stderr.String(), "warning", "refused, not built without")
		assert.Empty(t, stdout.String())
	}
}

// TestPrint evaluates what is printed in a shell, with a path that needs quotes.
func TestPrint(t *testing.T) {
	tc := installed(t)
	t.Setenv("GOFLAGS", "-mod=mod -tags=netgo")
	dir := filepath.Join(t.TempDir(), "it's mine")
	want := `-mod=mod -tags=netgo,pqbench_overlay "-overlay=` + filepath.Join(dir, "overlay.json") + `"`

	var lines, asJSON, stderr strings.Builder
	require.NoError(t, run(nil, &lines, &stderr, []string{"-o", dir}))
	out, err := exec.Command("sh", "-c", lines.String()+`printf '%s\n' "$GOFLAGS" "$GOROOT" "$GOTOOLCHAIN"; command -v go`).Output()
	require.NoError(t, err)
	assert.Equal(t, want+"\n"+tc.GOROOT+"\nlocal\n"+filepath.Join(tc.GOROOT, "bin", "go")+"\n", string(out))

	require.NoError(t, run(nil, &asJSON, &stderr, []string{"-o", dir, "-json"}))
	var got struct {
		GoVersion, Overlay string
		Tags, Env          []string
	}
	require.NoError(t, json.Unmarshal([]byte(asJSON.String()), &got))
	assert.Equal(t, tc.GOVERSION, got.GoVersion)
	assert.Equal(t, filepath.Join(dir, "overlay.json"), got.Overlay)
	assert.Equal(t, []string{overlayTag}, got.Tags)
	assert.Contains(t, got.Env, "GOFLAGS="+want)
	assert.Empty(t, stderr.String())
}

// brokenGo is a toolchain whose crypto/tls is not as expected.
func brokenGo(t *testing.T) string {
	t.Helper()
	root := linkTree(t, installed(t), t.TempDir()).GOROOT
	require.NoError(t, os.Remove(filepath.Join(root, "src")))
	tls := filepath.Join(root, "src", "crypto", "tls")
	require.NoError(t, os.MkdirAll(tls, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(tls, "key_schedule.go"), []byte("package tls\n"), 0o666))
	return root
}

// TestFallback: no overlay, so no tag either, wherever it came from, and one
// line that says why.
func TestFallback(t *testing.T) {
	root := brokenGo(t)
	t.Setenv("GOFLAGS", "-mod=mod -tags=pqbench_overlay,netgo")
	var stdout, stderr strings.Builder
	args := []string{"-goroot", root, "-o", t.TempDir(), "exec", "--", "env", "GOFLAGS"}
	require.NoError(t, run(nil, &stdout, &stderr, args))
	assert.Equal(t, "-mod=mod -tags=netgo\n", stdout.String())
	assert.Contains(t, stderr.String(), "overlay: warning: building without the Draft00 groups")
	assert.Contains(t, stderr.String(), "anchor func keyExchangeForCurveID in key_schedule.go: missing")
	assert.Equal(t, 1, strings.Count(stderr.String(), "\n"))
}

// TestNoFallbackWhenPrinting: a script that asked for the overlay gets an error.
func TestNoFallbackWhenPrinting(t *testing.T) {
	var stdout, stderr strings.Builder
	err := run(nil, &stdout, &stderr, []string{"-goroot", brokenGo(t), "-o", t.TempDir()})
	assert.Equal(t, 1, exitStatus(&stderr, err))
	assert.Contains(t, stderr.String(), "keyExchangeForCurveID in key_schedule.go: missing")
	assert.Empty(t, stdout.String())
}

// TestUnwritable: the output folder's name is taken by a file.
func TestUnwritable(t *testing.T) {
	tc := installed(t)
	dir := filepath.Join(t.TempDir(), "taken")
	require.NoError(t, os.WriteFile(dir, nil, 0o666))
	var stdout, stderr strings.Builder
	require.NoError(t, run(nil, &stdout, &stderr, []string{"-o", dir, "exec", "go", "env", "GOVERSION"}))
	assert.Equal(t, tc.GOVERSION+"\n", stdout.String())
	assert.Contains(t, stderr.String(), "write the overlay (-o names another folder)")
}

// TestExitStatus: the go command's own status and words, nothing added.
func TestExitStatus(t *testing.T) {
	installed(t)
	var stdout, stderr strings.Builder
	err := run(nil, &stdout, &stderr, []string{"-o", t.TempDir(), "exec", "--", "no-such-command"})
	spoken := stderr.String()
	assert.Equal(t, 2, exitStatus(&stderr, err))
	assert.Contains(t, spoken, "no-such-command")
	assert.Equal(t, spoken, stderr.String())
	assert.Equal(t, 1, exitStatus(&stderr, errors.New("x")))
}

func TestNoGo(t *testing.T) {
	installed(t)
	_, err := findToolchain(t.TempDir())
	assert.ErrorContains(t, err, "ask go for its settings")
}
