package kex

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOperations(t *testing.T) {
	forEachArm(t, func(t *testing.T, g Group, p Provider) {
		operations, err := g.Operations(p)
		require.NoError(t, err)
		var names []string
		for _, operation := range operations {
			names = append(names, operation.Name)
			for range 2 {
				require.NoError(t, operation.Run(), operation.Name)
			}
		}
		want := []string{"client", "server"}
		if g.Hybrid() {
			want = []string{"keygen", "encapsulate", "decapsulate", "client", "server"}
		}
		require.Equal(t, want, names)
	})
}

// TestOperationsCheckThemselves breaks what an operation computes with and
// wants to hear of it.
func TestOperationsCheckThemselves(t *testing.T) {
	useProvider(t, CIRCLAsm)
	g, err := ByName("X25519Kyber768Draft00")
	require.NoError(t, err)
	kem, err := g.KEMOf(CIRCLAsm)
	require.NoError(t, err)
	small, err := Groups()[3].KEMOf(CIRCLAsm)
	require.NoError(t, err)

	operations, err := kemOperations(kem)
	require.NoError(t, err)
	require.NoError(t, operations[2].Run())

	mixed := kem
	mixed.EncapsulationKeySize, mixed.CiphertextSize = small.EncapsulationKeySize, small.CiphertextSize
	operations, err = kemOperations(mixed)
	require.NoError(t, err)
	require.EqualError(t, operations[0].Run(), "encapsulation key is 1184 bytes, want 800")
	require.EqualError(t, operations[1].Run(), "ciphertext is 1088 bytes, want 768")

	exchange, err := g.Exchange(CIRCLAsm)
	require.NoError(t, err)
	swapped := g
	swapped.KEMFirst = true // reads the wrong half of the secret, new each time
	whole, err := exchangeOperations(swapped, exchange)
	require.NoError(t, err)
	require.EqualError(t, whole[0].Run(), "X25519Kyber768Draft00: client decapsulated another key than was encapsulated")
}

// BenchmarkKex measures what the kex experiment measures. Read it with
// benchstat -col /kem or -col /group.
func BenchmarkKex(b *testing.B) {
	for _, p := range Providers() { // outermost: no key outlives its provider
		for _, g := range arms(p) {
			b.Run(armName(g, p), func(b *testing.B) {
				useProvider(b, p)
				operations, err := g.Operations(p)
				if err != nil {
					b.Fatal(err)
				}
				for _, operation := range operations {
					b.Run("op="+operation.Name, func(b *testing.B) {
						b.ReportAllocs()
						for b.Loop() {
							if err := operation.Run(); err != nil {
								b.Fatal(err)
							}
						}
					})
				}
			})
		}
	}
}
