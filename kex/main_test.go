package kex

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/cpu"
)

// providerVariable fixes the provider of a test process before its first test.
const providerVariable = "PQBENCH_KEX_TEST_PROVIDER"

func TestMain(m *testing.M) {
	if p := os.Getenv(providerVariable); p != "" {
		if err := Fix(Provider(p)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// perProcess are the tests that are on what the process was fixed on. They run
// here on Go, and in TestOtherProviders on the others.
var perProcess = []string{
	"TestFix", "TestHandshake", "TestFallbackShare", "TestHelloRetryRequest", "TestBadShareInTLS", "TestHelloBytes", "TestOpenSSL",
}

// TestOtherProviders runs tests in one child process per CIRCL provider, because
// a process registers its groups with crypto/tls once and for all. What one
// provider sends must be, byte for byte, what Go sends.
func TestOtherProviders(t *testing.T) {
	if os.Getenv(providerVariable) != "" {
		t.Skip("this is such a process")
	}
	want := helloDigests(t)
	for _, p := range []Provider{CIRCLAsm, CIRCLGeneric} {
		t.Run("kem="+string(p), func(t *testing.T) {
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^("+strings.Join(perProcess, "|")+")$")
			child.Env = append(os.Environ(), providerVariable+"="+string(p))
			output, err := child.CombinedOutput()
			t.Logf("%s", output)
			require.NoError(t, err)
			for _, test := range perProcess {
				require.Regexp(t, `(?m)^--- (PASS|SKIP): `+test+` `, string(output))
			}
			digests := digestLine.FindAllStringSubmatch(string(output), -1)
			require.NotEmpty(t, digests)
			for _, digest := range digests {
				label, got := digest[1], digest[2]
				if g, err := ByName(label); err == nil && g.InTLS(Go) == nil {
					require.Equal(t, want[label], got, "hellos of %s", label)
				}
			}
		})
	}
}

// useProvider lets a test compute with p in this process, whatever was settled
// before, and undoes it. Nothing may outlive the test that was made with a
// CIRCL key, and no such test may be parallel.
func useProvider(tb testing.TB, p Provider) {
	tb.Helper()
	forget := func(to, circl Provider, avx2 bool) {
		process.Lock()
		defer process.Unlock()
		process.tls, process.circl, cpu.X86.HasAVX2 = to, circl, avx2
	}
	tlsBefore, circlBefore, avx2Before := process.tls, process.circl, cpu.X86.HasAVX2
	tb.Cleanup(func() { forget(tlsBefore, circlBefore, avx2Before) })
	forget("", "", cpuHasAVX2)
	if p != Go {
		if err := settle(p); err != nil {
			tb.Fatal(err)
		}
	}
}

// arms are the groups that p computes. Classical groups, the same on every
// provider, count as computed by Go alone.
func arms(p Provider) []Group {
	return slices.DeleteFunc(Groups(), func(g Group) bool {
		return g.computedBy(p) != nil || !g.Hybrid() && p != Go
	})
}

func armName(g Group, p Provider) string {
	if !g.Hybrid() {
		return "group=" + g.Label()
	}
	return fmt.Sprintf("group=%s/kem=%s", g.Label(), p)
}

// forEachArm runs test once per group and provider, providers outermost.
func forEachArm(t *testing.T, test func(t *testing.T, g Group, p Provider)) {
	t.Helper()
	for _, p := range Providers() {
		for _, g := range arms(p) {
			t.Run(armName(g, p), func(t *testing.T) {
				useProvider(t, p)
				test(t, g, p)
			})
		}
	}
}
