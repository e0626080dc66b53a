package main

import (
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// installed returns the toolchain that runs the tests, away from the project
// and from settings meant for it.
func installed(t *testing.T) toolchain {
	t.Helper()
	t.Setenv("GOFLAGS", "")
	t.Chdir(t.TempDir())
	tc, err := findToolchain("")
	require.NoError(t, err)
	return tc
}

// linkTree makes dir look like the toolchain, by links below its top.
func linkTree(t *testing.T, tc toolchain, dir string) toolchain {
	t.Helper()
	entries, err := os.ReadDir(tc.GOROOT)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dir, 0o777))
	for _, entry := range entries {
		require.NoError(t, os.Symlink(filepath.Join(tc.GOROOT, entry.Name()), filepath.Join(dir, entry.Name())))
	}
	tc.GOROOT = dir
	return tc
}

// snapshot maps the files below dir to content and time of change.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(name)
		files[name] = info.ModTime().Format(time.RFC3339Nano) + "\n" + string(content)
		return err
	}))
	return files
}

func TestHookIsFormatted(t *testing.T) {
	for _, source := range []string{hookSource, glueGo126, glueGo127} {
		got, err := format.Source([]byte(source))
		require.NoError(t, err)
		assert.Equal(t, source, string(got))
	}
}

// fitting is the layout of the installed Go.
func fitting(t *testing.T, tc toolchain) layout {
	t.Helper()
	for _, l := range layouts {
		if plan(tc, t.TempDir()).generate(hookSource, l) == nil {
			return l
		}
	}
	t.Fatalf("no layout for %s", tc.GOVERSION)
	return layout{}
}

// sourcesOnly makes a GOROOT of the two files that are patched.
func sourcesOnly(t *testing.T, tc toolchain) (copied toolchain, tls string) {
	t.Helper()
	original := filepath.Join(tc.GOROOT, "src", "crypto", "tls")
	tc.GOROOT = t.TempDir()
	tls = filepath.Join(tc.GOROOT, "src", "crypto", "tls")
	require.NoError(t, os.MkdirAll(tls, 0o777))
	for _, name := range editedFiles(lookups()) {
		require.NoError(t, os.Symlink(filepath.Join(original, name), filepath.Join(tls, name)))
	}
	return tc, tls
}

// TestPrepare makes the overlay for the Go that runs the test. This is the
// self-test with a Go version nobody has tried before, too.
func TestPrepare(t *testing.T) {
	tc := linkTree(t, installed(t), filepath.Join(t.TempDir(), "my go"))
	dir := filepath.Join(t.TempDir(), "my overlay")
	require.NoError(t, plan(tc, dir).prepare())
	first := snapshot(t, dir)
	assert.Len(t, first, 7, "go.mod, overlay.json, tested, four files of crypto/tls")

	t.Run("again, nothing is written or tested", func(t *testing.T) {
		require.NoError(t, os.Rename(filepath.Join(tc.GOROOT, "bin"), filepath.Join(tc.GOROOT, "no bin")))
		defer os.Rename(filepath.Join(tc.GOROOT, "no bin"), filepath.Join(tc.GOROOT, "bin"))
		require.NoError(t, plan(tc, dir).prepare())
		assert.Equal(t, first, snapshot(t, dir))

		other := tc
		other.GOVERSION = "go1.99"
		assert.ErrorContains(t, plan(other, dir).prepare(), "self-test with go1.99: does not build",
			"another version must be tested again")
	})
	t.Run("a damaged file is mended", func(t *testing.T) {
		name := filepath.Join(dir, "overlay.json")
		want, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(name, nil, 0o666))
		require.NoError(t, plan(tc, dir).prepare())
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got))
	})
}

// TestKeyCoversSources: the self-test is done again when crypto/tls changes in
// a file that is not patched, as it does in a Go that is built from source.
func TestKeyCoversSources(t *testing.T) {
	tc, tls := sourcesOnly(t, installed(t))
	key := func() string {
		ov := plan(tc, t.TempDir())
		ov.dir = "/out" // the same each time
		require.NoError(t, ov.generateAny())
		return ov.key
	}
	before := key()
	assert.Equal(t, before, key())
	require.NoError(t, os.WriteFile(filepath.Join(tls, "conn.go"), []byte("package tls\n"), 0o666))
	assert.NotEqual(t, before, key())
}

func TestGenerateRefuses(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no sources", nil, "some distributions ship Go's sources as a package of their own"},
		{"anchor gone", map[string]string{"key_schedule.go": "package tls\n"},
			"crypto/tls of go1.99 is not as expected: unlike go1.27: anchor func keyExchangeForCurveID in key_schedule.go: missing; unlike go1.26: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tc := toolchain{GOROOT: t.TempDir(), GOVERSION: "go1.99"}
			for name, content := range tt.files {
				dir := filepath.Join(tc.GOROOT, "src", "crypto", "tls")
				require.NoError(t, os.MkdirAll(dir, 0o777))
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666))
			}
			ov := plan(tc, filepath.Join(t.TempDir(), "out"))
			assert.ErrorContains(t, ov.prepare(), tt.want)
			assert.NoDirExists(t, ov.dir, "nothing to write")
		})
	}
}

func TestGenerateRefusesPatchedGo(t *testing.T) {
	tc, tls := sourcesOnly(t, installed(t))
	require.NoError(t, os.WriteFile(filepath.Join(tls, "pqbench.go"), []byte("package tls\n"), 0o666))
	assert.ErrorContains(t, plan(tc, t.TempDir()).prepare(), "has a pqbench.go already")
}

// TestSelfTestFails breaks the hook, one promise at a time, and expects the
// self-test to name it. What it says of an unknown Go is worth no more than this.
func TestSelfTestFails(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles crypto/tls for each case")
	}
	tests := []struct {
		name     string
		without  string // edit left out
		old, new string // change of the hook
		want     string
		only     string // layout, where the others do not depend on what is broken
	}{
		{name: "not asked for key exchanges", without: "keyExchangeForCurveID", want: "negotiation: "},
		{name: "in TLS 1.2", without: "isTLS13OnlyKeyExchange", want: "offered only where named: TLS 1.2: "},
		{name: "no hybrid to the server", without: "isPQKeyExchange", want: "HelloRetryRequest: "},
		{name: "never offered", without: "curvePreferences", want: "negotiation: "},
		{name: "offered by default", old: "if slices.Contains(c.CurvePreferences, id) {", new: "if true {",
			want: "offered only where named: offered by default", only: "go1.26"},
		{name: "replaced group twice in the list", old: "range table.private", new: "range table.ids",
			want: "sizes and fallback share: group 0x11ec"},
		{name: "built-in groups first", old: "append(named, builtin...)", new: "append(builtin, named...)",
			want: "sizes and fallback share: group 0xfe77"},
		{name: "replacement not used", old: "return table.kex[id]",
			new:  "if id == X25519MLKEM768 { return nil }\n return table.kex[id]",
			want: "order in the share: group 0x11ec did not use the registered KEM"},
		{name: "does not compile", old: "builtin.ecdh.id", new: "builtin.ecdhe.id", want: "does not build: "},
	}
	tc := installed(t)
	whole := fitting(t, tc)
	dir := t.TempDir()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.only != "" && tt.only != whole.name {
				t.Skipf("%s asks elsewhere", whole.name)
			}
			require.True(t, tt.old == "" || strings.Contains(hookSource, tt.old), "the hook has no %q", tt.old)
			broken := whole
			broken.edits = slices.DeleteFunc(slices.Clone(whole.edits), func(e edit) bool { return e.name == tt.without })
			ov := plan(tc, dir)
			require.NoError(t, ov.generate(strings.ReplaceAll(hookSource, tt.old, tt.new), broken))
			require.NoError(t, ov.write())
			assert.ErrorContains(t, ov.selfTest(), tt.want)
		})
	}
}

func TestLinkScratch(t *testing.T) {
	link := filepath.Join(t.TempDir(), "goroot")
	for _, root := range []string{"/first", "/second", "/second"} {
		require.NoError(t, toolchain{GOROOT: root}.linkScratch(link))
		got, err := os.Readlink(link)
		require.NoError(t, err)
		assert.Equal(t, root, got)
	}
	assert.Error(t, toolchain{GOROOT: "/x"}.linkScratch(filepath.Join(t.TempDir(), "no", "goroot")))
}

func TestDownloaded(t *testing.T) {
	tests := []struct {
		root, cache string
		want        bool
	}{
		{"/go/mod/golang.org/toolchain@v0.0.1-go1.26.8.linux-amd64", "/go/mod", true},
		{"/go/mod/golang.org/toolchain@v0.0.1-go1.26.8.linux-amd64", "/go/mod/", true},
		{"/go/mod2/golang.org", "/go/mod", false},
		{"/usr/local/go", "/go/mod", false},
		{"/usr/local/go", "", false},
	}
	for _, tt := range tests {
		tc := toolchain{GOROOT: filepath.FromSlash(tt.root), GOMODCACHE: filepath.FromSlash(tt.cache)}
		assert.Equal(t, tt.want, tc.downloaded(), "%+v", tt)
	}
}

// goModule writes a small module that uses the hook when the tag is set.
func goModule(t *testing.T, dir string) {
	t.Helper()
	for name, content := range map[string]string{
		"go.mod":       "module prog\n\ngo 1.26\n",
		"main.go":      "package main\n\nfunc main() { println(hook()) }\n",
		"on.go":        "//go:build pqbench_overlay\n\npackage main\n\nimport \"crypto/tls\"\n\nfunc hook() int { return len(tls.PQBenchRegistered()) }\n",
		"off.go":       "//go:build !pqbench_overlay\n\npackage main\n\nfunc hook() int { return -1 }\n",
		"main_test.go": "package main\n\nimport \"testing\"\n\nfunc TestHook(t *testing.T) {\n\tif hook() != 0 {\n\t\tt.Fatal(hook())\n\t}\n}\n",
	} {
		require.NoError(t, os.MkdirAll(dir, 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666))
	}
}

// TestDownloadedToolchain builds with a Go that lies in the module cache, in
// the ways that the project builds.
func TestDownloadedToolchain(t *testing.T) {
	tc := installed(t)
	cache := filepath.Join(t.TempDir(), "mod cache")
	root := filepath.Join(cache, "golang.org", "toolchain@v0.0.1-"+tc.GOVERSION)
	linkTree(t, tc, root)
	require.NoError(t, os.Chmod(root, 0o555))
	t.Cleanup(func() { os.Chmod(root, 0o777) })
	t.Setenv("GOMODCACHE", cache)
	work := filepath.Join(t.TempDir(), "my work")
	goModule(t, work)
	t.Chdir(work)

	t.Run("go refuses it without the scratch GOROOT", func(t *testing.T) {
		tc, err := findToolchain(root)
		require.NoError(t, err)
		ov := plan(tc, t.TempDir())
		ov.root = tc.GOROOT
		assert.ErrorContains(t, ov.prepare(), "must not be replaced")
	})
	for _, command := range []string{
		"build -o prog.exe .",
		"build -trimpath -o prog.exe .",
		"vet ./...",
		"test -race -cover ./...",
	} {
		t.Run(command, func(t *testing.T) {
			var stdout, stderr strings.Builder
			args := append([]string{"-goroot", root, "-o", "build/overlay", "exec", "--"}, strings.Fields(command)...)
			require.NoError(t, run(nil, &stdout, &stderr, args), stderr.String())
			assert.Empty(t, stderr.String(), "a warning means the overlay was not used")
			if !strings.HasPrefix(command, "build") {
				return
			}
			out, err := exec.Command("./prog.exe").CombinedOutput()
			require.NoError(t, err)
			assert.Equal(t, "0\n", string(out))
		})
	}
}
