//go:build !race

// `make exact` runs these without the race detector, which shuffles goroutines on purpose.

package gate

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/kex"
	"pqbench/results"
)

// measured is one measurement for all tests here: it takes seconds.
var measured = sync.OnceValues(func() (Measured, error) {
	provider := kex.Go
	if kex.Overlay {
		provider = kex.CIRCLAsm
	}
	if err := kex.Fix(provider); err != nil {
		return Measured{}, err
	}
	m, err := Measure(context.Background())
	m.Lacking = nil // a baseline of what this build has will do here
	return m, err
})

// What is measured twice is the same, and one byte more is seen.
func TestMeasuredTwiceIsTheSame(t *testing.T) {
	first, err := measured()
	require.NoError(t, err)
	dir := t.TempDir()
	_, err = gateOf(t, dir, first, "first")
	require.NoError(t, err)

	var second Measured
	_, err = Run(t.Context(), Options{Dir: dir, Measure: func(ctx context.Context) (m Measured, err error) {
		m, err = Measure(ctx)
		second = m
		return m, err
	}})
	require.NoError(t, err)

	i := slices.IndexFunc(second.Values, func(v Value) bool { return v.Arm.Group == "X25519MLKEM768" && v.Metric == "client_bytes" })
	second.Values[i].Value++
	r, err := gateOf(t, dir, second, "")
	require.ErrorIs(t, err, ErrChanged)
	assert.Equal(t, 1, r.Findings.Count(results.VerdictRegressed))
	assert.Contains(t, text(t, r.Findings), "+1 B")
}

// A handshake of each condition is what the protocol says: whole round trips, and one more for a Retry or a HelloRetryRequest.
func TestConditionsAreWhatTheySay(t *testing.T) {
	m, err := measured()
	require.NoError(t, err)
	for _, v := range m.Values {
		if v.Arm.Loss != "" {
			continue
		}
		extra := 0.0
		if v.Arm.Accept != "" || v.Arm.Path == far.String()+", Retry" {
			extra = 1
		}
		switch v.Metric {
		case "round_trips_mean":
			assert.Equal(t, 1+extra, v.Value, v.id())
		case "handshake_mean":
			assert.InDelta(t, (1+extra)*float64(far), v.Value, 100, v.id())
		case "retries":
			assert.Equal(t, v.Arm.Path != far.String(), v.Value == 1, v.id())
		case "hello_retry_requests":
			assert.Equal(t, v.Arm.Accept != "", v.Value == 1, v.id())
		case "client_share_bytes":
			g, err := kex.ByName(v.Arm.Group)
			require.NoError(t, err)
			assert.EqualValues(t, g.ClientShare, v.Value, v.id())
		case "last_byte_1kB", "registered_mean":
			assert.Positive(t, v.Value, v.id())
		}
	}
}
