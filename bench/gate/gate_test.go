package gate

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/bench"
	"pqbench/kex"
	"pqbench/results"
	"pqbench/results/export"

	"pqbench/bench/lab"
)

// TestMain also is the lab worker of the tests that measure.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "lab-worker" {
		provider, err := kex.ParseProvider(os.Args[2])
		if err == nil {
			err = kex.Fix(provider)
		}
		if err != nil {
			panic(err)
		}
		lab.Serve()
		return
	}
	os.Exit(m.Run())
}

// made is a measurement without measuring.
func made() Measured {
	x := results.Arm{Group: "X25519", Path: "100ms"}
	pq := results.Arm{Group: "X25519MLKEM768", Path: "100ms"}
	draft := results.Arm{Group: "X25519Kyber512Draft00", Path: "100ms"}
	asm := results.Arm{Group: "X25519MLKEM768", KEM: "circl-asm", Path: "100ms"}
	return Measured{
		Key: Key{"go1.26.8", "v0.65.0", "v1.6.5", "v3.1.0"}, Arch: "amd64", Provider: "circl-asm", Commit: "0123456789ab",
		Values: []Value{
			{x, "client_datagrams", 2}, {x, "client_bytes", 2504}, {x, "handshake_mean", 100000002}, {x, allocsMetric, 2250},
			{pq, "client_datagrams", 4}, {pq, "ptos", 0}, {draft, "client_datagrams", 2}, {asm, allocsMetric, 2339},
		},
	}
}

// with is made with one number changed.
func with(change func(*Measured)) Measured {
	m := made()
	change(&m)
	return m
}

func gateOf(t *testing.T, dir string, m Measured, accept string) (Result, error) {
	t.Helper()
	return Run(t.Context(), Options{Dir: dir, Accept: accept, Now: time.Unix(1e9, 0).UTC(),
		Measure: func(context.Context) (Measured, error) { return m, nil }})
}

// accepted is a folder with made's baseline.
func accepted(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "baseline")
	r, err := gateOf(t, dir, made(), "first")
	require.NoError(t, err)
	require.True(t, r.New)
	require.Equal(t, len(made().Values), r.Accepted)
	return dir
}

func text(t *testing.T, f results.Findings) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, export.Text(&b, f))
	return b.String()
}

func TestUnchangedPasses(t *testing.T) {
	r, err := gateOf(t, accepted(t), made(), "")
	require.NoError(t, err)
	assert.Equal(t, results.VerdictUnchanged, r.Findings.Verdict())
	assert.Len(t, r.Findings.Findings, len(made().Values))
	assert.False(t, r.New)
}

func TestDifferences(t *testing.T) {
	for _, test := range []struct {
		name    string
		measure Measured
		verdict string
		fails   bool
		says    []string // in the table
	}{
		{"one byte more", with(func(m *Measured) { m.Values[1].Value++ }), results.VerdictRegressed, true,
			[]string{"regressed", "2504 B", "2505 B", "+1 B (+0.0399 %)", "group=X25519/path=100ms"}},
		{"one datagram more", with(func(m *Measured) { m.Values[4].Value++ }), results.VerdictRegressed, true, []string{"4 datagrams", "5 datagrams"}},
		{"one datagram less is told, too", with(func(m *Measured) { m.Values[4].Value-- }), results.VerdictRegressed, true, []string{"improved"}},
		{"one nanosecond more", with(func(m *Measured) { m.Values[2].Value++ }), results.VerdictRegressed, true, []string{"100.000002 ms", "100.000003 ms"}},
		{"from none to one", with(func(m *Measured) { m.Values[5].Value = 1 }), results.VerdictRegressed, true, []string{"regressed", "+1"}},
		{"a number is gone", with(func(m *Measured) { m.Values = m.Values[1:] }), results.VerdictRegressed, true, []string{"missing", "not measured any more"}},
		{"a number came", with(func(m *Measured) { m.Values = append(m.Values, Value{m.Values[0].Arm, "retries", 0}) }), results.VerdictRegressed, true,
			[]string{"new", "the baseline does not have it"}},
		{"allocations within the tolerance", with(func(m *Measured) { m.Values[3].Value += 22 }), results.VerdictUnchanged, false, nil},
		{"allocations beyond it", with(func(m *Measured) { m.Values[3].Value += 24 }), results.VerdictRegressed, true, []string{"2250", "2274", "tolerance ±1 %"}},
		{"allocations of another architecture", with(func(m *Measured) { m.Arch = "arm64"; m.Values[3].Value *= 2 }), results.VerdictUnchanged, false,
			[]string{"counted on amd64, these on arm64"}},
		{"a build without the Draft00 groups", with(func(m *Measured) {
			m.Lacking, m.Provider = []string{"X25519Kyber512Draft00"}, "go"
			m.Values = append(m.Values[:6:6], Value{results.Arm{Group: "X25519MLKEM768", KEM: "go", Path: "100ms"}, allocsMetric, 2100})
		}), results.VerdictInconclusive, false, []string{"this build lacks X25519Kyber512Draft00", "computes KEMs with go"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := gateOf(t, accepted(t), test.measure, "")
			if test.fails {
				require.ErrorIs(t, err, ErrChanged)
			} else {
				require.NoError(t, err)
			}
			assert.Equal(t, test.verdict, r.Findings.Verdict())
			for _, want := range test.says {
				assert.Contains(t, text(t, r.Findings), want)
			}
		})
	}
}

func TestFindingsPointAtTheLine(t *testing.T) {
	dir := accepted(t)
	r, err := gateOf(t, dir, with(func(m *Measured) { m.Values[4].Value++ }), "")
	require.ErrorIs(t, err, ErrChanged)
	for _, f := range r.Findings.Findings {
		if f.Verdict == results.VerdictRegressed {
			file, err := os.ReadFile(f.File)
			require.NoError(t, err)
			assert.Contains(t, strings.Split(string(file), "\n")[f.Line-1], `"X25519MLKEM768","path":"100ms"},"metric":"client_datagrams"`)
		}
	}
}

func TestAcceptKeepsAllReasons(t *testing.T) {
	dir := accepted(t)
	better := with(func(m *Measured) { m.Values[4].Value-- })
	r, err := gateOf(t, dir, better, "the share fits one datagram less")
	require.NoError(t, err)
	assert.Equal(t, 1, r.Accepted)
	_, err = gateOf(t, dir, better, "")
	require.NoError(t, err, "accepted is accepted")
	b, err := read(r.Path)
	require.NoError(t, err)
	require.Len(t, b.History, 2)
	assert.Equal(t, "first", b.History[0].Reason)
	assert.Equal(t, Accepted{time.Unix(1e9, 0).UTC(), "0123456789ab", "the share fits one datagram less", 1}, b.History[1])

	r, err = gateOf(t, dir, better, "nothing to accept")
	require.NoError(t, err)
	assert.Equal(t, -1, r.Accepted, "no difference makes no entry")
}

func TestAcceptWantsAllGroups(t *testing.T) {
	dir := t.TempDir()
	_, err := gateOf(t, dir, with(func(m *Measured) { m.Lacking = []string{"X25519Kyber512Draft00"} }), "first")
	require.ErrorContains(t, err, "lacks X25519Kyber512Draft00")
	assert.ErrorAs(t, err, new(bench.ConfigError))
	names, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, names)
}

func TestNewVersionsAreNoRegression(t *testing.T) {
	dir := accepted(t)
	next := with(func(m *Measured) { m.Key.Go = "go1.27.1"; m.Values[4].Value++ })
	r, err := gateOf(t, dir, next, "")
	require.NoError(t, err)
	assert.True(t, r.New)
	assert.Equal(t, len(next.Values), r.Findings.Count(results.VerdictNew))
	said := text(t, r.Findings)
	assert.Contains(t, said, "no baseline of go1.27.1")
	assert.Contains(t, said, "pqbench gate --accept")
	assert.Contains(t, said, "5 datagrams", "what the toolchain changed")
	assert.Contains(t, said, "regressed since go1.26.8")

	_, err = gateOf(t, dir, next, "go1.27")
	require.NoError(t, err)
	_, err = gateOf(t, dir, next, "")
	require.NoError(t, err)
	_, err = gateOf(t, dir, made(), "")
	require.NoError(t, err, "the old versions keep theirs")
}

func TestBadBaselines(t *testing.T) {
	path := func(dir string) string { return filepath.Join(dir, made().Key.File()) }
	edit := func(t *testing.T, dir, old, replacement string) {
		data, err := os.ReadFile(path(dir))
		require.NoError(t, err)
		require.Contains(t, string(data), old)
		require.NoError(t, os.WriteFile(path(dir), []byte(strings.Replace(string(data), old, replacement, 1)), 0o600))
	}
	for _, test := range []struct{ name, old, replacement, want string }{
		{"a value", `"value":2504`, `"value":2505`, "changed by hand"},
		{"a reason", `"first"`, `"meant"`, "changed by hand"},
		{"spaces alone", `  "values"`, `   "values"`, "changed by hand"},
		{"behind the checksum", "\"\n}\n", "\"\n}\n\n", "changed by hand"},
		{"a merge", `    {"arm"`, "<<<<<<< HEAD\n    {\"arm\"", "damaged"},
		{"an unknown field", `"arch"`, `"ark"`, "unknown field"},
		{"a schema", `"schema": 1`, `"schema": 2`, "schema version 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := accepted(t)
			edit(t, dir, test.old, test.replacement)
			_, err := gateOf(t, dir, made(), "")
			require.ErrorContains(t, err, test.want)
			assert.ErrorAs(t, err, new(bench.ConfigError))
		})
	}
	t.Run("edited and accepted anew", func(t *testing.T) {
		dir := accepted(t)
		edit(t, dir, `"value":2504`, `"value":2505`)
		r, err := gateOf(t, dir, made(), "after a merge")
		require.NoError(t, err)
		assert.Equal(t, 1, r.Accepted)
		_, err = gateOf(t, dir, made(), "")
		require.NoError(t, err)
	})
	t.Run("under another name", func(t *testing.T) {
		dir := accepted(t)
		other := with(func(m *Measured) { m.Key.QUIC = "v0.66.0" })
		require.NoError(t, os.Rename(path(dir), filepath.Join(dir, other.Key.File())))
		_, err := gateOf(t, dir, other, "")
		require.ErrorContains(t, err, "other versions than its name says")
	})
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Run(ctx, Options{Measure: func(ctx context.Context) (Measured, error) { return Measured{}, ctx.Err() }})
	assert.ErrorIs(t, err, bench.ErrInterrupted)
}

func TestMeasureRefusesTheRaceDetector(t *testing.T) {
	if !Race {
		t.Skip("built without the race detector")
	}
	_, err := Measure(t.Context())
	assert.ErrorIs(t, err, ErrRace.Unwrap())
}

func TestKeyTellsAReplacedModule(t *testing.T) {
	v := results.Versions{Go: "go1.26.8", Modules: map[string]string{"github.com/cloudflare/circl": "v1.6.5"}}
	assert.Equal(t, Key{"go1.26.8", "replaced", "v1.6.5", "replaced"}, keyOf(v))
	assert.Equal(t, "go1.27-devel-a-b_quic-replaced_circl-v1_capnp-v3.json", Key{"go1.27-devel a/b", "replaced", "v1", "v3"}.File())
}

// FuzzDecode: what is read is what would be written; all else is an error.
func FuzzDecode(f *testing.F) {
	m := made()
	good, err := Baseline{Schema: schema, Key: m.Key, Arch: m.Arch, Provider: m.Provider, Values: m.Values,
		History: []Accepted{{time.Unix(1e9, 0).UTC(), "c", "r", 1}}}.encode()
	require.NoError(f, err)
	f.Add(good)
	f.Add(bytes.Replace(good, []byte("2504"), []byte("2505"), 1))
	f.Add(good[:len(good)/2])
	f.Add([]byte(`{"schema":1,"values":[{"arm":{},"metric":"m","value":1},{"arm":{},"metric":"m","value":1}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := decode(text)
		if err != nil {
			return
		}
		again, err := b.encode()
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
		require.Len(t, b.lines, len(b.Values))
		flipped := bytes.Clone(text)
		flipped[len(flipped)/3] ^= 1
		_, err = decode(flipped)
		require.Error(t, err)
	})
}
