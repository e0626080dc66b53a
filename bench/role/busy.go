package role

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"os"
)

// BusyVariable makes the processes that are started with it do work in every handshake that nobody asked for: the
// self-test of comparisons must know what is to be found. Its value is Busy's String. No other program sets it.
const BusyVariable = "PQBENCH_ROLE_BUSY"

// Busy is work in every handshake, in hashes of 64 bytes: so it grows slower and faster with the machine as the
// handshake itself does.
type Busy struct{ Client, Server int }

// String is the value of BusyVariable.
func (b Busy) String() string { return fmt.Sprintf("%d:%d", b.Client, b.Server) }

// busy is what this process was told; nothing without the variable, or with one that is not of Busy's making.
func busy() (b Busy) {
	if _, err := fmt.Sscanf(os.Getenv(BusyVariable), "%d:%d", &b.Client, &b.Server); err != nil {
		return Busy{}
	}
	return b
}

// burden adds the work to a side's handshakes, once its peer is verified.
func burden(config *tls.Config, hashes int) {
	if hashes <= 0 {
		return
	}
	config.VerifyConnection = func(tls.ConnectionState) error {
		Hash(hashes)
		return nil
	}
}

// Hash does the work of so many hashes.
func Hash(hashes int) {
	var block [64]byte
	for range hashes {
		sum := sha256.Sum256(block[:])
		copy(block[:], sum[:])
	}
}
