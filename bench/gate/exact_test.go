//go:build !race

// `make exact` runs these without the race detector, which shuffles goroutines on purpose.

package gate

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/kex"
	"pqbench/results"
)

// What is measured twice is the same, and one byte more is seen.
func TestMeasuredTwiceIsTheSame(t *testing.T) {
	provider := kex.Go
	if kex.Overlay {
		provider = kex.CIRCLAsm
	}
	require.NoError(t, kex.Fix(provider))
	first, err := Measure(t.Context())
	require.NoError(t, err)
	first.Lacking = nil // a baseline of what this build has will do here
	dir := t.TempDir()
	_, err = gateOf(t, dir, first, "first")
	require.NoError(t, err)

	_, err = Run(t.Context(), Options{Dir: dir})
	require.NoError(t, err)

	r, err := Run(t.Context(), Options{Dir: dir, Measure: func(ctx context.Context) (Measured, error) {
		m, err := Measure(ctx)
		i := slices.IndexFunc(m.Values, func(v Value) bool { return v.Arm.Group == "X25519MLKEM768" && v.Metric == "client_bytes" })
		m.Values[i].Value++ // as a byte more in one handshake of many would, but whole
		return m, err
	}})
	require.ErrorIs(t, err, ErrChanged)
	assert.Equal(t, 1, r.Findings.Count(results.VerdictRegressed))
	assert.Contains(t, text(t, r.Findings), "+1 B")
}

// A handshake of each condition is what the protocol says: whole round trips, and one more for a Retry or a HelloRetryRequest.
func TestConditionsAreWhatTheySay(t *testing.T) {
	provider := kex.Go
	if kex.Overlay {
		provider = kex.CIRCLAsm
	}
	require.NoError(t, kex.Fix(provider))
	m, err := Measure(t.Context())
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
