package connector

import (
	"fmt"
	"os"
	"testing"

	"pqbench/kex"
)

// In a build with the crypto/tls overlay the tests can negotiate the Draft00 groups, too.
func TestMain(m *testing.M) {
	if kex.Overlay {
		if err := kex.Fix(kex.CIRCLAsm); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}
