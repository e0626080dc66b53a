package lab

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pqbench/bench"
)

// A NAT that forgets stops what the edge sends until the client speaks again: a tunnel answers at once when its
// keep-alives come more often than the NAT forgets, and late, or over a new connection, when they do not.
func TestTunnelsBehindANATThatForgets(t *testing.T) {
	const rtt, silence = 50 * time.Millisecond, 35 * time.Second
	for name, tc := range map[string]struct {
		box    string
		timers bench.Timers
		prompt bool
	}{
		"no NAT":                    {"", bench.Timers{KeepAlive: 40 * time.Second, Idle: 2 * time.Minute}, true},
		"keep-alives more often":    {"forgetful-nat(30s)", bench.Timers{KeepAlive: 15 * time.Second, Idle: time.Minute}, true},
		"cloudflared's, a bad NAT":  {"forgetful-nat(2s)", bench.Timers{}, true},
		"keep-alives less often":    {"forgetful-nat(30s)", bench.Timers{KeepAlive: 40 * time.Second, Idle: 2 * time.Minute}, false},
		"a NAT that forgets sooner": {"forgetful-nat(10s)", bench.Timers{KeepAlive: 20 * time.Second, Idle: time.Minute}, false},
	} {
		t.Run(name, func(t *testing.T) {
			cell := Cell{Offer: []string{"X25519MLKEM768"}, RTT: rtt, Middlebox: tc.box, Timers: tc.timers, Silence: silence}
			got := trials(t, Job{Cell: cell, Requests: []int{silenceSize}}, 1)[0]
			require.Empty(t, got.Class, got.Detail)
			values := map[string]float64{}
			afterSilence(values, got)
			if tc.prompt {
				require.Len(t, got.Answers, 1)
				assert.Equal(t, rtt, got.Answers[0].Last.Round(time.Millisecond))
				assert.EqualValues(t, 1, values["answered_after_silence"])
				assert.EqualValues(t, 0, values["connections_lost"])
				return
			}
			// The next keep-alive comes 40 s after the registration, and the edge follows it to the new port.
			require.Len(t, got.Answers, 1)
			assert.InDelta(t, 5*time.Second, got.Answers[0].Last, float64(8*rtt))
			assert.EqualValues(t, 0, values["connections_lost"])
		})
	}
}
