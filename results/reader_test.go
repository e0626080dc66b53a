package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	goodSample = `{"sample":{"exp":"handshake","arm":1,"block":0,"intended":1,"sent":2,"completed":3}}` + "\n"
	goodTrial  = `{"trial":{"exp":"handshake","arm":0,"block":5,"order":1,"started":0,"finished":9,"values":{"keygen":1.5}}}` + "\n"
)

func TestDamagedSamples(t *testing.T) {
	whole := compress(t, goodSample+goodTrial)
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"empty file", nil, ":1: truncated"},
		{"not gzip", []byte("this is text, not gzip"), ":1: not a gzip file"},
		{"header cut", whole[:5], ":1: truncated"},
		{"data cut", whole[:30], ":1: truncated"},
		{"checksum cut", whole[:len(whole)-4], ":3: truncated"},
		{"garbage behind", append(bytes.Clone(whole), "garbage!!!"...), ":3: not a gzip file"},
		{"last line cut", compress(t, goodSample+goodTrial[:40]), ":2: truncated"},
		{"last line without its end", compress(t, goodSample+strings.TrimSpace(goodTrial)), ":2: truncated"},
		{"bad JSON", compress(t, goodSample+goodTrial+"{nonsense}\n"), ":3: not a record: invalid character 'n'"},
		{"empty line", compress(t, goodSample+"\n"+goodTrial), ":2: not a record"},
		{"wrong type", compress(t, `{"sample":{"arm":"first"}}`+"\n"), ":1: not a record"},
		{"neither", compress(t, goodTrial+"{}\n"), ":2: not a record: exactly one"},
		{"both", compress(t, `{"sample":{"arm":0},"trial":{"arm":0}}`+"\n"), ":1: not a record: exactly one"},
		{"arm too large", compress(t, `{"sample":{"arm":2}}`+"\n"), ":1: arm 2 is not one of the manifest's 2"},
		{"arm negative", compress(t, `{"trial":{"arm":-1}}`+"\n"), ":1: arm -1"},
		{"block negative", compress(t, `{"trial":{"block":-1}}`+"\n"), ":1: block -1"},
		{"endless line", compress(t, goodSample+strings.Repeat(" ", maxLine+1)+"\n"), ":2: line longer than 1048576 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := exampleFolder(t)
			path := filepath.Join(dir, SamplesFile)
			require.NoError(t, os.WriteFile(path, c.content, 0o644))
			_, samples, trials, err := Load(dir)
			assert.ErrorContains(t, err, path+c.want)
			assert.NotContains(t, fmt.Sprint(err), "\n", "one line")
			assert.Empty(t, samples)
			assert.Empty(t, trials)
		})
	}

	t.Run("a bit flipped", func(t *testing.T) {
		flipped := bytes.Clone(whole)
		flipped[len(flipped)-6] ^= 1 // in the checksum
		var last error
		n := 0
		for _, err := range records(bytes.NewReader(flipped), "f", 2) {
			last = err
			n++
		}
		assert.ErrorContains(t, last, "f:3: damaged")
		assert.Equal(t, 3, n)
	})
}

// exampleFolder is a finished run folder.
func exampleFolder(t *testing.T) string {
	t.Helper()
	m, samples, trials := exampleRun()
	dir, err := writeRun(t, t.TempDir(), m, samples, trials).Finish(m)
	require.NoError(t, err)
	return dir
}

func TestDamagedManifest(t *testing.T) {
	m, _, _ := exampleRun()
	text, err := json.MarshalIndent(m, "", "  ")
	require.NoError(t, err)
	replace := func(old, new string) string {
		require.Contains(t, string(text), old)
		return strings.Replace(string(text), old, new, 1)
	}
	lines := bytes.Count(text, []byte("\n"))
	for _, c := range []struct{ name, content, want string }{
		{"empty", "", ":1: truncated"},
		{"cut", string(text[:len(text)-2]), fmt.Sprintf(":%d: truncated", lines)},
		{"not JSON", "schema: 1\n", ":1: invalid character 's'"},
		{"newer schema", replace(`"schema": 1`, `"schema": 2`), ":2: schema version 2 is unknown: this pqbench reads version 1"},
		{"no schema", "{}", ":1: schema version 0 is unknown"},
		{"wrong type", replace(`"seed": 7`, `"seed": "seven"`), ":5: json: cannot unmarshal string"},
		{"pair outside", replace(`"base": 0`, `"base": 9`), "pair 0 compares arms 1 and 9 of 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := exampleFolder(t)
			path := filepath.Join(dir, ManifestFile)
			require.NoError(t, os.WriteFile(path, []byte(c.content), 0o644))
			_, err := Open(dir)
			assert.ErrorContains(t, err, path+":")
			assert.ErrorContains(t, err, c.want)
			assert.NotContains(t, fmt.Sprint(err), "\n", "one line")
		})
	}
}

func TestMissingFiles(t *testing.T) {
	dir := exampleFolder(t)
	require.NoError(t, os.Remove(filepath.Join(dir, SamplesFile)))
	_, _, _, err := Load(dir)
	assert.ErrorContains(t, err, "run folder "+dir+" is not whole")
	assert.ErrorContains(t, err, SamplesFile)

	_, err = Open(t.TempDir())
	assert.ErrorContains(t, err, "is not a run folder: it has no manifest.json")
	_, err = Open(filepath.Join(dir, "nowhere"))
	assert.ErrorContains(t, err, "is not a run folder")
}

func TestRecordsCanStopEarly(t *testing.T) {
	run, err := Open(exampleFolder(t))
	require.NoError(t, err)
	n := 0
	for _, err := range run.Records() {
		require.NoError(t, err)
		if n++; n == 2 {
			break
		}
	}
	assert.Equal(t, 2, n)
}

// Whatever the text is: no panic, an error is last and names its line, every record before it can be used, and is the
// same when it is written and read again.
func FuzzLines(f *testing.F) {
	f.Add([]byte(goodSample + goodTrial))
	f.Add([]byte(goodSample + goodTrial[:20]))
	f.Add([]byte("{}\n\n"))
	f.Add([]byte(`{"sample":{"arm":1,"block":-1}}` + "\n"))
	f.Add([]byte(`{"trial":{"values":{"a":1e308,"b":null}}}` + "\n"))
	f.Add([]byte(`{"sample":{"intended":9223372036854775808}}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		good, failed := 0, false
		for r, err := range lines(bytes.NewReader(text), "fuzz", 2) {
			if failed {
				t.Fatal("something came after the error")
			}
			if err != nil {
				failed = true
				var at *FileError
				if !errors.As(err, &at) || at.Line != good+1 || !strings.HasPrefix(err.Error(), fmt.Sprintf("fuzz:%d: ", good+1)) {
					t.Fatalf("after %d good lines: %v", good, err)
				}
				continue
			}
			good++
			checkRecord(t, r)
		}
		if whole := bytes.Count(text, []byte("\n")); !failed && (good != whole || len(text) > 0 && text[len(text)-1] != '\n') {
			t.Fatalf("read %d records from %d lines without an error", good, whole)
		}
	})
}

func checkRecord(t *testing.T, r Record) {
	t.Helper()
	if (r.Sample == nil) == (r.Trial == nil) {
		t.Fatalf("neither or both: %+v", r)
	}
	if r.Sample != nil && (r.Sample.Arm < 0 || r.Sample.Arm >= 2) || r.Trial != nil && (r.Trial.Arm < 0 || r.Trial.Arm >= 2) {
		t.Fatalf("arm outside the manifest: %+v", r)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatalf("cannot be written again: %v", err)
	}
	again, err := parseRecord(text, 2)
	if err != nil {
		t.Fatalf("cannot be read again: %v", err)
	}
	twice, err := json.Marshal(again)
	if err != nil || !bytes.Equal(text, twice) {
		t.Fatalf("changed on the way: %s, then %s (%v)", text, twice, err)
	}
}

// The same for the compressed stream: any bytes end in records or in an error with a line.
func FuzzStream(f *testing.F) {
	f.Add(compress(f, goodSample+goodTrial))
	f.Add(compress(f, goodSample)[:20])
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, data []byte) {
		for r, err := range records(bytes.NewReader(data), "fuzz", 2) {
			var at *FileError
			switch {
			case err == nil:
				checkRecord(t, r)
			case !errors.As(err, &at) || at.Line < 1:
				t.Fatalf("an error without a line: %v", err)
			}
		}
	})
}

// A manifest that is accepted has the schema, and pairs that can be followed.
func FuzzManifest(f *testing.F) {
	m, _, _ := exampleRun()
	text, err := json.MarshalIndent(m, "", "  ")
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte(`{"schema":1,"pairs":[{"arm":0,"base":0}]}`))
	f.Add([]byte(`{"schema":1,"SCHEMA":3}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data, "fuzz")
		if err != nil {
			var at *FileError
			if !errors.As(err, &at) || at.Line < 1 || at.Line > 1+bytes.Count(data, []byte("\n")) {
				t.Fatalf("an error without a line: %v", err)
			}
			return
		}
		if m.Schema != Schema {
			t.Fatalf("schema %d was accepted", m.Schema)
		}
		for _, p := range m.Pairs {
			_, _ = m.Arms[p.Arm], m.Arms[p.Base]
		}
	})
}
