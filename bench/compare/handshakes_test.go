package compare

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"pqbench/wire"
)

// A number that a program does not know comes as 0, and is none; that there was no HelloRetryRequest is one.
func TestWeights(t *testing.T) {
	v := weights(wire.Ledger{ClientHelloBytes: 1500, ClientHelloGreaseBytes: 12, ClientBytes: 2560})
	assert.Equal(t, Values{"clienthello_bytes": 1488, "client_bytes": 2560, "hello_retry_requests": 0}, v)
	v = weights(wire.Ledger{ClientHelloBytes: 1500})
	assert.NotContains(t, v, "clienthello_bytes", "with dice in it that nobody told")
}
