package kex

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/cpu"
)

// TestConformance is what every group has to be on every provider: the sizes of
// the table, one secret on both sides, a new one each time, and for bad peer
// shares an error.
func TestConformance(t *testing.T) {
	forEachArm(t, func(t *testing.T, g Group, p Provider) {
		exchange, err := g.Exchange(p)
		require.NoError(t, err)

		var previous []byte
		for range 3 {
			clientShare, finish, err := exchange.ClientShare(rand.Reader)
			require.NoError(t, err)
			serverShare, serverSecret, err := exchange.Server(rand.Reader, clientShare)
			require.NoError(t, err)
			clientSecret, err := finish(serverShare)
			require.NoError(t, err)

			require.Len(t, clientShare, g.ClientShare, "client share")
			require.Len(t, serverShare, g.ServerShare, "server share")
			require.Len(t, serverSecret, g.Secret, "secret")
			require.Equal(t, serverSecret, clientSecret)
			require.NotEqual(t, previous, clientSecret)
			previous = clientSecret
		}
		t.Run("BadClientShare", func(t *testing.T) { rejectBadClientShares(t, g, exchange) })
		t.Run("BadServerShare", func(t *testing.T) { rejectBadServerShares(t, g, exchange) })
		if g.Hybrid() {
			t.Run("ImplicitRejection", func(t *testing.T) { rejectImplicitly(t, g, exchange) })
			t.Run("KEM", func(t *testing.T) { conformingKEM(t, g, p) })
		}
	})
}

// badPoints are ECDH halves of the right length that a peer must not get away
// with: low order on X25519 (RFC 7748, Section 6.1), off the curve, compressed
// or infinite on the others.
func badPoints(g Group) map[string][]byte {
	size := curves[g.ECDH].share
	if g.ECDH == "X25519" {
		one := make([]byte, size)
		one[0] = 1
		return map[string][]byte{"zero": make([]byte, size), "order one": one}
	}
	offCurve := bytes.Repeat([]byte{1}, size)
	offCurve[0] = 4
	compressed := bytes.Repeat([]byte{1}, size)
	compressed[0] = 2
	return map[string][]byte{"zero": make([]byte, size), "off the curve": offCurve, "compressed": compressed}
}

// badLengths are share with the wrong length.
func badLengths(share []byte) map[string][]byte {
	return map[string][]byte{
		"empty": nil,
		"short": share[:len(share)-1],
		"long":  append(bytes.Clone(share), 0),
	}
}

func replaceECDH(g Group, share, point []byte) []byte {
	share = bytes.Clone(share)
	if g.KEMFirst {
		copy(share[len(share)-len(point):], point)
	} else {
		copy(share, point)
	}
	return share
}

// kemOffset is where the KEM's half of a share begins.
func kemOffset(g Group) int {
	if g.KEMFirst {
		return 0
	}
	return curves[g.ECDH].share
}

// withCoefficient overwrites the i-th 12-bit coefficient of the encapsulation
// key in a client share.
func withCoefficient(g Group, share []byte, i int, value uint16) []byte {
	share = bytes.Clone(share)
	triple := share[kemOffset(g)+i/2*3:]
	if i%2 == 0 {
		triple[0], triple[1] = byte(value), triple[1]&0xf0|byte(value>>8)
	} else {
		triple[1], triple[2] = triple[1]&0x0f|byte(value<<4), byte(value>>4)
	}
	return share
}

func rejectBadClientShares(t *testing.T, g Group, exchange Exchange) {
	share, _, err := exchange.ClientShare(rand.Reader)
	require.NoError(t, err)
	bad := badLengths(share)
	for name, point := range badPoints(g) {
		bad["point "+name] = replaceECDH(g, share, point)
	}
	if g.Hybrid() {
		last := (kems[g.KEM].encapsulationKey-32)/3*2 - 1
		for _, i := range []int{0, 1, last - 1, last} {
			for _, value := range []uint16{modulus, 4095} {
				bad[fmt.Sprintf("coefficient %d = %d", i, value)] = withCoefficient(g, share, i, value)
			}
			_, _, err := exchange.Server(rand.Reader, withCoefficient(g, share, i, modulus-1))
			require.NoError(t, err, "coefficient %d = q-1 is reduced", i)
		}
	}
	for name, share := range bad {
		serverShare, secret, err := exchange.Server(rand.Reader, share)
		require.ErrorIs(t, err, ErrBadShare, name)
		require.Nil(t, secret, name)
		require.Nil(t, serverShare, name)
	}
}

func rejectBadServerShares(t *testing.T, g Group, exchange Exchange) {
	clientShare, finish, err := exchange.ClientShare(rand.Reader)
	require.NoError(t, err)
	share, _, err := exchange.Server(rand.Reader, clientShare)
	require.NoError(t, err)
	bad := badLengths(share)
	for name, point := range badPoints(g) {
		bad["point "+name] = replaceECDH(g, share, point)
	}
	for name, share := range bad {
		secret, err := finish(share)
		require.ErrorIs(t, err, ErrBadShare, name)
		require.Nil(t, secret, name)
	}
	_, err = finish(share)
	require.NoError(t, err, "finish can be called again")
}

// rejectImplicitly checks that a changed ciphertext changes the KEM's half of
// the secret, and only that, without an error.
func rejectImplicitly(t *testing.T, g Group, exchange Exchange) {
	clientShare, finish, err := exchange.ClientShare(rand.Reader)
	require.NoError(t, err)
	serverShare, want, err := exchange.Server(rand.Reader, clientShare)
	require.NoError(t, err)
	serverShare[kemOffset(g)] ^= 1
	got, err := finish(serverShare)
	require.NoError(t, err)
	require.NotEqual(t, kemPart(g, want), kemPart(g, got))
	copy(kemPart(g, got), kemPart(g, want))
	require.Equal(t, want, got)
}

func conformingKEM(t *testing.T, g Group, p Provider) {
	kem, err := g.KEMOf(p)
	require.NoError(t, err)
	require.Equal(t, g.KEM, kem.Name)

	for _, size := range []int{0, kem.SeedSize - 1, kem.SeedSize + 1} {
		_, err := kem.NewDecapsulator(make([]byte, size))
		require.Error(t, err, "seed of %d bytes", size)
	}
	for _, size := range []int{0, 31, kem.EncapsulationKeySize - 1, kem.EncapsulationKeySize + 1} {
		_, err := kem.NewEncapsulator(make([]byte, size))
		require.ErrorIs(t, err, ErrBadShare, "encapsulation key of %d bytes", size)
	}
	seed := make([]byte, kem.SeedSize)
	decapsulator, err := kem.NewDecapsulator(seed)
	require.NoError(t, err)
	for _, size := range []int{0, kem.CiphertextSize - 1, kem.CiphertextSize + 1} {
		_, err := decapsulator.Decapsulate(make([]byte, size))
		require.Error(t, err, "ciphertext of %d bytes", size)
	}
	again, err := kem.NewDecapsulator(seed)
	require.NoError(t, err)
	require.Equal(t, decapsulator.Encapsulator().Bytes(), again.Encapsulator().Bytes(), "the seed decides the key")
	parsed, err := kem.NewEncapsulator(again.Encapsulator().Bytes())
	require.NoError(t, err)
	require.Equal(t, again.Encapsulator().Bytes(), parsed.Bytes(), "bytes survive parsing")
}

// TestProvidersAgree derives one key pair from one seed on every provider, and
// decapsulates every provider's ciphertexts, whole and damaged, with each.
func TestProvidersAgree(t *testing.T) {
	seed := bytes.Repeat([]byte{7}, seedSize)
	for _, name := range []string{"X25519Kyber512Draft00", "X25519Kyber768Draft00", "X25519MLKEM768", "SecP384r1MLKEM1024"} {
		g, err := ByName(name)
		require.NoError(t, err)
		t.Run(g.KEM, func(t *testing.T) {
			var keys, ciphertexts [][]byte
			on := func(p Provider, do func(crypto.Decapsulator)) {
				t.Run(string(p), func(t *testing.T) {
					useProvider(t, p)
					kem, err := g.KEMOf(p)
					require.NoError(t, err)
					decapsulator, err := kem.NewDecapsulator(seed)
					require.NoError(t, err)
					do(decapsulator)
				})
			}
			for _, p := range g.Providers() {
				on(p, func(d crypto.Decapsulator) {
					keys = append(keys, d.Encapsulator().Bytes())
					_, ciphertext := d.Encapsulator().Encapsulate()
					damaged := bytes.Clone(ciphertext)
					damaged[len(damaged)-1] ^= 0x80
					ciphertexts = append(ciphertexts, ciphertext, damaged)
				})
			}
			for _, key := range keys {
				require.Equal(t, keys[0], key)
			}
			want := make([][]byte, len(ciphertexts))
			for _, p := range g.Providers() {
				on(p, func(d crypto.Decapsulator) {
					for i, ciphertext := range ciphertexts {
						got, err := d.Decapsulate(ciphertext)
						require.NoError(t, err)
						if want[i] == nil {
							want[i] = got
						}
						require.Equal(t, want[i], got, "ciphertext %d on %s", i, p)
					}
				})
			}
		})
	}
}

// TestFlipIsSilent shows why a process is held to one CIRCL provider.
func TestFlipIsSilent(t *testing.T) {
	if !cpuHasAVX2 || pureGo {
		t.Skip("needs a CPU with AVX2 and a build with assembly")
	}
	useProvider(t, CIRCLAsm)
	g, _ := ByID(x25519Kyber768Draft00)
	kem, err := g.KEMOf(CIRCLAsm)
	require.NoError(t, err)
	decapsulator, err := generate(kem)
	require.NoError(t, err)
	want, ciphertext := decapsulator.Encapsulator().Encapsulate()

	cpu.X86.HasAVX2 = false
	got, err := decapsulator.Decapsulate(ciphertext)
	require.NoError(t, err)
	require.NotEqual(t, want, got, "a key made with AVX2 works without it: Fix need not be for good")
}

func BenchmarkRequireReduced(b *testing.B) {
	key := make([]byte, kems["Kyber768"].encapsulationKey)
	for b.Loop() {
		if err := requireReduced(key); err != nil {
			b.Fatal(err)
		}
	}
}
