package kex

import (
	"crypto/tls"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGroups pins every figure of the table, because the code derives them from
// the parts.
func TestGroups(t *testing.T) {
	want := []Group{
		{"X25519", 0x001d, "X25519", "", false, 32, 32, 32},
		{"secp256r1", 0x0017, "secp256r1", "", false, 65, 65, 32},
		{"secp384r1", 0x0018, "secp384r1", "", false, 97, 97, 48},
		{"X25519Kyber512Draft00", 0xfe30, "X25519", "Kyber512", false, 832, 800, 64},
		{"X25519Kyber768Draft00", 0xfe31, "X25519", "Kyber768", false, 1216, 1120, 64},
		{"X25519Kyber768Draft00", 0x6399, "X25519", "Kyber768", false, 1216, 1120, 64},
		{"P256Kyber768Draft00", 0xfe32, "secp256r1", "Kyber768", false, 1249, 1153, 64},
		{"X25519MLKEM768", 0x11ec, "X25519", "ML-KEM-768", true, 1216, 1120, 64},
		{"SecP256r1MLKEM768", 0x11eb, "secp256r1", "ML-KEM-768", false, 1249, 1153, 64},
		{"SecP384r1MLKEM1024", 0x11ed, "secp384r1", "ML-KEM-1024", false, 1665, 1665, 80},
	}
	require.Equal(t, want, Groups())

	Groups()[0].Name = "changed"
	require.Equal(t, want, Groups(), "the slice is the caller's")

	for _, g := range want {
		got, ok := ByID(g.ID)
		require.True(t, ok, g.Label())
		require.Equal(t, g, got)
	}
	_, ok := ByID(tls.CurveP521)
	require.False(t, ok, "secp521r1 is not measured")
}

func TestLabelsAreUnique(t *testing.T) {
	names := labels()
	slices.Sort(names)
	require.Len(t, slices.Compact(names), len(Groups()))
	for _, g := range Groups() {
		got, err := ByName(g.Label())
		require.NoError(t, err)
		require.Equal(t, g, got)
		got, err = ByName(g.Codepoint())
		require.NoError(t, err)
		require.Equal(t, g, got)
	}
}

func TestByName(t *testing.T) {
	for _, test := range []struct {
		name string
		want tls.CurveID
	}{
		{"X25519", tls.X25519},
		{"x25519", tls.X25519},
		{"P-256", tls.CurveP256},
		{"p-256", tls.CurveP256},
		{"secp256r1", tls.CurveP256},
		{"P-384", tls.CurveP384},
		{"P384", tls.CurveP384},
		{"X25519Kyber768Draft00", 0x6399},
		{"X25519Kyber768Draft00@0x6399", 0x6399},
		{"X25519Kyber768Draft00@0xfe31", 0xfe31},
		{"0xfe31", 0xfe31},
		{"0XFE31", 0xfe31},
		{"0x6399", 0x6399},
		{"0x001d", tls.X25519},
		{"0x1d", tls.X25519},
		{"x25519mlkem768", tls.X25519MLKEM768},
	} {
		g, err := ByName(test.name)
		require.NoError(t, err, test.name)
		require.Equal(t, test.want, g.ID, test.name)
	}
	for _, test := range []struct{ name, want string }{
		{"X25519Kyber786Draft00", `unknown group "X25519Kyber786Draft00" (did you mean "X25519Kyber768Draft00"?)`},
		{"X25519MLKEM1024", `unknown group "X25519MLKEM1024" (did you mean "X25519MLKEM768"?)`},
		{"kyber512", `unknown group "kyber512" (did you mean "X25519Kyber512Draft00"?)`},
		{"0xfe33", `unknown group "0xfe33" (did you mean`},
		{"0x10017", `unknown group "0x10017" (did you mean`}, // not cut to 0x0017
		{"X25519@0x0017", `unknown group "X25519@0x0017" (did you mean`},
		{"", `unknown group "" (did you mean "X25519"?)`},
	} {
		_, err := ByName(test.name)
		require.ErrorContains(t, err, test.want)
	}
}

func TestNearest(t *testing.T) {
	for _, test := range []struct {
		word  string
		valid []string
		want  string
	}{
		{"rat", []string{"rtt", "rate", "seed"}, "rate"},
		{"GRUOPS", []string{"providers", "groups"}, "groups"},
		{"ab", []string{"ax", "xb"}, "ax"}, // equally far: the first
		{"foo", []string{"X25519", "secp256r1"}, ""},
		{"anything", nil, ""},
	} {
		require.Equal(t, test.want, Nearest(test.word, test.valid), test.word)
	}
	for _, test := range []struct {
		word, name string
		want       int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 6}, {"abc", "abc", 0}, {"abc", "axc", 3}, {"abc", "ac", 2}, {"ac", "abc", 1}, {"ab", "ba", 3}, {"ü", "u", 3}} {
		got, _ := distance([]rune(test.word), []rune(test.name))
		require.Equal(t, test.want, got, "%q %q", test.word, test.name)
	}
}

func TestConfigure(t *testing.T) {
	cfg := &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP521}}
	Configure(cfg, Groups()[7], Groups()[0])
	require.Equal(t, []tls.CurveID{tls.X25519MLKEM768, tls.X25519}, cfg.CurvePreferences)
}

func TestPolicy(t *testing.T) {
	old, err := ByName("0xfe31")
	require.NoError(t, err)
	for _, test := range []struct {
		policy  Policy
		hybrids []Group
		want    []tls.CurveID
	}{
		{Strict, nil, []tls.CurveID{tls.X25519MLKEM768}},
		{Prefer, nil, []tls.CurveID{tls.X25519MLKEM768, tls.CurveP256}},
		{Classical, nil, []tls.CurveID{tls.CurveP256}},
		{Strict, []Group{old}, []tls.CurveID{0xfe31}},
		{Prefer, []Group{old}, []tls.CurveID{0xfe31, tls.CurveP256}},
		{Classical, []Group{old}, []tls.CurveID{tls.CurveP256}},
	} {
		var cfg tls.Config
		require.NoError(t, test.policy.Configure(&cfg, test.hybrids...))
		require.Equal(t, test.want, cfg.CurvePreferences, "%s %v", test.policy, test.hybrids)

		parsed, err := ParsePolicy(string(test.policy))
		require.NoError(t, err)
		require.Equal(t, test.policy, parsed)
	}
	_, err = ParsePolicy("strct")
	require.EqualError(t, err, `unknown policy "strct" (did you mean "strict"?)`)
	require.EqualError(t, Policy("strct").Configure(&tls.Config{}), `unknown policy "strct" (did you mean "strict"?)`)
	require.EqualError(t, Strict.Configure(&tls.Config{}, Groups()[0]), "policy strict: group X25519 is not a hybrid")
}
