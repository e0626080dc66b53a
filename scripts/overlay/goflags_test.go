package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSplitGOFLAGS(t *testing.T) {
	tests := []struct {
		in   string
		want []string
		err  string
	}{
		{in: "", want: nil},
		{in: " -v\t-race\n", want: []string{"-v", "-race"}},
		{in: `'-tags=a b' "-ldflags=-X 'a=b'"`, want: []string{"-tags=a b", "-ldflags=-X 'a=b'"}},
		{in: `-ldflags='x`, want: []string{"-ldflags='x"}}, // a quote inside a field is no quote
		{in: `'-tags=a`, err: "unterminated ' string"},
	}
	for _, tt := range tests {
		got, err := splitGOFLAGS(tt.in)
		if tt.err != "" {
			assert.ErrorContains(t, err, tt.err, "%q", tt.in)
			continue
		}
		require.NoError(t, err, "%q", tt.in)
		assert.Equal(t, tt.want, got, "%q", tt.in)
	}
}

func TestJoinGOFLAGSRefuses(t *testing.T) {
	_, err := joinGOFLAGS([]string{`-overlay=/it's "mine" /overlay.json`})
	assert.ErrorContains(t, err, "choose another -o")
}

// FuzzGOFLAGS: what was split and joined splits to the same again.
func FuzzGOFLAGS(f *testing.F) {
	f.Add(`-v '-tags=a b' "-ldflags=-X 'a=b'"`)
	f.Add(`'' -x`)
	f.Add(`-a'b "c`)
	f.Fuzz(func(t *testing.T, in string) {
		flags, err := splitGOFLAGS(in)
		// The go command takes nothing but flags here.
		if err != nil || slices.ContainsFunc(flags, func(s string) bool { return !strings.HasPrefix(s, "-") }) {
			return
		}
		joined, err := joinGOFLAGS(flags)
		if err != nil {
			return
		}
		again, err := splitGOFLAGS(joined)
		if err != nil || !slices.Equal(again, flags) {
			t.Errorf("%q split to %q, joined to %q, split to %q, %v", in, flags, joined, again, err)
		}
	})
}

func TestBuildFlags(t *testing.T) {
	const file = "/my work/overlay.json"
	tests := []struct {
		name  string
		flags []string
		with  []string
		plain []string
	}{
		{"none", nil, []string{"-tags=pqbench_overlay", "-overlay=" + file}, nil},
		{"kept", []string{"-mod=mod", "-race"},
			[]string{"-mod=mod", "-race", "-tags=pqbench_overlay", "-overlay=" + file}, []string{"-mod=mod", "-race"}},
		{"tags merged", []string{"-tags=netgo,osusergo", "-v"},
			[]string{"-v", "-tags=netgo,osusergo,pqbench_overlay", "-overlay=" + file}, []string{"-v", "-tags=netgo,osusergo"}},
		{"old tags list, two dashes", []string{"--tags='a b'"},
			[]string{"-tags=a,b,pqbench_overlay", "-overlay=" + file}, []string{"-tags=a,b"}},
		{"the last of two -tags wins", []string{"-tags=a", "-tags=b"},
			[]string{"-tags=b,pqbench_overlay", "-overlay=" + file}, []string{"-tags=b"}},
		{"inside itself", []string{"-tags=pqbench_overlay", "-overlay=" + file},
			[]string{"-tags=pqbench_overlay", "-overlay=" + file}, nil},
		{"names that begin alike", []string{"-tagsx=a", "-overlayed"},
			[]string{"-tagsx=a", "-overlayed", "-tags=pqbench_overlay", "-overlay=" + file}, []string{"-tagsx=a", "-overlayed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := buildFlags(tt.flags, file, true)
			require.NoError(t, err)
			assert.Equal(t, tt.with, got)
			got, err = buildFlags(tt.flags, file, false)
			require.NoError(t, err)
			assert.Equal(t, tt.plain, got, "without the overlay")
		})
	}
}

func TestBuildFlagsRefusesForeignOverlay(t *testing.T) {
	for _, with := range []bool{true, false} {
		_, err := buildFlags([]string{"--overlay=/theirs.json"}, "/ours.json", with)
		assert.ErrorContains(t, err, "GOFLAGS already holds -overlay=/theirs.json")
		assert.ErrorAs(t, err, new(usageError))
	}
}

func TestCommandArgs(t *testing.T) {
	tests := []struct{ in, with, without string }{
		{"build -o x ./cmd", "build -o x ./cmd", "build -o x ./cmd"},
		{"build -tags a,b .", "build -tags a,b,pqbench_overlay .", "build -tags a,b ."},
		{"test ./... --tags=a", "test ./... -tags=a,pqbench_overlay", "test ./... -tags=a"},
		{"vet -tags=pqbench_overlay,a .", "vet -tags=a,pqbench_overlay .", "vet -tags=a ."},
		{"test . -args -tags a", "test . -args -tags a", "test . -args -tags a"},
		{"run -race ./prog -tags a", "run -race ./prog -tags a", "run -race ./prog -tags a"},
		{"run -exec env -tags a ./prog -tags b", "run -exec env -tags a,pqbench_overlay ./prog -tags b", "run -exec env -tags a ./prog -tags b"},
		{"run -exec=env ./prog -overlay=x", "run -exec=env ./prog -overlay=x", "run -exec=env ./prog -overlay=x"},
		{"build -tags", "build -tags", "build -tags"}, // go itself says what is wrong
		{"version", "version", "version"},
	}
	for _, tt := range tests {
		for with, want := range map[bool]string{true: tt.with, false: tt.without} {
			got, err := commandArgs(strings.Fields(tt.in), with)
			require.NoError(t, err, tt.in)
			assert.Equal(t, want, strings.Join(got, " "))
		}
	}
	for _, in := range []string{"build -overlay=x .", "run --overlay x ./prog"} {
		_, err := commandArgs(strings.Fields(in), true)
		assert.ErrorContains(t, err, "the command already holds -overlay", in)
	}
}
