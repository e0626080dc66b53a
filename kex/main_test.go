package kex

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

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

// forEachProvider runs tests in one child process per provider, because a
// process registers its groups with crypto/tls once and for all.
func forEachProvider(t *testing.T, tests string, run func(t *testing.T)) {
	t.Helper()
	if os.Getenv(providerVariable) != "" {
		run(t)
		return
	}
	for _, p := range Providers() {
		t.Run("kem="+string(p), func(t *testing.T) {
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+tests+"$", "-test.v")
			child.Env = append(os.Environ(), providerVariable+"="+string(p))
			output, err := child.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, output)
			}
			t.Logf("%s", output)
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
