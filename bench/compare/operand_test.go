package compare

import (
	"archive/tar"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// repository makes one with a commit and goes there.
func repository(t *testing.T) (commit string) {
	t.Chdir(t.TempDir())
	run := func(args ...string) string {
		out, err := exec.Command("git", args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(bytes.TrimSpace(out))
	}
	run("init", "-q", "-b", "main")
	require.NoError(t, os.WriteFile("file", []byte("text\n"), 0o644))
	run("add", "file")
	run("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "file: it is there")
	run("tag", "v1")
	return run("rev-parse", "HEAD")
}

func TestOperands(t *testing.T) {
	commit := repository(t)
	ctx := t.Context()
	got, err := ParseOperand(ctx, "v1")
	require.NoError(t, err)
	assert.Equal(t, Operand{Name: "v1", Revision: commit}, got)
	assert.Equal(t, "v1 ("+commit[:12]+")", got.String())
	got, err = ParseOperand(ctx, ".")
	require.NoError(t, err)
	assert.Equal(t, Operand{Name: ".", Revision: commit, Tree: true}, got)

	require.NoError(t, os.WriteFile("file", []byte("changed\n"), 0o644))
	got, err = ParseOperand(ctx, "worktree")
	require.NoError(t, err)
	assert.True(t, got.Dirty)
	assert.Contains(t, got.String(), "with changes that are not committed")

	require.NoError(t, os.WriteFile("binary", nil, 0o755))
	got, err = ParseOperand(ctx, "binary")
	require.NoError(t, err)
	assert.True(t, filepath.IsAbs(got.Program))
	require.NoError(t, os.Mkdir("run", 0o755))
	_, err = ParseOperand(ctx, "run")
	require.ErrorContains(t, err, "no run folder: it has no manifest.json")
	require.NoError(t, os.WriteFile("run/manifest.json", nil, 0o644))
	got, err = ParseOperand(ctx, "run")
	require.NoError(t, err)
	assert.Equal(t, "run", got.Run)

	for name, want := range map[string]string{
		"v2":       `"v2" is no binary, no run folder and no git revision`,
		"file":     "file is a file that cannot be executed",
		"--all":    `"--all" is no binary`,
		"v1:file":  "no git revision",
		"v1^{tag}": "no git revision",
	} {
		_, err := ParseOperand(ctx, name)
		assert.ErrorContains(t, err, want, name)
	}
	t.Chdir(t.TempDir())
	_, err = ParseOperand(ctx, "v1")
	assert.ErrorContains(t, err, "there is no git repository here")
	_, err = ParseOperand(ctx, ".")
	assert.ErrorContains(t, err, "and here is none")
}

// A revision without the benchmark says so, and what is taken from git is what the commit holds.
func TestBuildOfSomethingElse(t *testing.T) {
	repository(t)
	require.NoError(t, os.WriteFile("file", []byte("changed\n"), 0o644))
	o, err := ParseOperand(t.Context(), "v1")
	require.NoError(t, err)
	cache := t.TempDir()
	_, err = Builder{Cache: cache}.Program(t.Context(), o, Toolchain{})
	require.ErrorContains(t, err, "building v1")
	require.ErrorContains(t, err, "it has no scripts/overlay: is it older than the benchmark?")
	files, err := filepath.Glob(filepath.Join(cache, "*", "source", "file"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	assert.Equal(t, "text\n", string(text))
}

func TestToolchainsThatCannotBuild(t *testing.T) {
	repository(t)
	o, err := ParseOperand(t.Context(), "v1")
	require.NoError(t, err)
	b := Builder{Cache: t.TempDir()}
	_, err = b.Program(t.Context(), o, Toolchain{GOROOT: "nowhere"})
	assert.ErrorContains(t, err, "--go nowhere: there is no bin/go in it")
	_, err = b.Program(t.Context(), o, Toolchain{Replace: map[string]string{"example.org/m": "."}})
	assert.ErrorContains(t, err, "--replace example.org/m=.: the folder has no go.mod")
	_, err = b.Program(t.Context(), Operand{Name: "b", Program: "/b"}, Toolchain{GOROOT: "nowhere"})
	assert.ErrorContains(t, err, "b is a binary")
}

func TestExtractStaysInside(t *testing.T) {
	archive := func(name string, kind byte) *bytes.Buffer {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: kind, Mode: 0o755, Size: 0, Linkname: "/"}))
		require.NoError(t, w.Close())
		return &b
	}
	dir := t.TempDir()
	inside := filepath.Join(dir, "in")
	require.NoError(t, extract(archive("a/b", tar.TypeReg), inside))
	info, err := os.Stat(filepath.Join(inside, "a", "b"))
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&0o100, "still executable")
	require.Error(t, extract(archive("../out", tar.TypeReg), inside))
	require.NoError(t, extract(archive("link", tar.TypeSymlink), inside), "links are left out")
	assert.NoFileExists(t, filepath.Join(dir, "out"))
	require.Error(t, extract(bytes.NewReader([]byte("no archive at all, but text")), inside))
}
