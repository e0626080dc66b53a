package kex

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/cloudflare/circl/kem/schemes"
	"github.com/stretchr/testify/require"
)

// hexBytes are bytes that a JSON file gives in hexadecimal.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func readJSON(t *testing.T, name string, v any) {
	t.Helper()
	file, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(file, v))
}

// encapsulateWith is Encapsulate with the given randomness. Of crypto/mlkem and
// of CIRCL it computes with the very key that the provider made.
func encapsulateWith(t *testing.T, key crypto.Encapsulator, random []byte) (sharedKey, ciphertext []byte) {
	t.Helper()
	var err error
	switch key := key.(type) {
	case circlEncapsulator:
		sharedKey = make([]byte, sharedKeySize)
		ciphertext = make([]byte, key.key.Scheme().CiphertextSize())
		key.key.EncapsulateTo(ciphertext, sharedKey, random)
	case *mlkem.EncapsulationKey768:
		sharedKey, ciphertext, err = mlkemtest.Encapsulate768(key, random)
	case *mlkem.EncapsulationKey1024:
		sharedKey, ciphertext, err = mlkemtest.Encapsulate1024(key, random)
	default:
		err = fmt.Errorf("unknown encapsulation key %T", key)
	}
	require.NoError(t, err)
	return sharedKey, ciphertext
}

// groupOfKEM returns some group with the KEM called name.
func groupOfKEM(t *testing.T, name string) Group {
	t.Helper()
	for _, g := range Groups() {
		if g.KEM == name {
			return g
		}
	}
	t.Fatalf("no group has KEM %q", name)
	return Group{}
}

// forEachKEM runs test for the KEM called name on every provider that computes
// it.
func forEachKEM(t *testing.T, name string, test func(t *testing.T, k KEM)) {
	g := groupOfKEM(t, name)
	for _, p := range g.Providers() {
		t.Run(fmt.Sprintf("%s/kem=%s", name, p), func(t *testing.T) {
			useProvider(t, p)
			k, err := g.KEMOf(p)
			require.NoError(t, err)
			test(t, k)
		})
	}
}

// TestACVP checks the ML-KEMs against NIST's ACVP vectors.
func TestACVP(t *testing.T) {
	var file struct {
		Sets []struct {
			KEM    string
			Keygen []struct {
				TC       int
				D, Z     hexBytes
				EkSHA256 hexBytes `json:"ek_sha256"`
				DkSHA256 hexBytes `json:"dk_sha256"`
			}
			Encapsulate []struct {
				TC       int
				Ek, M, K hexBytes
				CSHA256  hexBytes `json:"c_sha256"`
			}
			DecapsulationKey hexBytes `json:"decapsulation_key"`
			Decapsulate      []struct {
				TC   int
				C, K hexBytes
			}
		}
	}
	readJSON(t, "testdata/acvp_mlkem.json", &file)
	require.Len(t, file.Sets, 2)
	for _, set := range file.Sets {
		forEachKEM(t, set.KEM, func(t *testing.T, k KEM) {
			require.Len(t, set.Keygen, 25)
			for _, tc := range set.Keygen {
				decapsulator, err := k.NewDecapsulator(append(tc.D[:32:32], tc.Z...))
				require.NoError(t, err)
				require.Equal(t, []byte(tc.EkSHA256), sum(decapsulator.Encapsulator().Bytes()), "tc %d: ek", tc.TC)
				if expanded, ok := decapsulator.(circlDecapsulator); ok { // crypto/mlkem keeps the expanded key to itself
					dk, err := expanded.key.MarshalBinary()
					require.NoError(t, err)
					require.Equal(t, []byte(tc.DkSHA256), sum(dk), "tc %d: dk", tc.TC)
				}
			}
			require.Len(t, set.Encapsulate, 5)
			for _, tc := range set.Encapsulate {
				encapsulator, err := k.NewEncapsulator(tc.Ek)
				require.NoError(t, err)
				sharedKey, ciphertext := encapsulateWith(t, encapsulator, tc.M)
				require.Equal(t, []byte(tc.K), sharedKey, "tc %d: k", tc.TC)
				require.Equal(t, []byte(tc.CSHA256), sum(ciphertext), "tc %d: c", tc.TC)
			}
		})
		// The decapsulation key is given expanded, a form that crypto/mlkem does
		// not take: TestProvidersAgree carries the result over to it.
		t.Run(set.KEM+"/decapsulate", func(t *testing.T) {
			useProvider(t, CIRCLAsm)
			private, err := schemes.ByName(set.KEM).UnmarshalBinaryPrivateKey(set.DecapsulationKey)
			require.NoError(t, err)
			decapsulator, err := newCIRCLDecapsulator(private.Public(), private)
			require.NoError(t, err)
			require.Len(t, set.Decapsulate, 10)
			for _, tc := range set.Decapsulate {
				got, err := decapsulator.Decapsulate(tc.C)
				require.NoError(t, err)
				require.Equal(t, []byte(tc.K), got, "tc %d", tc.TC)
			}
		})
	}
}

func sum(b []byte) []byte {
	h := sha256.Sum256(b)
	return h[:]
}

// knownAnswerFiles are the SHA-256 of the response files that NIST's
// PQCgenKAT_kem writes, 100 key pairs and encapsulations each. Source:
// cloudflare/circl v1.6.5, kem/kyber/kat_test.go, where they were computed from
// the reference implementations: pq-crystals/kyber, whose branch "standard" still
// calls ML-KEM Kyber.
var knownAnswerFiles = []struct{ kem, title, want string }{
	{"Kyber512", "Kyber512", "e9c2bd37133fcb40772f81559f14b1f58dccd1c816701be9ba6214d43baf4547"},
	{"Kyber768", "Kyber768", "a1e122cad3c24bc51622e4c242d8b8acbcd3f618fee4220400605ca8f9ea02c2"},
	{"ML-KEM-768", "Kyber768", "729367b590637f4a93c68d5e4a4d2e2b4454842a52c9eec503e3a0d24cb66471"},
	{"ML-KEM-1024", "Kyber1024", "3fba7327d0320cb6134badf2a1bcb963a5b3c0026c7dece8f00d6a6155e47b33"},
}

// TestNISTKnownAnswers writes the response files and hashes them.
func TestNISTKnownAnswers(t *testing.T) {
	for _, file := range knownAnswerFiles {
		forEachKEM(t, file.kem, func(t *testing.T, k KEM) {
			hash := sha256.New()
			fmt.Fprintf(hash, "# %s\n\n", file.title)
			outer := newDRBG(countingSeed())
			for count := range 100 {
				answer := knownAnswer(t, k, outer.read(48))
				answer.write(hash, count)
			}
			require.Equal(t, file.want, hex.EncodeToString(hash.Sum(nil)))
		})
	}
}

type answer struct {
	drbgSeed, kemSeed, random []byte
	pk, sk, ct, ss            []byte
}

// knownAnswer computes one entry. The submissions draw the two halves of the
// seed one by one, ML-KEM both at once: the generator restarts after each draw,
// so that it matters.
func knownAnswer(t *testing.T, k KEM, drbgSeed []byte) answer {
	a := answer{drbgSeed: drbgSeed}
	inner := newDRBG(drbgSeed)
	if k.Name == "Kyber512" || k.Name == "Kyber768" {
		a.kemSeed = append(inner.read(32), inner.read(32)...)
	} else {
		a.kemSeed = inner.read(64)
	}
	a.random = inner.read(32)

	decapsulator, err := k.NewDecapsulator(a.kemSeed)
	require.NoError(t, err)
	a.pk = decapsulator.Encapsulator().Bytes()
	encapsulator, err := k.NewEncapsulator(a.pk)
	require.NoError(t, err)
	a.ss, a.ct = encapsulateWith(t, encapsulator, a.random)
	got, err := decapsulator.Decapsulate(a.ct)
	require.NoError(t, err)
	require.Equal(t, a.ss, got)
	a.sk = expandedKey(t, k, a.kemSeed)
	return a
}

// expandedKey is the secret key in the form of the response files, which
// crypto/mlkem does not give out: its half of the entry is the rest.
func expandedKey(t *testing.T, k KEM, seed []byte) []byte {
	_, private := schemes.ByName(k.Name).DeriveKeyPair(seed)
	sk, err := private.MarshalBinary()
	require.NoError(t, err)
	return sk
}

func (a answer) write(w io.Writer, count int) {
	fmt.Fprintf(w, "count = %d\nseed = %X\npk = %X\nsk = %X\nct = %X\nss = %X\n\n",
		count, a.drbgSeed, a.pk, a.sk, a.ct, a.ss)
}

// countingSeed is the entropy that PQCgenKAT_kem starts from: 0, 1, ... 47.
func countingSeed() []byte {
	seed := make([]byte, 48)
	for i := range seed {
		seed[i] = byte(i)
	}
	return seed
}

// drbg is CTR_DRBG with AES-256, no derivation function and no reseeding (NIST
// SP 800-90A, Section 10.2.1), the generator behind the response files.
type drbg struct {
	block cipher.Block
	v     [16]byte
}

func newDRBG(seed []byte) *drbg {
	g := new(drbg)
	g.rekey(make([]byte, 32))
	g.update(seed)
	return g
}

func (g *drbg) rekey(key []byte) {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key is 32 bytes
	}
	g.block = block
}

func (g *drbg) generate(b []byte) {
	var out [16]byte
	for len(b) > 0 {
		for i := len(g.v) - 1; i >= 0; i-- { // V = (V + 1) mod 2^128
			g.v[i]++
			if g.v[i] != 0 {
				break
			}
		}
		g.block.Encrypt(out[:], g.v[:])
		b = b[copy(b, out[:]):]
	}
}

func (g *drbg) update(provided []byte) {
	next := make([]byte, 48)
	g.generate(next)
	for i := range provided {
		next[i] ^= provided[i]
	}
	g.rekey(next[:32])
	copy(g.v[:], next[32:])
}

func (g *drbg) read(n int) []byte {
	b := make([]byte, n)
	g.generate(b)
	g.update(nil)
	return b
}
