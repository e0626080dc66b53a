package edge

import (
	"crypto/tls"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"pqbench/kex"
)

// Every policy of an edge against every policy of a connector: the group, or
// the refusal, and whether a HelloRetryRequest came before.
func TestWhatAnEdgeAcceptsDecidesTheHandshake(t *testing.T) {
	type outcome struct {
		group   tls.CurveID
		retried bool
		alert   quic.TransportErrorCode
	}
	hybrid, classical := outcome{group: tls.X25519MLKEM768}, outcome{group: tls.CurveP256}
	fallback, refused := outcome{group: tls.CurveP256, retried: true}, outcome{alert: 0x128}
	tests := map[string]map[kex.Policy]outcome{
		"all":                  {kex.Strict: hybrid, kex.Prefer: hybrid, kex.Classical: classical},
		"pq":                   {kex.Strict: hybrid, kex.Prefer: hybrid, kex.Classical: refused},
		"classical":            {kex.Strict: refused, kex.Prefer: fallback, kex.Classical: classical},
		"P-256":                {kex.Strict: refused, kex.Prefer: fallback, kex.Classical: classical},
		"X25519MLKEM768,P-256": {kex.Strict: hybrid, kex.Prefer: hybrid, kex.Classical: classical},
		"X25519MLKEM768":       {kex.Strict: hybrid, kex.Prefer: hybrid, kex.Classical: refused},
		"X25519":               {kex.Strict: refused, kex.Prefer: refused, kex.Classical: refused},
		"SecP384r1MLKEM1024":   {kex.Strict: refused, kex.Prefer: refused, kex.Classical: refused},
	}
	for name, byPolicy := range tests {
		for policy, want := range byPolicy {
			t.Run(fmt.Sprintf("edge=%s/connector=%s", name, policy), func(t *testing.T) {
				var offered tls.Config
				require.NoError(t, policy.Configure(&offered))
				e := listen(t, uuid.New(), accepted(t, name)...)
				c, err := dial(t, e, offered.CurvePreferences...)
				var got outcome
				if err != nil {
					var failed *quic.TransportError
					require.ErrorAs(t, err, &failed)
					got.alert = failed.ErrorCode
				} else {
					state := c.ConnectionState().TLS
					got.group, got.retried = state.CurveID, state.HelloRetryRequest
				}
				require.Equal(t, want, got)
			})
		}
	}
}

func accepted(t *testing.T, name string) []tls.CurveID {
	a, err := ParseAccept(name)
	require.NoError(t, err)
	require.Equal(t, name, a.String())
	var conf tls.Config
	a.Configure(&conf)
	return conf.CurvePreferences
}

func TestNamedPoliciesDivideTheGroups(t *testing.T) {
	pq, classical := accepted(t, "pq"), accepted(t, "classical")
	require.Contains(t, pq, tls.X25519MLKEM768)
	require.Contains(t, classical, tls.X25519)
	require.ElementsMatch(t, append(pq, classical...), accepted(t, "all"))
	require.Len(t, Accept{}.Groups(), len(pq)+len(classical), "the zero value is all")
	require.Equal(t, "all", Accept{}.String())
}

func TestPoliciesThatCannotWorkAreRefused(t *testing.T) {
	tests := map[string]string{
		"":                      "unknown group",
		"X25519MLKEM76":         `did you mean "X25519MLKEM768"`,
		"P-256,secp256r1":       "listed twice",
		"X25519MLKEM768,,P-256": "unknown group",
		"X25519Kyber512Draft00": "X25519Kyber512Draft00",
	}
	if g, err := kex.ByName("X25519Kyber512Draft00"); err != nil || g.InTLS(kex.Fixed()) == nil {
		delete(tests, "X25519Kyber512Draft00")
	}
	for text, want := range tests {
		var a Accept
		require.ErrorContains(t, a.UnmarshalText([]byte(text)), want, "%q", text)
	}
}
