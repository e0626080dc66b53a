package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"pqbench/results"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// golden compares with a file under testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "write it with go test -update")
	assert.Equal(t, string(want), string(got), "%s: if it is meant, go test -update", name)
}

// standardFigures are those of the standard plan; the others belong to plans of their own.
var standardFigures = figureNames[:7]

var everything = []string{"kex", "handshake", "wire", "requests", "goodput", "overhead"}

func TestGolden(t *testing.T) {
	f := newFixture(10, 24, everything...)
	f.fail(4, 60, results.ClassTimeout)
	f.m.Arms[5].Note = "no AVX2 on this CPU: same code as circl-generic"
	var tables, rows bytes.Buffer
	require.NoError(t, WriteTables(&tables, f.m, f.summary(), Options{}))
	golden(t, "tables.txt", tables.Bytes())
	markdown, _ := f.document(t).both(t)
	golden(t, "report.md", []byte(markdown))
	require.NoError(t, WriteCSV(&rows, f.summary()))
	lines, err := csv.NewReader(&rows).ReadAll()
	require.NoError(t, err)
	assert.Len(t, lines, 1+len(f.summary().Rows))
}

func content(t *testing.T, all []file, name string) []byte {
	t.Helper()
	for _, f := range all {
		if f.name == name {
			return f.data
		}
	}
	t.Fatalf("no %s", name)
	return nil
}

// folder writes the fixture as a run folder.
func (f *fixture) folder(t *testing.T) string {
	t.Helper()
	w, err := results.Create(t.TempDir(), f.m.Plan, f.m)
	require.NoError(t, err)
	for i := range f.samples {
		require.NoError(t, w.Write(results.Record{Sample: &f.samples[i]}))
	}
	for i := range f.trials {
		require.NoError(t, w.Write(results.Record{Trial: &f.trials[i]}))
	}
	dir, err := w.Finish(f.m)
	require.NoError(t, err)
	return dir
}

// tree is all files of a folder by name.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		all[path] = string(data)
		return err
	}))
	return all
}

// The same records give the same bytes: in the same folder again, and in one of another name.
func TestSameFolderSameBytes(t *testing.T) {
	f := newFixture(6, 20, "wire", "requests", "goodput")
	first, second := f.folder(t), f.folder(t)
	require.NotEqual(t, first, second)
	require.NoError(t, Write(first))
	want := tree(t, first)
	for _, name := range []string{SummaryFile, BenchFile, HistogramLog, MarkdownFile, HTMLFile, "plots/wire.svg", "plots/wire.png"} {
		assert.NotEmpty(t, want[name], name)
	}
	assert.Len(t, want, 2+5+2*2, "and nothing temporary")
	require.NoError(t, Write(second))
	require.NoError(t, Write(first))
	for _, dir := range []string{first, second} {
		got := tree(t, dir)
		assert.Len(t, got, len(want))
		for name := range want {
			if name != results.SamplesFile && name != results.ManifestFile {
				assert.True(t, want[name] == got[name], "%s differs", name)
			}
		}
	}
}

// The same is true of a run with every figure and table, without the file system and the many resamples.
func TestSameRunSameBytes(t *testing.T) {
	f := newFixture(6, 20, everything...)
	first, second := f.files(t), f.files(t)
	require.Len(t, first, 5+2*len(standardFigures))
	for i := range first {
		assert.Equal(t, first[i].name, second[i].name)
		assert.True(t, bytes.Equal(first[i].data, second[i].data), "%s differs", first[i].name)
	}
}

func TestSeedMovesOnlyTheBootstrap(t *testing.T) {
	f := newFixture(8, 20, "handshake")
	before := f.summary()
	f.m.Seed++
	after := f.summary()
	moved := false
	for i, c := range before.Comparisons {
		assert.Equal(t, *c.Ratio, *after.Comparisons[i].Ratio)
		moved = moved || *c.Low != *after.Comparisons[i].Low
	}
	assert.True(t, moved)
}

func TestWriteOfADamagedFolderTouchesNothing(t *testing.T) {
	dir := newFixture(6, 5, "handshake").folder(t)
	data, err := os.ReadFile(filepath.Join(dir, results.SamplesFile))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, results.SamplesFile), data[:len(data)/2], 0o644))
	assert.ErrorContains(t, Write(dir), "truncated")
	assert.Len(t, tree(t, dir), 2)
}

func TestWriteRemovesPlotsThatAreGone(t *testing.T) {
	dir := newFixture(6, 20, "goodput").folder(t)
	stale, foreign := filepath.Join(dir, PlotsFolder, "wire.svg"), filepath.Join(dir, PlotsFolder, "mine.svg")
	require.NoError(t, os.Mkdir(filepath.Join(dir, PlotsFolder), 0o755))
	for _, path := range []string{stale, foreign} {
		require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
	}
	require.NoError(t, Write(dir))
	assert.NoFileExists(t, stale)
	assert.FileExists(t, foreign)
}

func TestPrint(t *testing.T) {
	f := newFixture(6, 20, "goodput")
	dir := f.folder(t)
	assert.ErrorContains(t, Print(io.Discard, dir, Options{}), "has no summary.json")
	require.NoError(t, Write(dir))
	var printed, want bytes.Buffer
	require.NoError(t, Print(&printed, dir, Options{}))
	require.NoError(t, WriteTables(&want, f.m, Summarise(f.m, f.samples, f.trials), Options{}))
	assert.Equal(t, want.String(), printed.String())
	require.NoError(t, os.WriteFile(filepath.Join(dir, SummaryFile), []byte(`{"schema":99}`), 0o644))
	assert.ErrorContains(t, Print(io.Discard, dir, Options{}), "schema version 99 is unknown")
}

func TestFiguresOnlyOfWhatWasMeasured(t *testing.T) {
	for _, c := range []struct {
		experiments []string
		want        []string
	}{
		{nil, nil},
		{[]string{"wire"}, []string{"wire"}},
		{[]string{"handshake"}, []string{"handshake-time", "handshake-cpu", "handshake-kem"}},
		{[]string{"goodput"}, []string{"steady-state"}},
		{everything, standardFigures},
	} {
		f := newFixture(6, 20, c.experiments...)
		var got []string
		for _, figure := range f.run().figures(f.summary()) {
			got = append(got, figure.Name)
			assert.NotEmpty(t, figure.panels)
		}
		assert.Equal(t, c.want, got)
	}
}

func TestEmptyRun(t *testing.T) {
	m := results.Manifest{Schema: results.Schema, Reason: "interrupted", Experiments: []results.Experiment{{Name: "handshake", Blocks: 20}}}
	all, err := index(m, nil, nil).files(nil, nil)
	require.NoError(t, err)
	markdown := string(content(t, all, MarkdownFile))
	assert.Contains(t, markdown, "this run is incomplete: interrupted")
	assert.Contains(t, markdown, "Nothing was measured to its end")
	assert.NotContains(t, markdown, "![")
	var s map[string]any
	require.NoError(t, json.Unmarshal(content(t, all, SummaryFile), &s))
	assert.Equal(t, []any{}, s["rows"], "an array, for programs that go through it")
	assert.Equal(t, []any{}, s["comparisons"])
}

// The page opens from disk, without a network, and says nothing that a manifest smuggles in.
func TestHTML(t *testing.T) {
	f := newFixture(6, 20, everything...)
	const evil = `</pre><script>alert("x")</script>`
	f.m.PlanText, f.m.Plan, f.m.Host.CPU, f.m.Warnings = evil, evil, evil, []string{evil}
	f.m.Arms[1].Arm.Group, f.m.Arms[1].Note = evil, evil
	markdown, page := f.document(t).both(t)
	assert.NotContains(t, page, "<script")
	assert.NotContains(t, page, "<?xml")
	outside := regexp.MustCompile(`(?i)\b(src|href)="[^"]*"|url\(|@import`).FindAllString(page, -1)
	assert.Empty(t, outside)
	assert.Equal(t, len(standardFigures), strings.Count(page, "<svg role"))
	assert.Empty(t, unbalanced(t, page))
	plan := strings.Index(markdown, "## Plan")
	assert.NotContains(t, markdown[:plan], "<script")
}

// unbalanced lists end tags that close nothing, and what is left open.
func unbalanced(t *testing.T, page string) []string {
	t.Helper()
	var open, bad []string
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			require.ErrorIs(t, z.Err(), io.EOF)
			return append(bad, open...)
		case html.StartTagToken:
			if name, _ := z.TagName(); string(name) != "meta" {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				bad = append(bad, "/"+string(name))
				continue
			}
			open = open[:len(open)-1]
		}
	}
}

func TestMarkdownPlanCannotEndItsFence(t *testing.T) {
	f := newFixture(6, 1)
	f.m.PlanText = "# ```\n# ````\nname: x\n"
	markdown, _ := f.document(t).both(t)
	assert.Contains(t, markdown, "`````yaml\n# ```\n# ````\nname: x\n`````")
}

func TestTablesFitTheTerminal(t *testing.T) {
	f := newFixture(8, 20, "kex", "handshake", "wire")
	var wide, narrow bytes.Buffer
	require.NoError(t, WriteTables(&wide, f.m, f.summary(), Options{}))
	require.NoError(t, WriteTables(&narrow, f.m, f.summary(), Options{Width: 100}))
	assert.NotEqual(t, wide.String(), narrow.String())
	for line := range strings.Lines(narrow.String()) {
		if strings.HasPrefix(line, "X25519") || strings.HasPrefix(line, "group ") {
			assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), 100, line)
		}
	}
	count := func(text string) int { return strings.Count(text, "%") }
	assert.Greater(t, count(narrow.String()), count(wide.String())-20, "nothing is lost")
}

func TestColourOnlyOnRequest(t *testing.T) {
	f := newFixture(20, 20, "handshake")
	var plain, coloured bytes.Buffer
	require.NoError(t, WriteTables(&plain, f.m, f.summary(), Options{}))
	require.NoError(t, WriteTables(&coloured, f.m, f.summary(), Options{Color: true}))
	assert.NotContains(t, plain.String(), "\x1b")
	assert.Contains(t, coloured.String(), "\x1b[31m+25", "dearer is bad news")
	assert.Equal(t, plain.String(), regexp.MustCompile(`\x1b\[[0-9]+m`).ReplaceAllString(coloured.String(), ""))
}

// Whatever a summary.json holds, printing it does not fail.
func FuzzTables(f *testing.F) {
	fixture := newFixture(6, 20, everything...)
	s := fixture.summary()
	s.Rows, s.Comparisons = s.Rows[:min(30, len(s.Rows))], s.Comparisons[:min(30, len(s.Comparisons))]
	whole, err := json.Marshal(s)
	require.NoError(f, err)
	f.Add(whole)
	f.Add([]byte(`{"rows":[{"experiment":"wire","metric":"client_initial_datagrams","arm":{"group":"X25519MLKEM768","kem":"go"},"value":2,"high":3}]}`))
	f.Add([]byte(`{"rows":[{"experiment":"kex","metric":"client","value":-1e300,"low":1,"high":-1}],"comparisons":[{"experiment":"kex","metric":"client","kind":"group","ratio":0}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s results.Summary
		if json.Unmarshal(data, &s) != nil {
			t.Skip()
		}
		var b bytes.Buffer
		require.NoError(t, WriteTables(&b, fixture.m, s, Options{Width: 80, Color: true}))
		d := newDocument(fixture.m, s, nil, nil)
		page, err := d.html()
		require.NoError(t, err)
		require.Contains(t, string(page), "</html>")
	})
}

// A standard run: about 40 arms with 30 blocks, 60,000 samples. Ten seconds of one core are the limit for all of it.
func BenchmarkReport(b *testing.B) {
	f := newFixture(30, 75, everything...)
	b.Logf("%d arms, %d samples, %d trials", len(f.m.Arms), len(f.samples), len(f.trials))
	for b.Loop() {
		if _, err := index(f.m, f.samples, f.trials).files(f.samples, f.trials); err != nil {
			b.Fatal(err)
		}
	}
}
