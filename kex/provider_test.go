package kex

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/cpu"
)

func TestParseProvider(t *testing.T) {
	for _, p := range Providers() {
		got, err := ParseProvider(string(p))
		require.NoError(t, err)
		require.Equal(t, p, got)
	}
	_, err := ParseProvider("circl")
	require.EqualError(t, err, `unknown provider "circl" (did you mean "circl-asm"?)`)
}

func TestGroupProviders(t *testing.T) {
	for _, test := range []struct {
		group string
		want  []Provider
	}{
		{"X25519", nil},
		{"secp384r1", nil},
		{"X25519Kyber512Draft00", []Provider{CIRCLAsm, CIRCLGeneric}},
		{"0xfe31", []Provider{CIRCLAsm, CIRCLGeneric}},
		{"P256Kyber768Draft00", []Provider{CIRCLAsm, CIRCLGeneric}},
		{"X25519MLKEM768", []Provider{Go, CIRCLAsm, CIRCLGeneric}},
		{"SecP384r1MLKEM1024", []Provider{Go, CIRCLAsm, CIRCLGeneric}},
	} {
		g, err := ByName(test.group)
		require.NoError(t, err)
		require.Equal(t, test.want, g.Providers(), test.group)
	}
}

func TestOneCIRCLProviderPerProcess(t *testing.T) {
	mlkem, _ := ByName("X25519MLKEM768")
	useProvider(t, CIRCLGeneric)
	require.False(t, cpu.X86.HasAVX2, "assembly is off")

	_, err := mlkem.KEMOf(CIRCLGeneric)
	require.NoError(t, err)
	_, err = mlkem.KEMOf(Go)
	require.NoError(t, err, "go beside a CIRCL provider is safe")

	const want = "this process computes with circl-generic: start another one for circl-asm"
	_, err = mlkem.KEMOf(CIRCLAsm)
	require.EqualError(t, err, want)
	_, err = mlkem.Exchange(CIRCLAsm)
	require.EqualError(t, err, want)
	_, err = mlkem.Operations(CIRCLAsm)
	require.EqualError(t, err, want)
	require.EqualError(t, Fix(CIRCLAsm), want)
	require.False(t, cpu.X86.HasAVX2, "a refusal changes nothing")

	useProvider(t, CIRCLAsm)
	require.Equal(t, cpuHasAVX2, cpu.X86.HasAVX2, "assembly is on where the CPU has it")
}

// TestFix runs on every provider, see perProcess.
func TestFix(t *testing.T) {
	if os.Getenv(providerVariable) == "" {
		useProvider(t, Go)
	}
	p := Fixed()
	require.NoError(t, Fix(p), "the same again")
	for _, other := range Providers() {
		if other != p {
			require.EqualError(t, Fix(other), "this process is fixed on provider "+string(p)+": start another one for "+string(other))
		}
	}
	require.Equal(t, p, Fixed())
	require.Error(t, Fix("gcc"))
}

func TestFixedByDefault(t *testing.T) {
	useProvider(t, Go)
	require.Equal(t, Go, Fixed())
}

func TestErrorsOfKEMOf(t *testing.T) {
	for _, test := range []struct {
		group    string
		provider Provider
		want     string
	}{
		{"X25519", Go, "group X25519 has no KEM"},
		{"X25519Kyber512Draft00", Go, "provider go does not compute Kyber512; use circl-asm or circl-generic"},
		{"X25519MLKEM768", "gp", `unknown provider "gp" (did you mean "go"?)`},
	} {
		g, err := ByName(test.group)
		require.NoError(t, err)
		_, err = g.KEMOf(test.provider)
		require.EqualError(t, err, test.want)
	}
	_, err := Groups()[0].Exchange("gp")
	require.EqualError(t, err, `unknown provider "gp" (did you mean "go"?)`)
	_, err = Group{}.Exchange(Go)
	require.Error(t, err)
}

func TestInTLS(t *testing.T) {
	for _, g := range Groups() {
		for _, p := range Providers() {
			err := g.InTLS(p)
			switch {
			case g.computedBy(p) != nil:
				require.EqualError(t, err, "provider go does not compute "+g.KEM+"; use circl-asm or circl-generic")
			case Overlay, p == Go, !g.Hybrid():
				require.NoError(t, err, "%s on %s", g.Label(), p)
			default:
				require.EqualError(t, err, "this build cannot negotiate "+g.Label()+" on "+string(p)+
					": it lacks the crypto/tls overlay, which `make build` adds")
			}
		}
		require.Error(t, g.InTLS("gcc"))
	}
}

func TestProviderNote(t *testing.T) {
	if pureGo {
		t.Skip("a build without assembly has one note")
	}
	for _, test := range []struct {
		provider Provider
		goarch   string
		avx2     bool
		want     string
	}{
		{CIRCLAsm, "amd64", true, "AVX2"},
		{CIRCLAsm, "amd64", false, "no AVX2 on this CPU: same code as circl-generic"},
		{CIRCLGeneric, "amd64", true, "AVX2 switched off for the KEM alone"},
		{CIRCLGeneric, "amd64", false, "no AVX2 on this CPU"},
		{CIRCLAsm, "arm64", false, "NEON (partial: polynomial addition and subtraction)"},
		{CIRCLGeneric, "arm64", false, "NEON (partial) cannot be switched off: same code as circl-asm"},
		{CIRCLAsm, "riscv64", false, "no assembly in this build: both circl providers are the same code"},
	} {
		require.Equal(t, test.want, circlNote(test.provider, test.goarch, test.avx2))
	}
	useProvider(t, CIRCLGeneric) // the note is on the CPU, not on the switch
	require.Equal(t, circlNote(CIRCLAsm, runtime.GOARCH, cpuHasAVX2), ProviderNote(CIRCLAsm))
	require.NotEmpty(t, ProviderNote(Go))
}
