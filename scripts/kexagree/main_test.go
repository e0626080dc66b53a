package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRead(t *testing.T) {
	got := times{}
	require.NoError(t, got.read(strings.NewReader(`goos: linux
BenchmarkKex/group=X25519/op=client-2         	    1000	     88000 ns/op	     512 B/op	       9 allocs/op
BenchmarkKex/group=X25519/op=client-2         	    1000	     90000 ns/op	     512 B/op	       9 allocs/op
BenchmarkKex/group=X25519MLKEM768/kem=circl-asm/op=keygen 	    1000	     24000.5 ns/op
PASS
`)))
	assert.Equal(t, times{
		"group=X25519/op=client":                       {88000, 90000},
		"group=X25519MLKEM768/kem=circl-asm/op=keygen": {24000.5},
	}, got)
}

// The fastest rounds are compared: what disturbed the others does not count.
func TestCompare(t *testing.T) {
	require.NoError(t, compare(times{"a": {10, 20, 30}}, times{"a": {15, 10.2, 70}}, 0.05))
	require.ErrorContains(t, compare(times{"a": {10, 20, 10}}, times{"a": {11, 22, 11}}, 0.05), "1 of 1 operations differ")
	require.ErrorContains(t, compare(times{"a": {10}}, times{"b": {10}}, 0.05), "no benchmark a")
	require.Error(t, compare(times{}, times{}, 0.05), "nothing to compare")
}
