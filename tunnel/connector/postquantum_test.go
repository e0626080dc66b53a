package connector

import (
	"crypto/tls"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"pqbench/kex"
	"pqbench/tunnel"
)

func ids(groups []kex.Group) (ids []tls.CurveID) {
	for _, g := range groups {
		ids = append(ids, g.ID)
	}
	return ids
}

func named(t *testing.T, names ...string) (groups []kex.Group) {
	for _, name := range names {
		g, err := kex.ByName(name)
		require.NoError(t, err)
		groups = append(groups, g)
	}
	return groups
}

func TestOffer(t *testing.T) {
	tests := map[string]struct {
		compat     Compat
		policy     kex.Policy
		candidates []string
		want       []tls.CurveID
		err        string
	}{
		"today, strict":            {CompatToday, kex.Strict, nil, []tls.CurveID{tls.X25519MLKEM768}, ""},
		"today, prefer":            {CompatToday, kex.Prefer, nil, []tls.CurveID{tls.X25519MLKEM768, tls.CurveP256}, ""},
		"today, classical":         {CompatToday, kex.Classical, nil, []tls.CurveID{tls.CurveP256}, ""},
		"2022, classical":          {Compat2022, kex.Classical, nil, []tls.CurveID{tls.CurveP256}, ""},
		"today, two candidates":    {CompatToday, kex.Strict, []string{"X25519MLKEM768", "SecP256r1MLKEM768"}, []tls.CurveID{tls.X25519MLKEM768, tls.SecP256r1MLKEM768}, ""},
		"2022, one candidate":      {Compat2022, kex.Strict, []string{"X25519MLKEM768"}, []tls.CurveID{tls.X25519MLKEM768}, ""},
		"2022, prefer, candidate":  {Compat2022, kex.Prefer, []string{"X25519MLKEM768"}, []tls.CurveID{tls.X25519MLKEM768, tls.CurveP256}, ""},
		"classical candidate":      {CompatToday, kex.Strict, []string{"P-256"}, nil, "not a hybrid"},
		"candidates for classical": {CompatToday, kex.Classical, []string{"X25519MLKEM768"}, nil, "leave the groups out"},
		"unknown compat":           {"2023", kex.Strict, nil, nil, `want "2022" or "today"`},
		"unknown policy":           {CompatToday, "strickt", nil, nil, `did you mean "strict"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Offer(test.compat, test.policy, named(t, test.candidates...), nil)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, ids(got))
		})
	}
}

// Under 2022 exactly one candidate is drawn, each as often as any other, and
// the seed fixes which.
func TestOfferDrawsOne(t *testing.T) {
	candidates := named(t, "X25519MLKEM768", "SecP256r1MLKEM768")
	const n = 400
	count := map[tls.CurveID]int{}
	for seed := range uint64(n) {
		draw := func() tls.CurveID {
			got, err := Offer(Compat2022, kex.Strict, candidates, rand.New(rand.NewPCG(seed, seed)))
			require.NoError(t, err)
			require.Len(t, got, 1)
			return got[0].ID
		}
		id := draw()
		require.Equal(t, id, draw())
		count[id]++
	}
	for _, g := range candidates {
		require.InDelta(t, n/2, count[g.ID], 4*10) // four standard deviations of a fair coin
	}
}

// The announcement's pair, where crypto/tls knows it, and the way out where not.
func TestOfferOfTheAnnouncement(t *testing.T) {
	pair := Compat2022.hybrids()
	require.Equal(t, []tls.CurveID{0xfe30, 0xfe31}, ids(pair))
	require.Equal(t, "X25519Kyber768Draft00", pair[1].Name)
	got, err := Offer(Compat2022, kex.Strict, nil, nil)
	if pair[0].InTLS(kex.Fixed()) == nil {
		require.NoError(t, err)
		require.Contains(t, ids(pair), got[0].ID)
		return
	}
	require.ErrorContains(t, err, "offer X25519Kyber512Draft00")
	if !kex.Overlay {
		for _, out := range []string{"make build", "--compat today", "--groups X25519MLKEM768"} {
			require.ErrorContains(t, err, out)
		}
	}
	// A candidate that cannot be negotiated is told even when another would be drawn.
	_, err = Offer(Compat2022, kex.Strict, named(t, "X25519MLKEM768", "X25519Kyber512Draft00"), rand.New(rand.NewPCG(1, 1)))
	require.ErrorContains(t, err, "X25519Kyber512Draft00")
}

func TestFeaturesTellStrictAlone(t *testing.T) {
	for _, compat := range Compats() {
		for _, policy := range kex.Policies() {
			got := Features(compat, policy)
			require.Equal(t, policy == kex.Strict, len(got) > 0 && got[len(got)-1] == tunnel.FeaturePostQuantum, "%s %s", compat, policy)
			require.Contains(t, got, tunnel.FeatureQUICEOF)
			require.NotContains(t, got, tunnel.FeatureRemoteConfig, "streams with configurations are reset")
		}
	}
}

func TestCompat(t *testing.T) {
	for text, want := range map[string]Compat{"2022": Compat2022, "today": CompatToday} {
		got, err := ParseCompat(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := ParseCompat("yesterday")
	require.ErrorContains(t, err, `"yesterday"`)
}
