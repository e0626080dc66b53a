package main

import (
	"bytes"
	"go/parser"
	"go/token"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// testEdits stand for those of a layout, on made-up source.
var testEdits = []edit{
	{file: "a.go", name: "pick", signature: "func(id int) (string, error)", text: " if hooked(id) { return hook(id) };"},
	{file: "a.go", recv: "*box", name: "list", signature: "func() []int", call: "defaults", text: "hookList(c)"},
	{file: "b.go", name: "other", signature: "func()", text: " hook();"},
}

const (
	pickFunc = "func pick(id int) (string, error) {\n\treturn \"\", nil\n}\n"
	listFunc = "func (c *box) list() []int {\n\tall := defaults()\n\treturn all\n}\n"
)

func TestApplyEdits(t *testing.T) {
	src := "package p\n\n" + listFunc + "\n// pick is first in testEdits and last here.\n" + pickFunc
	want := "package p\n\nfunc (c *box) list() []int {\n\tall := hookList(c)\n\treturn all\n}\n" +
		"\n// pick is first in testEdits and last here.\n" +
		"func pick(id int) (string, error) { if hooked(id) { return hook(id) };\n\treturn \"\", nil\n}\n"
	got, err := applyEdits("a.go", []byte(src), testEdits)
	require.NoError(t, err)
	assert.Equal(t, want, string(got))
}

func TestApplyEditsRefuses(t *testing.T) {
	tests := []struct {
		name, src, want string
	}{
		{"function missing", listFunc, "anchor func pick in a.go: missing"},
		{"function twice", pickFunc + pickFunc + listFunc, "anchor func pick in a.go: ambiguous: found 2 times"},
		{"only a method of the name", "func (c *box) pick(id int) (string, error) { return \"\", nil }\n" + listFunc,
			"anchor func pick in a.go: missing"},
		{"other signature", "func pick(id int32) (string, error) { return \"\", nil }\n" + listFunc,
			`anchor func pick in a.go: has signature "func(id int32) (string, error)", want "func(id int) (string, error)"`},
		{"other parameter name", "func pick(n int) (string, error) { return \"\", nil }\n" + listFunc,
			`anchor func pick in a.go: has signature "func(n int) (string, error)"`},
		{"body elsewhere", "func pick(id int) (string, error)\n" + listFunc, "anchor func pick in a.go: has no body"},
		{"method missing", pickFunc, "anchor func (*box).list, call of defaults in a.go: missing"},
		{"method of another type", pickFunc + "func (c box) list() []int { return defaults() }\n",
			"anchor func (*box).list, call of defaults in a.go: missing"},
		{"other receiver name", pickFunc + "func (b *box) list() []int { return defaults() }\n",
			"anchor func (*box).list, call of defaults in a.go: receiver is not named c"},
		{"call missing", pickFunc + "func (c *box) list() []int { return nil }\n",
			"anchor func (*box).list, call of defaults in a.go: missing"},
		{"call with an argument", pickFunc + "func (c *box) list() []int { return defaults(1) }\n",
			"anchor func (*box).list, call of defaults in a.go: missing"},
		{"call twice", pickFunc + "func (c *box) list() []int { return append(defaults(), defaults()...) }\n",
			"anchor func (*box).list, call of defaults in a.go: ambiguous: found 2 times"},
		{"not Go", "func {", "read anchors: a.go:2:6"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := applyEdits("a.go", []byte("package p\n"+tt.src), testEdits)
			assert.ErrorContains(t, err, tt.want)
			assert.Nil(t, got)
		})
	}
}

func TestEditedFiles(t *testing.T) {
	assert.Equal(t, []string{"a.go", "b.go"}, editedFiles(testEdits))
}

// FuzzApplyEdits: source that is accepted stays Go, has every edit, and no line more.
func FuzzApplyEdits(f *testing.F) {
	f.Add([]byte("package p\n" + listFunc + pickFunc))
	f.Add([]byte("package p; func pick(id int) (string, error) {}; func (c *box) list() []int { defaults() }"))
	f.Add([]byte("package p\n//line x.go:7\n" + pickFunc + "/*line y.go:1:1*/" + listFunc))
	f.Add([]byte("package p\nfunc pick(id int) (string, error) {//"))
	f.Fuzz(func(t *testing.T, src []byte) {
		got, err := applyEdits("a.go", src, testEdits)
		if err != nil {
			return
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "a.go", got, parser.SkipObjectResolution); err != nil {
			t.Errorf("patched source does not parse: %v\n%s", err, got)
		}
		// A replaced call may have spanned lines; none may be added.
		if bytes.Count(got, []byte("\n")) > bytes.Count(src, []byte("\n")) {
			t.Errorf("lines added:\n%s", got)
		}
		if !bytes.Contains(got, []byte("hookList(c)")) || !bytes.Contains(got, []byte("{ if hooked(id)")) {
			t.Errorf("an edit is missing:\n%s", got)
		}
	})
}
